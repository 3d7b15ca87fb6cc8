"""The report as Markdown: for a job's summary, a pull request or an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.audit.rules import PROBLEMS, RULES
from mlops.markdown import code, link, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.audit.ratification import Settled
    from mlops.audit.report import Report
    from mlops.audit.verdict import Change, Finding

MANY = 100  # rows of one table; forges cut longer summaries off
LONG = 600  # characters of one message
EVENTS = 5  # of a finding; all are in the JSON report


def as_markdown(report: Report) -> str:
    """Findings first, then what cannot be proved, then the changes."""
    parts = [f"# Audit of {plain(report.project)}: {report.outcome}", plain_long(report.summary)]
    parts += [describe_finding(finding) for finding in report.findings[:MANY]]
    if len(report.findings) > MANY:
        parts.append(f"… and {len(report.findings) - MANY} more findings.")
    if report.problems:
        rows = [
            [code(problem.place), plain_long(problem.message), PROBLEMS[problem.rule]]
            for problem in report.problems
        ]
        parts += ["## Not proved", table(["Where", "What", "Which means"], rows, MANY, "problems")]
    if report.ratified:
        rows = [describe_settled(settled) for settled in report.ratified]
        head = ["Time (UTC)", "What", "Finding", "Pull request", "Approved by", "Why"]
        parts += ["## Ratified", table(head, rows, MANY, "ratified findings")]
    if report.changes:
        rows = [describe_change(change) for change in report.changes]
        head = ["Time (UTC)", "What", "Verdict", "Pull request", "Approved by"]
        parts += ["## Changes", table(head, rows, MANY, "changes")]
    parts += [f"Pending: {plain_long(line)}" for line in report.pending[:MANY]]
    return "\n\n".join(parts) + "\n"


def describe_finding(finding: Finding) -> str:
    """One finding as a section; what an issue about it says."""
    lines = [
        f"## {finding.verdict}: {plain(finding.subject)}",
        f"{RULES[finding.rule]} ({code(finding.rule)}, finding {code(finding.id)}).",
        f"> {plain_long(finding.message)}",
    ]
    return "\n\n".join([*lines, "\n".join(list_events(finding))]).rstrip()


def list_events(finding: Finding) -> Iterator[str]:
    """The events of a finding, and where they were read."""
    for event in finding.events[:EVENTS]:
        yield f"- {event.time} {code(event.name)} event {code(event.id)} in {code_long(event.file)}"
    if len(finding.events) > EVENTS:
        yield f"- and {len(finding.events) - EVENTS} more"


def describe_settled(settled: Settled) -> list[str]:
    """One ratified finding as a row."""
    finding = settled.finding
    return [
        finding.time,
        plain(finding.subject),
        f"{code(finding.rule)} {code(finding.id)}",
        link(f"#{settled.pull}", settled.url),
        plain(" ".join(settled.approvers)),
        plain_long(settled.why),
    ]


def describe_change(change: Change) -> list[str]:
    """One change as a row."""
    pull = link(f"#{change.pull}", change.url) if change.pull else "-"
    what = f"{plain(change.environment)}/{plain(change.model)} {plain(change.what)}"
    return [
        f"{change.time:%Y-%m-%d %H:%M:%S}",
        what,
        change.verdict,
        pull,
        plain(" ".join([*change.approvers, f"(by the {change.proof})" if change.proof else ""])) or "-",
    ]


def plain_long(text: str) -> str:
    """A message, whole: several pieces of what one value may hold."""
    return "".join(plain(piece) if piece.strip() else piece for piece in pieces(text[:LONG]))


def code_long(text: str) -> str:
    """A key, whole."""
    return code(text) if len(text) < 200 else plain_long(text)


def pieces(text: str) -> Iterator[str]:
    """Words and the spaces between them."""
    for place, word in enumerate(text.split(" ")):
        if place:
            yield " "
        yield word
