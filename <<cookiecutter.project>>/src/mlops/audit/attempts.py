"""Calls that policy refused: attempts, however often they were repeated; never approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.audit.chain import stamp
from mlops.audit.event import text_at
from mlops.audit.verdict import Finding, refer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops.audit.event import Event
    from mlops.audit.names import Names

TARGETS = (
    "modelPackageArn", "modelPackageName", "endpointName", "endpointConfigName", "modelName", "roleName",
    "bucketName", "modelPackageGroupName", "name", "keyId",
)  # fmt: skip


def judge_attempts(denied: Iterable[Event], names: Names) -> list[Finding]:
    """One finding for all equal attempts of one caller on one thing of the project."""
    groups: dict[tuple[str, str, str], list[Event]] = {}
    for event in denied:
        target = find_target(event)
        if concerns(event, target, names):
            groups.setdefault((event.who.arn or str(event.who), event.name, target), []).append(event)
    return [describe_attempts(*key, events) for key, events in sorted(groups.items())]


def find_target(event: Event) -> str:
    """What a call was about."""
    return next((found for name in TARGETS if (found := text_at(event.request, name))), "")


def concerns(event: Event, target: str, names: Names) -> bool:
    """Whether an attempt was on this project; a record of a refused call may name nothing."""
    return event.account in names.accounts and names.project.project in target


def describe_attempts(who: str, name: str, target: str, events: list[Event]) -> Finding:
    """What was tried, and how often."""
    times = f"{len(events)} times, " if len(events) > 1 else ""
    message = (
        f"{who} tried {name} on {target}, {times}and was refused ({events[0].error}); nothing was changed"
    )
    return Finding("attempt", "out-of-band", target, message, stamp(events[0].time), "", refer(*events))
