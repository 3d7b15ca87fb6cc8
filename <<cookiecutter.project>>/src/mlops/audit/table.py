"""The report for a terminal."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops.audit.report import Report

WIDTH = 120


def render_table(report: Report) -> str:
    """Findings first, then what cannot be proved, then every change."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    page = StringIO()
    console = Console(file=page, width=WIDTH, no_color=True, highlight=False)

    def say(line: str) -> None:
        console.print(Text(line), soft_wrap=True)

    for problem in report.problems:
        say(f"not proved  {problem.place}: {problem.message}")
    for finding in report.findings:
        say(f"{finding.verdict}  {finding.subject}  {finding.time}  [{finding.rule}]  {finding.id}")
        say(f"  {finding.message}")
        for event in finding.events[:3]:
            say(f"  event {event.id} {event.name} in {event.file}")
    for settled in report.ratified:
        finding = settled.finding
        say(f"ratified  {finding.subject}  {finding.time}  [{finding.rule}]  {finding.id}")
        say(f"  #{settled.pull} {' '.join(settled.approvers)}: {settled.why}")
    if report.changes:
        table = Table("time", "what", "verdict", "by", "why", box=None)
        for change in report.changes:
            why = change.flags[0].message if change.flags else change.approval
            table.add_row(
                *map(
                    Text,
                    (
                        f"{change.time:%Y-%m-%d %H:%M:%S}",
                        f"{change.environment}/{change.model} {change.what}",
                        change.verdict,
                        change.who,
                        why,
                    ),
                )
            )
        console.print(table)
    for line in report.pending:
        say(f"pending  {line}")
    say(report.summary)
    return page.getvalue()
