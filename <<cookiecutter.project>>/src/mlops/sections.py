"""The tables of a pull request's body, one function each; an empty string where there is nothing to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.charts import draw
from mlops.compare import SIDES
from mlops.markdown import code, details, link, listing, number, plain, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.compare import Change, Comparison, DataChange, MetricRow
    from mlops.evaluation import ColumnFound, DataFound, Evaluation, Interval

MOST = 30  # rows of a table; beyond it a sentence
BESIDE = {
    "live": "live",
    "reversed": "live",
    "other": "champion",
    "none": "",
}
ON_ROWS = {
    "live": "Candidate and what is live answered the same {rows} test rows, each with its own code.",
    "reversed": "Taken from the evaluation of what is live: both answered its {rows} test rows.",
    "other": "Beside it stands the champion of its training run, **not** what is live here; both answered "
    "the same {rows} test rows.",
    "none": "The candidate alone on {rows} test rows.",
}


def metrics(found: Comparison) -> str:
    """Every metric with its interval, and the paired difference where there is one."""
    words = f"### Metrics\n\n{ON_ROWS[found.basis].format(rows=found.rows)} Intervals: 95 %, two-sided."
    if found.basis == "other" and found.champion:
        words += f" Its archive: {code(found.champion)}."
    if found.why:
        words += f" Not compared: {plain(found.why)}."
    if not any(row.champion for row in found.metrics):
        rows = [[code(row.name), aim(row), interval(row.candidate)] for row in found.metrics]
        return f"{words}\n\n{table(['metric', 'better', 'candidate'], rows, MOST, 'metrics')}"
    head = ["metric", "better", "candidate", BESIDE[found.basis] or "champion", "difference", "reading"]
    listed = [
        [
            code(row.name),
            aim(row),
            interval(row.candidate),
            interval(row.champion),
            interval(row.difference, "+.4g"),
            f"**{row.reading}**" if row.reading in ("better", "worse") else row.reading,
        ]
        for row in found.metrics
    ]
    return f"{words}\n\n{table(head, listed, MOST, 'metrics')}"


def aim(row: MetricRow) -> str:
    """Which way a metric gets better."""
    return {"high": "higher", "low": "lower", None: "-"}[row.better]


def interval(found: Interval | None, form: str = ".4g") -> str:
    """A number with its ends."""
    if found is None or found.value is None:
        return "-"
    value = format(found.value, form)
    if found.low is None or found.high is None:
        return f"{value} (no interval)"
    return f"{value} ({format(found.low, form)} … {format(found.high, form)})"


def slices(found: Comparison) -> str:
    """Every group, those that lose most first."""
    if not found.slices:
        return ""
    rows = [
        [
            f"{code(row.column)} = {code(row.value)}",
            str(row.rows),
            code(row.metric),
            number(row.candidate),
            number(row.champion),
            loss(row.loss),
        ]
        for row in found.slices
    ]
    head = ["group", "test rows", "metric", "candidate", BESIDE[found.basis] or "champion", "candidate is"]
    return f"### Groups\n\n{table(head, rows, MOST, 'groups')}"


def loss(found: float | None) -> str:
    """How a group fares, in words."""
    if found is None:
        return "-"
    return f"{abs(found):.3g} {'worse' if found > 0 else 'better'}" if found else "equal"


def gates(evaluation: Evaluation) -> str:
    """Every gate's verdict."""
    failed = sum(not gate.passed for gate in evaluation.gates)
    rows = [
        ["passed" if gate.passed else "**failed**", plain(gate.gate), plain(gate.why)]
        for gate in sorted(evaluation.gates, key=lambda gate: gate.passed)
    ]
    summary = f"Gates: {len(rows) - failed} of {len(rows)} passed"
    return details(summary, table(["verdict", "gate", "why"], rows, MOST, "gates"))


def data(change: DataChange | None, now: DataFound, is_same: bool) -> str:
    """Rows, schema and how far the inputs moved."""
    if change is None:
        described = f"{row_words(now)}; {len(now.columns) + now.left_out} columns."
        why = (
            "The same version as of what is live"
            if is_same
            else "There is no earlier profile to compare with"
        )
        return f"### Data\n\n{why}. {described}\n\n{details('Columns', columns(now.columns))}"
    parts = ["### Data", row_table(change), schema(change), shifts(change)]
    return "\n\n".join(part for part in parts if part)


def row_words(found: DataFound) -> str:
    """The rows of each side in a sentence."""
    known = [f"{found.rows.get(side)} {side}" for side in SIDES if found.rows.get(side) is not None]
    return f"Rows: {', '.join(known)}"


