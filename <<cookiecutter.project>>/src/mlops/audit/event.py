"""One call, as much of its CloudTrail record as the audit reads. Foreign and future members are left alone.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.audit.store import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DENIED = ("AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation", "UnauthorizedOperation")


@dataclass(frozen=True)
class Who:
    """Who called. `role` is the ARN of the role whose session it was; `service` what acted for them."""

    kind: str
    arn: str = ""
    account: str = ""
    key: str = ""
    role: str = ""
    session: str = ""
    source: str = ""
    service: str = ""
    subject: str = ""
    web: str = ""

    def __str__(self) -> str:
        source = f" (source identity {self.source})" if self.source else ""
        return (self.arn or self.subject or self.service or self.kind or "somebody") + source


@dataclass(frozen=True)
class Event:
    """A call that was recorded. `error` is empty when it happened."""

    id: str
    time: datetime
    source: str
    name: str
    account: str
    region: str
    who: Who
    error: str = ""
    request: Mapping[str, Any] = field(default_factory=dict, hash=False)
    answer: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    shared: str = ""
    file: str = ""
    digest: str = ""

    @property
    def is_denied(self) -> bool:
        """Whether it was an attempt that policy refused."""
        return self.error in DENIED

    def asked(self, *path: str) -> str:
        """A text among the request's parameters; empty where there is none."""
        return text_at(self.request, *path)

    def answered(self, *path: str) -> str:
        """A text in the answer; empty where there is none."""
        return text_at(self.answer, *path)


def text_at(value: Any, *path: str) -> str:
    """The text at a path of members; empty where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def list_at(value: Any, *path: str) -> list[Any]:
    """The list at a path of members; empty where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def mapping_at(value: Any, *path: str) -> dict[str, Any]:
    """The mapping at a path of members; empty where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def parse_event(record: Any, file: str = "", digest: str = "") -> Event | None:
    """The event of a record; None for one that lacks what every record has."""
    moment = parse_time(record.get("eventTime")) if isinstance(record, dict) else None
    if moment is None or not text_at(record, "eventID"):
        return None
    return Event(
        text_at(record, "eventID"),
        moment,
        text_at(record, "eventSource").removesuffix(".amazonaws.com"),
        text_at(record, "eventName"),
        text_at(record, "recipientAccountId"),
        text_at(record, "awsRegion"),
        parse_who(mapping_at(record, "userIdentity")),
        text_at(record, "errorCode"),
        mapping_at(record, "requestParameters"),
        mapping_at(record, "responseElements"),
        mapping_at(record, "additionalEventData"),
        text_at(record, "sharedEventID"),
        file,
        digest,
    )


def parse_who(identity: Mapping[str, Any]) -> Who:
    """Who called, from `userIdentity`."""
    arn = text_at(identity, "arn")
    context = mapping_at(identity, "sessionContext")
    role = text_at(context, "sessionIssuer", "arn")
    return Who(
        text_at(identity, "type"),
        arn,
        text_at(identity, "accountId"),
        text_at(identity, "accessKeyId"),
        role,
        arn.rpartition("/")[2] if role else "",
        text_at(context, "sourceIdentity"),
        text_at(identity, "invokedBy"),
        text_at(identity, "userName") if text_at(identity, "type") == "WebIdentityUser" else "",
        text_at(identity, "identityProvider") or text_at(context, "webIdFederationData", "federatedProvider"),
    )
