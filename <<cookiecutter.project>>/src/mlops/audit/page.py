"""The report as one HTML page that needs nothing else: findings first, then a timeline per endpoint."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from mlops.audit.chain import stamp
from mlops.audit.rules import PROBLEMS, RULES
from mlops.audit.verdict import WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mlops.audit.ratification import Settled
    from mlops.audit.report import Report
    from mlops.audit.verdict import Change, Finding

COLOURS = {
    "proved": "#1a7f37",
    "pending": "#6e7781",
    "unproved": "#9a6700",
    "break-glass": "#bc4c00",
    "contradicted": "#cf222e",
    "out-of-band": "#a40e26",
}
STYLE = """
:root{color-scheme:light dark;--line:#8886}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
body{overflow-wrap:anywhere}
h1,h2,h3{line-height:1.2} h2{margin-top:2.5rem} h3{margin:.6rem 0} code{font-size:.9em}
.tag{display:inline-block;color:#fff;border-radius:.3rem;padding:0 .5rem;font-size:.85em;white-space:nowrap}
.counts .tag{margin-right:.5rem}
.finding{border-left:.3rem solid;padding:.2rem 1rem;margin:1rem 0;break-inside:avoid}
.finding p{margin:.4rem 0} .quiet{opacity:.8;font-size:.93em} summary{cursor:pointer}
.wide{overflow-x:auto} table{border-collapse:collapse;width:100%;min-width:44rem}
td,th{text-align:left;padding:.3rem .6rem;vertical-align:top} tr+tr td{border-top:1px solid var(--line)}
tr{break-inside:avoid} .when,th{white-space:nowrap} .who{min-width:12rem} .pull{min-width:6rem}
svg{display:block;width:100%;height:auto;margin-top:.5rem}
svg text{font-size:12px;fill:currentColor;opacity:.8}
circle{stroke:Canvas;stroke-width:1.5}
@media print{h3,svg{break-after:avoid} .who,.pull{min-width:0}
body{margin:0;max-width:none;font-size:11px} table{min-width:0} .wide{overflow:visible}
details::details-content{content-visibility:visible;block-size:auto}}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # the page needs nothing, and may load nothing


def as_html(report: Report) -> str:
    """The page."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>Audit of {escape(report.project)}</title><style>{STYLE}</style></head><body>",
        f"<h1>Audit of {escape(report.project)}: {report.outcome}</h1><p>{escape(report.summary)}</p>",
        describe_counts(report),
        describe_checked(report),
        *section("Findings", [describe_finding(finding) for finding in report.findings]),
        *section("Not proved", describe_problems(report)),
        *section("Ratified", describe_ratified(report.ratified)),
        *section("Still to come", [f"<p>{escape(line)}</p>" for line in report.pending]),
        *section(
            "Endpoints", [describe_endpoint(key, found, report) for key, found in by_endpoint(report.changes)]
        ),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def describe_counts(report: Report) -> str:
    """How many changes there are of each verdict, the worst first."""
    found = [(verdict, report.verdicts[verdict]) for verdict in COLOURS if verdict in report.verdicts]
    tags = "".join(tag(verdict, f"{count} {verdict}") for verdict, count in reversed(found))
    return f'<p class="counts">{tags}</p>' if found else ""


def describe_checked(report: Report) -> str:
    """What the answer rests on."""
    digests, logs = report.checked["digests"], report.checked["logs"]
    return f"<p>Main at <code>{escape(report.head)}</code>; {digests} digests, {logs} log files verified.</p>"


def section(title: str, content: Sequence[str]) -> list[str]:
    """A heading and what stands below it; nothing where there is nothing."""
    return [f"<h2>{title}</h2>", *content] if content else []


def tag(verdict: str, text: str = "") -> str:
    """A verdict in its colour."""
    return f'<span class="tag" style="background:{COLOURS[verdict]}">{text or verdict}</span>'


def table(head: Sequence[str], rows: str) -> str:
    """A table that scrolls by itself where the window is narrow."""
    cells = "".join(f"<th>{cell}</th>" for cell in head)
    return f'<div class="wide"><table><tr>{cells}</tr>{rows}</table></div>'


def describe_finding(finding: Finding) -> str:
    """One finding with its events."""
    events = "".join(
        f"<li>{event.time} {escape(event.name)} <code>{escape(event.id)}</code><br>in "
        f"<code>{escape(event.file)}</code>"
        f"<br>by digest <code>{escape(event.digest)}</code></li>"
        for event in finding.events
    )
    return (
        f'<div class="finding" id="{finding.id}" style="border-color:{COLOURS[finding.verdict]}">'
        f"<h3>{tag(finding.verdict)} {escape(finding.subject)}</h3>"
        f"<p>{escape(finding.message)}</p>"
        f'<p class="quiet">{escape(RULES[finding.rule])} (<code>{finding.rule}</code>), {finding.time}, '
        f"finding <code>{finding.id}</code></p>{fold(events, len(finding.events))}</div>"
    )


def fold(items: str, count: int) -> str:
    """A list of events that opens on a click."""
    words = "1 event" if count == 1 else f"{count} events"
    return f"<details><summary>{words}</summary><ul>{items}</ul></details>" if count else ""


def describe_problems(report: Report) -> list[str]:
    """What cannot be proved, as a table."""
    if not report.problems:
        return []
    rows = "".join(
        f"<tr><td><code>{escape(problem.place)}</code></td><td>{escape(problem.message)}</td>"
        f"<td>{PROBLEMS[problem.rule]}</td></tr>"
        for problem in report.problems
    )
    return [table(["Where", "What", "Which means"], rows)]


def describe_ratified(ratified: Sequence[Settled]) -> list[str]:
    """The findings that people ratified, as a table."""
    if not ratified:
        return []
    rows = "".join(
        f'<tr><td class="when">{settled.finding.time}</td><td>{escape(settled.finding.subject)}<br>'
        f"{escape(settled.finding.message)}</td><td>{escape(settled.why)}</td>"
        f"<td>{refer_pull(settled.pull, settled.approvers, settled.url)}</td></tr>"
        for settled in ratified
    )
    return [table(["Time (UTC)", "What", "Why it may stand", "Pull request"], rows)]


def by_endpoint(changes: Iterable[Change]) -> list[tuple[tuple[str, str], list[Change]]]:
    """The changes of each model in each environment, by name."""
    found: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        found.setdefault((change.model, change.environment), []).append(change)
    return sorted(found.items())


def describe_endpoint(key: tuple[str, str], changes: Sequence[Change], report: Report) -> str:
    """A timeline, and each change of it as a row."""
    rows = "".join(describe_row(change) for change in changes)
    span = (report.since, report.until)
    head = ["Time (UTC)", "What", "Verdict", "Pull request", "By"]
    title = f"<h3>{escape(key[0])} in {escape(key[1])}</h3>"
    return f"{title}{draw_timeline(changes, span)}{table(head, rows)}"


def describe_row(change: Change) -> str:
    """One change."""
    said = [*change.approvers, f"(by the {change.proof})"]
    pull = refer_pull(change.pull, said, change.url) if change.pull else ""
    why = "".join(f"<br>{escape(flag.message)}" for flag in change.flags)
    ratified = f"<br>ratified by <code>{change.ratified[:12]}</code>" if change.ratified else ""
    return (
        f'<tr><td class="when">{stamp(change.time)}</td><td>{escape(change.what)}<br>'
        f"<code>{escape(change.after)}</code>{why}{ratified}</td><td>{tag(change.verdict)}</td>"
        f"<td class='pull'>{pull}</td><td class='who'>{escape(change.who)}</td></tr>"
    )


def refer_pull(number: int, approvers: Iterable[str], url: str) -> str:
    """A pull request and who approved it; a link where its address is one."""
    text = escape(f"#{number} {' '.join(approvers)}")
    return f'<a href="{escape(url)}">{text}</a>' if url.startswith("https://") else text


def draw_timeline(changes: Sequence[Change], span: tuple[str, str]) -> str:
    """A mark for each change, where it stands between begin and end; the worst lie on top."""
    times = [change.time for change in changes]
    begin, end = min(times), max(times)
    worst_last = sorted(changes, key=lambda change: -WORST_FIRST.index(change.verdict))
    marks = "".join(
        f'<circle cx="{place(change.time, begin, end):.1f}" cy="16" r="7" fill="{COLOURS[change.verdict]}">'
        f"<title>{stamp(change.time)} {escape(change.what)}: {change.verdict}</title></circle>"
        for change in worst_last
    )
    label = f"changes between {span[0]} and {span[1]}"
    ends = f'<text x="2" y="42">{stamp(begin)}</text>'
    if end > begin:
        ends += f'<text x="998" y="42" text-anchor="end">{stamp(end)}</text>'
    line = '<path d="M10 16H990" stroke="#888"/>'
    return f'<svg viewBox="0 0 1000 48" role="img" aria-label="{label}">{line}{marks}{ends}</svg>'


def place(moment: datetime, begin: datetime, end: datetime) -> float:
    """Where a time stands on a line of 1000."""
    whole = (end - begin).total_seconds()
    return 10 + 980 * ((moment - begin).total_seconds() / whole if whole else 0.5)
