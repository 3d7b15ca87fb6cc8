"""Why a stack failed, from its events: the first resource that did, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.foundation.stacks import Stack

# what CloudFormation writes on resources that another's failure stopped
CANCELLED = re.compile(r"resource (creation|update|deletion) cancelled", re.IGNORECASE)
UNTOUCHED = "untouched"  # of a stack whose change was not even begun
ACTION = re.compile(r"perform: ?([a-z0-9-]+:[A-Za-z]+)")

# what a reason says → what to do; the first that fits counts
REMEDIES = (
    (
        re.compile(r"not authorized to perform|access ?denied|UnauthorizedOperation", re.IGNORECASE),
        "Whoever runs this may not do that{action}: have it granted, or sign in as an administrator",
    ),
    (
        re.compile(r"throttl|rate exceeded|TooManyRequests|SlowDown", re.IGNORECASE),
        "AWS was too busy; a minute later is soon enough",
    ),
    (
        re.compile(r"limit ?exceeded|quota|too many", re.IGNORECASE),
        "A quota of the account is used up: ask for more in Service Quotas, or delete what is not needed",
    ),
    (
        re.compile(r"BucketAlreadyExists|AWS::S3::Bucket: .*already exists", re.IGNORECASE),
        "Names of buckets are the world's, and that one is taken: change `project` in project.yml",
    ),
    (
        re.compile(r"already ?exists|BucketAlreadyOwnedByYou", re.IGNORECASE),
        "Something of that name is there and belongs to no stack of this project: rename or delete it",
    ),
    (
        re.compile(
            r"unrecognized resource types|not supported in this region|not available in", re.IGNORECASE
        ),
        "{region} lacks that service: change `region` in project.yml, or leave out what needs it (--set)",
    ),
)


@dataclass(frozen=True)
class Event:
    """One line of a stack's history."""

    id: str
    resource: str
    type: str
    status: str
    reason: str

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong here, and not only as a consequence."""
        return self.status.endswith("_FAILED") and not CANCELLED.search(self.reason)


def first_failure(events: Sequence[Event]) -> Event | None:
    """The event that began it; `events` are oldest first."""
    return next((event for event in events if event.is_failure), None)


def left_behind(events: Sequence[Event]) -> list[str]:
    """The resources that stayed although their stack went, or was rolled back."""
    return [f"{event.resource} ({event.type})" for event in events if event.status == "DELETE_SKIPPED"]


def explain(stack: Stack, status: str, events: Sequence[Event]) -> str:
    """What happened to a stack, in which state it is now, and what to do."""
    failed = first_failure(events)
    if failed is None:
        said = f"{stack.name} ended as {status}, and no event says why"
    else:
        said = f"{stack.name}: {failed.resource} ({failed.type}): {failed.reason or failed.status}"
    kept = left_behind(events)
    parts = [
        said.rstrip("."),
        describe_remedy(stack, f"{failed.type}: {failed.reason}" if failed else ""),
        describe_state(status),
    ]
    if kept:
        parts.append(f"Left behind, and taken over by the next run where it can be: {', '.join(kept)}")
    return ". ".join(filter(None, parts)) + ". Then run the same command again: it carries on from here"


def describe_remedy(stack: Stack, reason: str) -> str:
    """What to do about a reason."""
    for pattern, text in REMEDIES:
        if pattern.search(reason):
            action = ACTION.search(reason)
            return text.format(action=f" ({action[1]})" if action else "", region=stack.region)
    return f"All events: {command(stack, 'describe-stack-events')}"


def command(stack: Stack, verb: str) -> str:
    """A command of the AWS CLI for a stack."""
    return f"aws cloudformation {verb} --region {stack.region} --stack-name {stack.name}"


def describe_state(status: str) -> str:
    """What a final status means for what was made."""
    if status == "ROLLBACK_COMPLETE":
        return "What it had made is deleted again, and the empty stack will be too"
    if status == UNTOUCHED:
        return "Nothing was changed"
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return "It is back as it was"
    return f"The stack is {status} now"
