"""One audit from folder and clone to a report: integrity, ingest, replay, join, reverse join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.audit.attempts import judge_attempts
from mlops.audit.case import Case
from mlops.audit.codecommit import judge_codecommit, judge_manual_approvals
from mlops.audit.endpoints import judge_turns
from mlops.audit.history import read_history
from mlops.audit.ingest import arrange, describe_unreadable, read_logs
from mlops.audit.integrity import check_integrity
from mlops.audit.names import Names
from mlops.audit.packages import judge_packages
from mlops.audit.pins import find_drift, judge_pins
from mlops.audit.replay import read_rollbacks, replay
from mlops.audit.report import Report, make_report
from mlops.audit.sessions import find_openings, first_repository_id
from mlops.audit.sources import read_data
from mlops.audit.tampering import find_breaches, judge_breaches, judge_tampering
from mlops.audit.verdict import Finding, find_in, in_order
from mlops.audit.witness import Witnesses
from mlops.pin import Pin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from mlops.audit.chain import Problem
    from mlops.audit.event import Event
    from mlops.audit.history import History
    from mlops.audit.integrity import Ledger
    from mlops.audit.store import Store
    from mlops.audit.verdict import Change
    from mlops.project import Project


@dataclass(frozen=True)
class Question:
    """What is asked: for which time. `now` bounds what may still be on its way."""

    since: datetime | None
    until: datetime
    now: datetime


def audit(root: Path, project: Project, store: Store, question: Question) -> Report:
    """Answer the question."""
    ledger = check_integrity(store, project, question.since, question.until, question.now)
    events, unreadable = ingest(store, ledger)
    history = read_history(root)
    return judge(root, project, store, ledger, events, unreadable, history)


def ingest(store: Store, ledger: Ledger) -> tuple[list[Event], list[Problem]]:
    """The wanted events of every file that a digest vouches for, and the files that prove nothing."""
    events: list[Event] = []
    broken = []
    for read in read_logs(store.root, ledger.logs):
        events += read.events
        if read.error:
            broken.append(read)
    return arrange(events), describe_unreadable(broken)


def judge(
    root: Path,
    project: Project,
    store: Store,
    ledger: Ledger,
    events: Sequence[Event],
    unreadable: Sequence[Problem],
    history: History,
) -> Report:
    """Put every rule to work."""
    names = Names(project)
    witnesses = Witnesses(store.root)
    rollbacks = read_rollbacks(witnesses.rollbacks(), names)
    known = arrange(event for event in (*events, *rollbacks) if event.time <= ledger.asked.until)
    openings = find_openings(known)
    breaches = find_breaches(known, names)
    facts = replay(known, names)
    case = Case(
        project,
        names,
        history,
        witnesses,
        facts,
        openings,
        first_repository_id(openings.values(), project),
        ledger.asked,
        ledger.gaps,
        breaches,
    )
    changes = judge_changes(case, read_data(root, pinned(case)))
    findings = find_in(changes) + judge_breaches(breaches) + judge_tampering(known, names)
    findings += judge_attempts(facts.denied, names) + judge_codecommit(case, known)
    findings += judge_manual_approvals(case, known)
    return make_report(project, ledger, history, changes, in_order(within(findings, ledger)), unreadable)


def judge_changes(case: Case, data: dict[str, str]) -> list[Change]:
    """Everything that changed, by time."""
    changes = [*judge_pins(case, data), *judge_packages(case), *judge_turns(case)]
    asked = [change for change in changes if change.time >= case.asked.since]
    return sorted([*asked, *find_drift(case, asked)], key=lambda change: change.time)


def pinned(case: Case) -> list[Pin]:
    """The pins that were merged in the range."""
    moves = (move for moves in case.history.moves.values() for move in moves if move.time >= case.asked.since)
    return [pin for move in moves if isinstance(pin := case.history.content(move), Pin)]


def within(findings: Sequence[Finding], ledger: Ledger) -> list[Finding]:
    """The findings of the range."""
    since = f"{ledger.asked.since:%Y-%m-%dT%H:%M:%SZ}"
    return [finding for finding in findings if not finding.time or finding.time >= since]