def row_table(change: DataChange) -> str:
    """Rows of each side, before and now."""
    rows = [
        [side, known(before), known(now), percent(before, now)] for side, (before, now) in change.rows.items()
    ]
    return table(["rows", "live", "candidate", "change"], rows, MOST, "sides")


def known(count: int | None) -> str:
    """A count; data in another format than CSV was not counted."""
    return "not in CSV" if count is None else str(count)


def percent(before: int | None, now: int | None) -> str:
    """How much more there is."""
    if not before or now is None:
        return "-"
    return f"{100 * (now - before) / before:+.3g} %" if now != before else "none"


def schema(change: DataChange) -> str:
    """Columns that came, went or hold another kind of value."""
    words = []
    if change.added:
        words.append(f"**New columns:** {listing([column.name for column in change.added])}.")
    if change.removed:
        words.append(f"**Gone:** {listing([column.name for column in change.removed])}.")
    if change.retyped:
        kinds = [f"{entry.name}: {entry.before} → {entry.now}" for entry in change.retyped]
        words.append(f"**Another kind:** {listing(kinds)}.")
    return " ".join(words) or "Schema: the same columns of the same kinds."


def shifts(change: DataChange) -> str:
    """The population stability index of every column that shows its values."""
    if not change.shifts:
        return ""
    moved = sum(not shift.reading.startswith("steady") for shift in change.shifts)
    rows = [
        [code(shift.column), f"{shift.value:.3f}", shift.reading, plain(shift.words) or "-"]
        for shift in change.shifts
    ]
    summary = f"Inputs: {moved} of {len(rows)} columns moved (population stability index)"
    note = "Below 0.1 steady, 0.1 to 0.25 moved, above 0.25 moved far; of the training rows of both releases."
    if change.unseen:
        note += f" Only counted, as texts or identifiers are: {listing(change.unseen)}."
    return details(summary, f"{note}\n\n{table(['column', 'PSI', 'reading', 'what'], rows, MOST, 'columns')}")


def columns(found: Sequence[ColumnFound]) -> str:
    """What the columns are."""
    rows = [
        [code(column.name), column.kind, str(column.distinct), f"{100 * column.missing:.3g} %"]
        for column in found
    ]
    return table(["column", "kind", "distinct values", "missing"], rows, MOST, "columns")


def serving(changes: Sequence[Change], is_first: bool) -> str:
    """How it is served; with something live before, what changes in it."""
    changed = [change for change in changes if change.is_one]
    if is_first:
        rows = [[code(change.what), code(change.now)] for change in changes]
        return "### Serving\n\n" + details("Settings", table(["setting", "value"], rows, MOST, "settings"))
    if not changed:
        return "### Serving\n\nUnchanged."
    rows = [[code(entry.what), code(entry.before or "-"), code(entry.now)] for entry in changed]
    return f"### Serving\n\n{table(['setting', 'live', 'after merging'], rows, MOST, 'settings')}"


def lineage(changes: Sequence[Change], is_first: bool) -> str:
    """Where both releases come from."""
    if is_first:
        rows = [[entry.what, code(entry.now)] for entry in changes]
        return details("Lineage", table(["what", "candidate"], rows, MOST, "origins"))
    rows = [
        [entry.what, code(entry.before or "-"), code(entry.now) if entry.is_one else "the same"]
        for entry in changes
    ]
    return details("Lineage", table(["what", "live", "candidate"], rows, MOST, "origins"))


def curves(evaluation: Evaluation) -> str:
    """The charts."""
    if not evaluation.curves:
        return ""
    return details("Charts", "\n\n".join(draw(curve) for curve in evaluation.curves))


def answers(evaluation: Evaluation, before: Evaluation | None) -> str:
    """What was measured besides metrics, of each release in its own run."""
    both = [evaluation, before] if before else [evaluation]
    rows = [
        ["one row through the handler, median", *(f"{found.latency.p50_ms:.3g} ms" for found in both)],
        ["the same, 95th percentile", *(f"{found.latency.p95_ms:.3g} ms" for found in both)],
        ["weights and code, unpacked", *(f"{found.archive.bytes / 2**20:.3g} MB" for found in both)],
        ["score, mean ± standard deviation", *map(score, both)],
    ]
    head = ["what", "candidate", "live"] if before else ["what", "candidate"]
    return details("Answers: time, size, scores", table(head, rows, MOST, "rows"))


def score(found: Evaluation) -> str:
    """The score's mean and spread."""
    known = found.scores
    return f"{known.mean:.4g} ± {known.std:.3g} ({code(known.column)})" if known else "-"


def pages(links: Mapping[str, str]) -> str:
    """Links to where one can look further."""
    return f"Look further: {' · '.join(link(label, url) for label, url in links.items())}" if links else ""
