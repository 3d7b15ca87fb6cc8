"""Write a report down: as a table, JSON, SARIF, Markdown or a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops.audit.report import Report

FORMATS = ("table", "json", "sarif", "markdown", "html")
ENDINGS = {".html": "html", ".json": "json", ".md": "markdown", ".sarif": "sarif", ".txt": "table"}


def render(report: Report, form: str) -> str:
    """The report in a form; the code of each is loaded only for it."""
    if form == "json":
        from mlops.audit.report import as_json

        return dump(as_json(report))
    if form == "sarif":
        from mlops.audit.sarif import as_sarif

        return dump(as_sarif(report))
    if form == "markdown":
        from mlops.audit.summary import as_markdown

        return as_markdown(report)
    if form == "html":
        from mlops.audit.page import as_html

        return as_html(report)
    from mlops.audit.table import render_table

    return render_table(report)


def dump(document: dict[str, Any]) -> str:
    """JSON, the same bytes for the same document."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def require_form(path: Path) -> str:
    """The form that a file's name asks for."""
    if path.suffix not in ENDINGS:
        raise UsageError(f"--report {str(path)!r} ends in no known form; allowed: {', '.join(ENDINGS)}")
    return ENDINGS[path.suffix]


def write_report(report: Report, form: str, output: Path | None, more: Iterable[Path] = ()) -> None:
    """To a file, or to standard output; `more` are files besides, each in the form that it is named for."""
    for path in more:
        path.write_text(render(report, require_form(path)), encoding="utf-8")
    text = render(report, form)
    if output:
        output.write_text(text, encoding="utf-8")
        click.echo(report.summary)
    else:
        click.echo(text, nl=False)
