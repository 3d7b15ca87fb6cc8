"""Write a report down: as a table, JSON, SARIF, Markdown or a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from mlops.audit.report import Report, as_json

if TYPE_CHECKING:
    from pathlib import Path


def write_report(report: Report, form: str, output: Path | None) -> None:
    """To a file, or to standard output."""
    if form == "table":
        from mlops.audit.table import render_table

        text = render_table(report)
    else:
        text = json.dumps(as_json(report), indent=1, ensure_ascii=False) + "\n"
    if output:
        output.write_text(text, encoding="utf-8")
        click.echo(report.summary)
    else:
        click.echo(text, nl=False)
