"""Calls that weaken the proof itself: who may act, where evidence lies, whether it is recorded."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mlops.audit.case import Breach
from mlops.audit.chain import stamp
from mlops.audit.verdict import Finding, refer
from mlops.audit.wanted import BIRTHS, BUCKETS, KEYS, OBJECTS, PROJECTS, PROVIDERS, ROLES, TRAILS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlops.audit.event import Event
    from mlops.audit.foundation import Foundation
    from mlops.audit.names import Names

ISSUER = "token.actions.githubusercontent.com"
BIRTH = timedelta(hours=1)  # a stack makes a role, or a bucket, and its policies in one go
GUARDED = frozenset({"iam", "codebuild", "codepipeline"})
EVERYONE = "*"  # a breach of all roles that sign in through the provider


def find_breaches(events: Sequence[Event], names: Names, foundation: Foundation) -> list[Breach]:
    """Every change of what guards a role of the project, after it was made, that main does not say."""
    guarded = Guards(names, foundation)
    return [
        breach
        for event in events
        if not event.error and event.source in GUARDED
        for breach in guarded.read(event)
        if not foundation.proves(event)
    ]


class Guards:
    """The roles and providers as they were made first; what comes after is a change."""

    def __init__(self, names: Names, foundation: Foundation) -> None:
        self._names = names
        self._foundation = foundation
        self._made: dict[tuple[str, str], Event] = {}
        self._known: dict[tuple[str, str, str], Any] = {}

    def read(self, event: Event) -> Iterator[Breach]:
        """A call of IAM: the breach that it is, if it is one."""
        if event.account not in self._names.accounts:
            return
        if event.name in PROVIDERS:
            yield from self._read_provider(event)
        elif event.name in ROLES:
            yield from self._read_role(event)
        elif event.name in PROJECTS:
            yield from self._read_build(event)

    def _read_build(self, event: Event) -> Iterator[Breach]:
        """A build project or pipeline: whoever changes what it runs has the duty of its role."""
        name = event.asked("name") or event.asked("pipeline", "name")
        if not self._names.is_own_role(name):
            return
        made = self._made.setdefault((event.account, f"{event.source} {name}"), event)
        is_birth = made is event and event.name.startswith("Create")
        if not is_birth or self._foundation.contradicts(event):
            yield Breach(event, self._names.build_role(name))

    def _read_provider(self, event: Event) -> Iterator[Breach]:
        url = event.asked("url") or event.asked("openIDConnectProviderArn")
        if not url.endswith(ISSUER):
            return
        made = self._made.setdefault((event.account, "provider"), event)
        is_birth = made is event and event.name == "CreateOpenIDConnectProvider"
        if not is_birth or self._foundation.contradicts(event):
            yield Breach(event, EVERYONE)

    def _read_role(self, event: Event) -> Iterator[Breach]:
        role = event.asked("roleName") or event.asked("policyArn").rpartition("/")[2]
        if not self._names.is_own_role(role):
            return
        kind = (
            "trust"
            if event.name in {"CreateRole", "UpdateAssumeRolePolicy"}
            else event.asked("policyName") or event.name
        )
        document = read_policy(event)
        known = self._known.get((event.account, role, kind))
        self._known[(event.account, role, kind)] = document
        is_born = self._is_birth(event, role) and not self._foundation.contradicts(event)
        if is_born or narrows(known, document):
            return
        yield Breach(event, role)

    def _is_birth(self, event: Event, role: str) -> bool:
        """Whether a call belongs to the making of the role: by the same hand, within minutes."""
        made = self._made.get((event.account, role))
        if made is None and event.name == "CreateRole":
            self._made[(event.account, role)] = event
            return True
        return (
            made is not None
            and made.who.arn == event.who.arn
            and event.time - made.time <= BIRTH
            and event.name != "DeleteRole"
        )


def read_policy(event: Event) -> Any:
    """The policy document that a call sets; None where it sets none."""
    text = event.asked("policyDocument") or event.asked("assumeRolePolicyDocument")
    try:
        return json.loads(text if text.startswith("{") else unquote(text)) if text else None
    except ValueError:
        return text


def narrows(before: Any, after: Any) -> bool:
    """Whether a policy says nothing that it did not say before."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return False
    return (
        all(statement in statements(before) for statement in statements(after)) and len(statements(after)) > 0
    )


