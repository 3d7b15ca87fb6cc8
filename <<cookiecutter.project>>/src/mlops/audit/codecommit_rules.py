"""Judge what happened on CodeCommit: who wrote and approved, what was merged, which rules were set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.audit.chain import stamp
from mlops.audit.codecommit import MAIN, moved_references, person
from mlops.audit.evidence_rules import find_ratifying
from mlops.audit.verdict import Finding, refer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.audit.case import Case
    from mlops.audit.codecommit import Pull
    from mlops.audit.event import Event
    from mlops.audit.history import Move
    from mlops.audit.verdict import Verdict


def judge_codecommit(case: Case) -> list[Finding]:
    """Every rule on every merged pull request that moved a pin."""
    moves = {move.commit: move for moves in case.history.moves.values() for move in moves}
    found = [finding for event in case.pulls.direct for finding in judge_push(event, moves)]
    for commit, pull in case.pulls.by_commit.items():
        if commit in moves:
            found += judge_pull(case, pull, moves[commit])
    return found


def judge_push(event: Event, moves: dict[str, Move]) -> Iterator[Finding]:
    """A push to main that moves a pin went past review."""
    for reference, commit in moved_references(event):
        move = moves.get(commit)
        if move and reference == MAIN:
            why = f"{event.who} pushed {move.commit[:12]} to main, which moves a pin, without a pull request"
            yield describe("no-pull-request", "contradicted", move, why, event)


def judge_pull(case: Case, pull: Pull, move: Move) -> Iterator[Finding]:
    """Four eyes, the last revision, and the rules."""
    for event in pull.standing:
        if person(event) in pull.authors:
            name = event.who.source or person(event)
            why = f"{name} wrote pull request {pull.number} and approved it, as {event.who}"
            yield describe("four-eyes", "contradicted", move, why, event)
    yield from judge_revision(pull, move)
    if not find_ratifying(case, move):
        for event in pull.overrides:
            why = f"{event.who} overrode the approval rules of pull request {pull.number}"
            yield describe("bypass", "break-glass", move, why, event)


def judge_revision(pull: Pull, move: Move) -> Iterator[Finding]:
    """What was approved last is what was merged."""
    last = max((event.time for event in pull.approvals), default=None)
    later = [event for event in pull.pushes if last and event.time > last]
    for event in later:
        why = f"{event.who} pushed to pull request {pull.number} after it was approved; nobody saw that"
        yield describe("unreviewed", "contradicted", move, why, event)
    if pull.approvals and not pull.standing and pull.merged and not later:
        why = f"{pull.merged.who} merged a revision of pull request {pull.number} that nobody approved"
        yield describe("unreviewed", "contradicted", move, why, pull.merged)


def describe(rule: str, verdict: Verdict, move: Move, why: str, event: Event) -> Finding:
    """The finding about the pin that a pull request moved."""
    return Finding(
        rule, verdict, f"{move.environment}/{move.model}", why, stamp(event.time), move.path, refer(event)
    )
