"""One call as CloudTrail writes it, in the trail of each account that it concerns."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.cloudtrail import kinds

if TYPE_CHECKING:
    from datetime import datetime

Record = dict[str, Any]
STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Event:
    """One call, ready to be written; `accounts` are the caller's and that of the resource's owner."""

    service: str
    name: str
    region: str
    accounts: tuple[str, ...]
    identity: dict[str, Any]
    request: Any
    response: Any
    error: tuple[str, str] | None
    source_ip: str
    user_agent: str
    request_id: str
    resources: tuple[dict[str, str], ...] = ()
    additional: dict[str, Any] | None = None
    read_only: bool | None = None  # where its name does not tell


def records(event: Event, moment: datetime) -> list[Record]:
    """One record for each account that a call concerns; equal ones share an id of their own."""
    shared = {"sharedEventID": str(uuid.uuid4())} if len(event.accounts) > 1 else {}
    return [record(event, account, moment, shared) for account in event.accounts]


def record(event: Event, account: str, moment: datetime, shared: dict[str, str]) -> Record:
    """Shape an event as CloudTrail does; a failed call carries errorCode and no answer."""
    data = kinds.is_data(event.service, event.name)
    failure = {"errorCode": event.error[0], "errorMessage": event.error[1]} if event.error else {}
    answered = not event.error and kinds.shows_answer(event.name)
    identity, address, agent = whence(event)
    return {
        "eventVersion": "1.11",
        "userIdentity": seen_by(identity, account),
        "eventTime": moment.strftime(STAMP),
        "eventSource": f"{event.service.removesuffix('-runtime')}.amazonaws.com",
        "eventName": kinds.event_name(event.service, event.name),
        "awsRegion": kinds.region_of(event.service, event.region),
        "sourceIPAddress": address,
        "userAgent": agent,
        **failure,
        "requestParameters": event.request or None,
        "responseElements": (event.response or None) if answered else None,
        **({"additionalEventData": event.additional} if event.additional else {}),
        "requestID": event.request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": kinds.is_read_only(event.name) if event.read_only is None else event.read_only,
        **({"resources": list(event.resources)} if event.resources else {}),
        "eventType": "AwsApiCall",
        "managementEvent": not data,
        "recipientAccountId": account,
        **shared,
        "eventCategory": "Data" if data else "Management",
    }


def whence(event: Event) -> tuple[dict[str, Any], str, str]:
    """Who called, from where, with what: a service that acts in a session it opened stands for all three.

    A job's own code has the same session, and calls from where the job runs.
    """
    service = event.identity.get("invokedBy")
    if service and event.user_agent.startswith(service):
        return event.identity, service, service
    own = {key: value for key, value in event.identity.items() if key != "invokedBy"}
    # S3 alone writes it in brackets
    return own, event.source_ip, f"[{event.user_agent}]" if event.service == "s3" else event.user_agent


def seen_by(identity: dict[str, Any], account: str) -> dict[str, Any]:
    """A caller as an account's trail shows it: one from elsewhere by its account and id alone."""
    home = identity.get("accountId")
    if home in (None, account) or identity["type"] not in ("AssumedRole", "IAMUser", "Root"):
        return identity
    return {"type": "AWSAccount", "principalId": identity["principalId"], "accountId": home}
