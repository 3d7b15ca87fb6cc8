"""Manual approvals of CodePipeline: they say neither execution nor revision, so that only a release in their
summary binds them to one. They count for nothing; one that names the pinned release is listed by the report.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops.audit.chain import stamp
from mlops.audit.verdict import Change, Finding, refer
from mlops.project import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops.audit.case import Case
    from mlops.audit.event import Event
    from mlops.audit.history import Move

RELEASE = re.compile(r"sha256:[0-9a-f]{64}")


def judge_confirmations(case: Case, events: Iterable[Event]) -> Iterator[Finding]:
    """Approvals that name no release, or another one than is pinned."""
    for event in find_confirmations(case, events):
        named, pinned = named_releases(event), pinned_then(case, event)
        strange = sorted(named - {case.history.pin(move).release for move in pinned})  # type: ignore[union-attr]
        if strange or not named:
            said = f"names {strange[0]}, which was not pinned then" if strange else describe_summary(event)
            stage = event.asked("stageName")
            why = f"{event.who} approved stage {stage!r}; the summary {said}: it proves nothing"
            subject = event.asked("pipelineName")
            yield Finding("empty-approval", "unproved", subject, why, stamp(event.time), "", refer(event))


def describe_summary(event: Event) -> str:
    """A summary without a release."""
    summary = event.asked("result", "summary")
    return f"says {summary!r}, no release" if summary else "says nothing"


def list_confirmations(case: Case, events: Iterable[Event]) -> Iterator[Change]:
    """Approvals that name what was pinned then: they confirm, and count for nothing."""
    for event in find_confirmations(case, events):
        for move in pinned_then(case, event):
            pin = case.history.pin(move)
            if pin and pin.release in named_releases(event):
                place = f"{event.asked('pipelineName')}/{event.asked('stageName')}"
                what = f"{event.name} {place}"
                after, who = pin.release, str(event.who)
                yield Change(
                    "confirmation", event.time, move.environment, move.model, what, "", after, who,
                    commit=move.commit, events=refer(event),
                )  # fmt: skip


def find_confirmations(case: Case, events: Iterable[Event]) -> Iterator[Event]:
    """The calls that approve in one of the project's pipelines."""
    for event in events:
        is_own = case.names.is_own_role(event.asked("pipelineName")) and event.account in case.names.accounts
        is_yes = event.asked("result", "status") == "Approved" and not event.error
        if event.name == "PutApprovalResult" and is_own and is_yes:
            yield event


def named_releases(event: Event) -> set[str]:
    """The releases in a summary."""
    return set(RELEASE.findall(event.asked("result", "summary")))


def pinned_then(case: Case, event: Event) -> list[Move]:
    """What main pinned when somebody approved, in the environment that the pipeline is named after."""
    pipeline = event.asked("pipelineName")
    own = [name for name in ENVIRONMENTS if pipeline.endswith(f"-{name}")] or list(ENVIRONMENTS)
    found = (
        next((move for move in moves if move.time <= event.time), None)
        for (environment, _), moves in case.history.moves.items()
        if environment in own
    )
    return [move for move in found if case.history.pin(move)]  # type: ignore[misc]
