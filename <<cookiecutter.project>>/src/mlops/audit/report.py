"""The report: what was asked, what was checked, what was found. Formats only write it down differently."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlops.audit.chain import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.audit.chain import Problem
    from mlops.audit.history import History
    from mlops.audit.integrity import Ledger
    from mlops.audit.ratification import Settled
    from mlops.audit.verdict import Change, Finding
    from mlops.project import Project

Outcome = Literal["clean", "findings", "incomplete"]
EXIT: dict[Outcome, int] = {"clean": 0, "findings": 1, "incomplete": 2}


@dataclass(frozen=True)
class Report:
    """One audit's answer."""

    project: str
    since: str
    until: str
    head: str
    checked: dict[str, int]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    pending: tuple[str, ...]
    ratified: tuple[Settled, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What is missing comes first: findings can be counted only where everything was seen."""
        if (
            self.problems
            or any(finding.incomplete for finding in self.findings)
            or not self.checked["digests"]
        ):
            return "incomplete"
        return "findings" if self.findings else "clean"

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings, 2 evidence incomplete."""
        return EXIT[self.outcome]

    @property
    def verdicts(self) -> dict[str, int]:
        """How many changes there are of each verdict."""
        return dict(sorted(Counter(change.verdict for change in self.changes).items()))

    @property
    def summary(self) -> str:
        """The answer in one line."""
        span = f"{self.since} to {self.until}"
        if self.outcome == "clean" and not self.changes and not self.ratified:
            return f"no activity, proved: {self.checked['digests']} digests cover {span}"
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.items()) or "no changes"
        words = {
            "clean": "clean",
            "findings": f"{len(self.findings)} findings",
            "incomplete": "evidence incomplete",
        }
        more = (
            f" ({len(self.problems)} problems, {len(self.findings)} findings)"
            if self.outcome == "incomplete"
            else ""
        )
        settled = f", {len(self.ratified)} ratified findings" if self.ratified else ""
        return f"{words[self.outcome]}{more}: {counts}{settled}; {span}"


def make_report(
    project: Project,
    ledger: Ledger,
    history: History,
    changes: Sequence[Change],
    findings: Sequence[Finding],
    unreadable: Sequence[Problem],
    ratified: Sequence[Settled] = (),
) -> Report:
    """Put the answer together."""
    pending = [
        *ledger.pending,
        *(describe_pending(change) for change in changes if change.verdict == "pending"),
    ]
    return Report(
        project.project,
        stamp(ledger.asked.since),
        stamp(ledger.asked.until),
        history.head,
        count(ledger, unreadable),
        tuple(changes),
        tuple(findings),
        (*ledger.problems, *unreadable),
        tuple(pending),
        tuple(ratified),
    )


def count(ledger: Ledger, unreadable: Sequence[Problem]) -> dict[str, int]:
    """How much was verified, now and up to the checkpoint."""
    broken = sum(problem.rule == "log" for problem in unreadable)
    known = ledger.known
    before = (known.digests - len(known.seeds), len(known.files)) if known else (0, 0)
    return {"digests": len(ledger.digests) + before[0], "logs": len(ledger.logs) - broken + before[1]}


def describe_pending(change: Change) -> str:
    """What is still to come of a change."""
    return f"{change.environment}/{change.model}: {change.what} {change.flags[0].message}"


def as_json(report: Report) -> dict[str, Any]:
    """The report as docs/schemas/audit.schema.json says."""
    return {
        "schema": 1,
        "project": report.project,
        "since": report.since,
        "until": report.until,
        "head": report.head,
        "outcome": report.outcome,
        "summary": report.summary,
        "checked": report.checked,
        "verdicts": report.verdicts,
        "problems": [describe_problem(problem) for problem in report.problems],
        "findings": [describe_finding(finding) for finding in report.findings],
        "ratified": [describe_settled(settled) for settled in report.ratified],
        "changes": [describe_change(change) for change in report.changes],
        "pending": list(report.pending),
    }


def describe_problem(problem: Problem) -> dict[str, Any]:
    """Something that cannot be proved."""
    return {
        "rule": problem.rule,
        "place": problem.place,
        "message": problem.message,
        "account": problem.source.account if problem.source else "",
        "region": problem.source.region if problem.source else "",
        "since": stamp(problem.since) if problem.since else "",
        "until": stamp(problem.until) if problem.until else "",
    }


def describe_finding(finding: Finding) -> dict[str, Any]:
    """A finding, with its stable id."""
    return {
        "id": finding.id,
        "level": finding.level,
        **asdict(finding),
        "events": [asdict(event) for event in finding.events],
    }


def describe_settled(settled: Settled) -> dict[str, Any]:
    """A finding that people ratified, and who."""
    found = {name: value for name, value in asdict(settled).items() if name != "approvers"}
    finding = describe_finding(settled.finding)
    return {**found, "finding": finding, "approvers": list(settled.approvers)}


def describe_change(change: Change) -> dict[str, Any]:
    """A change with its verdict."""
    found = asdict(change)
    found.update(time=stamp(change.time), verdict=change.verdict, approvers=list(change.approvers))
    return found