def statements(policy: dict[str, Any]) -> list[Any]:
    """The statements of a policy."""
    found = policy.get("Statement")
    return found if isinstance(found, list) else [found]


def describe_breach(breach: Breach) -> Finding:
    """The finding of a breach."""
    is_build = breach.event.source != "iam"
    return Finding(
        "build-changed" if is_build else "widened-role",
        "out-of-band",
        "the identity provider" if breach.role == EVERYONE else breach.role,
        f"{breach.event.name} by {breach.event.who} in account {breach.event.account}: its later "
        "sessions prove nothing",
        stamp(breach.event.time),
        "infra/pipeline.yml" if is_build else "infra/identity.yml",
        refer(breach.event),
    )


class Births:
    """Buckets and trails as they were made: the first of each setting, by the same hand, belongs to it."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Event] = {}
        self._set: set[tuple[str, str, str]] = set()

    def covers(self, event: Event) -> bool:
        """Whether a call makes a thing, or completes it."""
        key = (event.source, subject_of(event))
        if event.name in OBJECTS:
            return False
        if event.name == BIRTHS.get(event.source):
            return self._made.setdefault(key, event) is event
        made, first = self._made.get(key), (*key, event.name) not in self._set
        self._set.add((*key, event.name))
        if made is None or not first or event.name.startswith(("Delete", "Stop")):
            return False
        return made.who.arn == event.who.arn and event.time - made.time <= BIRTH


def subject_of(event: Event) -> str:
    """The bucket or trail that a call is about."""
    if event.source == "s3":
        return event.asked("bucketName")
    return (event.asked("name") or event.asked("trailName") or "a trail").rpartition("/")[2]


def judge_tampering(events: Iterable[Event], names: Names, foundation: Foundation) -> list[Finding]:
    """Calls about trails, buckets, keys and sealed objects that change what proof rests on, past main."""
    sealed: set[str] = set()
    births = Births()
    found = []
    for event in events:
        if event.error or event.account not in names.accounts:
            continue
        if births.covers(event) and not foundation.contradicts(event):
            continue
        why = describe_tampering(event, names, sealed)
        if why and not foundation.proves(event):
            rule, subject, words = why
            message = f"{event.name} by {event.who} in account {event.account}: {words}"
            found.append(Finding(rule, "out-of-band", subject, message, stamp(event.time), "", refer(event)))
    return found


def describe_tampering(event: Event, names: Names, sealed: set[str]) -> tuple[str, str, str] | None:
    """(rule, what it is about, what it means); None for a call that weakens nothing."""
    if event.source == "cloudtrail" and event.name in TRAILS:
        return "trail-changed", subject_of(event), "what is recorded, or whether, was changed"
    bucket = event.asked("bucketName")
    if event.source == "s3" and event.name in BUCKETS and bucket in names.buckets:
        return "bucket-changed", bucket, "who may change or delete evidence, or for how long it stays"
    if event.source == "kms" and event.name in KEYS and event.account == names.project.accounts.training:
        return "key-changed", event.asked("keyId") or "a key", "what evidence is encrypted with"
    if event.source == "s3" and event.name in OBJECTS and bucket == names.project.releases_bucket:
        return describe_object(event, sealed)
    return None


def describe_object(event: Event, sealed: set[str]) -> tuple[str, str, str] | None:
    """A write to an object that was sealed: the first write seals it."""
    key = event.asked("key")
    if event.name.startswith("Delete") or key in sealed:
        return (
            "overwritten",
            f"s3://{event.asked('bucketName')}/{key}",
            "what was sealed was written again or deleted",
        )
    sealed.add(key)
    return None
