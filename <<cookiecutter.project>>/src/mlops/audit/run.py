"""One audit from folder and clone to a report: integrity, ingest, replay, join, reverse join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.audit.approval_rules import judge_templates
from mlops.audit.attempts import judge_attempts
from mlops.audit.builds import judge_starts, read_builds
from mlops.audit.case import Case
from mlops.audit.codecommit import read_pulls
from mlops.audit.codecommit_rules import judge_codecommit
from mlops.audit.confirmations import judge_confirmations, list_confirmations
from mlops.audit.endpoints import judge_turns
from mlops.audit.foundation import Foundation
from mlops.audit.history import read_history, require_descent
from mlops.audit.ingest import arrange, describe_unreadable, read_logs
from mlops.audit.integrity import check_integrity
from mlops.audit.names import Names
from mlops.audit.packages import judge_packages
from mlops.audit.pins import find_drift, judge_pins
from mlops.audit.ratification import Ratifications, read_ratified
from mlops.audit.replay import read_rollbacks, replay
from mlops.audit.report import make_report
from mlops.audit.reviews import read_reviews
from mlops.audit.sessions import find_openings, first_repository_id
from mlops.audit.sources import read_data
from mlops.audit.tampering import describe_breach, find_breaches, judge_tampering
from mlops.audit.verdict import Finding, find_in, in_order
from mlops.audit.witness import Witnesses
from mlops.audit.work import Work
from mlops.pin import Pin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from mlops.audit.case import Breach
    from mlops.audit.chain import Problem
    from mlops.audit.checkpoint import Checkpoint
    from mlops.audit.event import Event
    from mlops.audit.history import History
    from mlops.audit.integrity import Ledger
    from mlops.audit.report import Report
    from mlops.audit.store import Store
    from mlops.audit.verdict import Change
    from mlops.project import Project


@dataclass(frozen=True)
class Question:
    """What is asked: for which time. `now` bounds what may still be on its way."""

    since: datetime | None
    until: datetime
    now: datetime


@dataclass(frozen=True)
class Inquiry:
    """All that was read: what the digests prove, every wanted event, main; and the case for the rules."""

    root: Path
    project: Project
    bucket: str
    ledger: Ledger
    read: tuple[Event, ...]
    unreadable: tuple[Problem, ...]
    history: History
    events: tuple[Event, ...]
    case: Case
    ratifications: Ratifications
    foundation: Foundation
    breaches: tuple[Breach, ...]


def inquire(
    root: Path, project: Project, store: Store, question: Question, known: Checkpoint | None = None
) -> Inquiry:
    """Verify, read and replay."""
    if known and question.since and question.since < known.begin:
        known = None
    ledger = check_integrity(store, project, question.since, question.until, question.now, known)
    read, unreadable = ingest(store, ledger, project, known.events if known else ())
    history = read_history(root)
    rewritten = require_descent(root, known.head, history.head) if known else []
    witnesses, names = Witnesses(store.root), Names(project)
    rollbacks = read_rollbacks(witnesses.rollbacks(), names)
    events = arrange(event for event in (*read, *rollbacks) if event.time <= ledger.asked.until)
    ratified = read_ratified(root, history.head, read_reviews(store.root))
    ratifications = Ratifications(ratified, project.approvals.prod)
    foundation = Foundation(root, project, history.head)
    breaches = find_breaches(events, names, foundation)
    unsettled = [breach for breach in breaches if not ratifications.settle(describe_breach(breach))]
    case = open_case(root, project, history, witnesses, ledger, events, unsettled)
    return Inquiry(
        root,
        project,
        store.bucket,
        ledger,
        tuple(read),
        (*unreadable, *rewritten),
        history,
        tuple(events),
        case,
        ratifications,
        foundation,
        tuple(breaches),
    )


def ingest(
    store: Store, ledger: Ledger, project: Project, known: Sequence[Event]
) -> tuple[list[Event], list[Problem]]:
    """The wanted events of every file that a digest vouches for, and the files that prove nothing."""
    events = list(known)
    broken = []
    for read in read_logs(store.root, ledger.logs, project.project):
        events += read.events
        if read.error:
            broken.append(read)
    return arrange(events), describe_unreadable(broken)


def open_case(
    root: Path,
    project: Project,
    history: History,
    witnesses: Witnesses,
    ledger: Ledger,
    events: Sequence[Event],
    breaches: Sequence[Breach],
) -> Case:
    """What the rules look at."""
    names, openings = Names(project), find_openings(events)
    pulls = read_pulls(events, project.repository.rpartition("/")[2])
    return Case(
        project,
        names,
        history,
        witnesses,
        replay(events, names),
        openings,
        read_builds(events),
        pulls,
        first_repository_id(openings.values(), project),
        ledger.asked,
        Work(root, history.head, history, pulls.people if project.forge == "codecommit" else None),
        ledger.gaps,
        breaches,
    )


def judge(inquiry: Inquiry) -> Report:
    """Put every rule to work."""
    case, events = inquiry.case, inquiry.events
    ratifications = inquiry.ratifications
    judged = judge_changes(case, read_data(inquiry.root, pinned(case)), events)
    closed = [ratifications.close(change) for change in judged]
    drift = find_drift(case, closed)
    findings = find_in([*judged, *drift]) + [describe_breach(breach) for breach in inquiry.breaches]
    findings += judge_tampering(events, case.names, inquiry.foundation)
    findings += judge_attempts(case.facts.denied, case.names)
    findings += [*judge_codecommit(case), *judge_confirmations(case, events)]
    findings += judge_templates(case, events)
    findings += judge_starts(events, case.names, case.history)
    found, ratified = ratifications.part(in_order(within(findings, inquiry.ledger)))
    changes = sorted([*closed, *drift], key=lambda change: change.time)
    return make_report(
        inquiry.project, inquiry.ledger, inquiry.history, changes, found, inquiry.unreadable, ratified
    )


def judge_changes(case: Case, data: dict[str, str], events: Sequence[Event]) -> list[Change]:
    """Everything that changed in the range, by time; what is live now comes after."""
    changes = [*judge_pins(case, data), *judge_packages(case), *judge_turns(case)]
    changes += list_confirmations(case, events)
    asked = [change for change in changes if change.time >= case.asked.since]
    return sorted(asked, key=lambda change: change.time)


def pinned(case: Case) -> list[Pin]:
    """The pins that were merged in the range."""
    moves = (move for moves in case.history.moves.values() for move in moves if move.time >= case.asked.since)
    return [pin for move in moves if isinstance(pin := case.history.content(move), Pin)]


def within(findings: Sequence[Finding], ledger: Ledger) -> list[Finding]:
    """The findings of the range."""
    since = f"{ledger.asked.since:%Y-%m-%dT%H:%M:%SZ}"
    return [finding for finding in findings if not finding.time or finding.time >= since]
