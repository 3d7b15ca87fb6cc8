"""What a proposal changes: model against model, data against data, serving against serving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlops.evaluation import Interval
from mlops.psi import Shift, measure_shift

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops.evaluation import ColumnFound, DataFound, Difference, Direction, Evaluation, Side
    from mlops.pin import Pin
    from mlops.release import Archive
    from mlops.serving import Serving

# What stands beside a candidate's numbers: what is live, another release, what is live as its own evaluation
# has it (the candidate was the champion then), or nothing
Basis = Literal["live", "other", "reversed", "none"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class MetricRow:
    """A metric of candidate and champion on the same rows; `difference`: candidate minus champion."""

    name: str
    better: Direction | None
    candidate: Interval
    champion: Interval | None = None
    difference: Interval | None = None

    @property
    def reading(self) -> str:
        """What the interval of the difference says."""
        low, high = (self.difference.low, self.difference.high) if self.difference else (None, None)
        if low is None or high is None:
            return "not compared"
        if low <= 0 <= high:
            return "no clear difference" if low or high else "equal"
        if self.better is None:
            return "higher" if low > 0 else "lower"
        return "better" if (low > 0) == (self.better == "high") else "worse"


@dataclass(frozen=True)
class SliceRow:
    """A metric on one group, of the candidate and of the champion."""

    column: str
    value: str
    rows: int
    metric: str
    candidate: float | None
    champion: float | None
    loss: float | None  # how much worse the candidate is; None without champion or direction


@dataclass(frozen=True)
class Comparison:
    """Candidate against champion. `rows`: test rows that both answered; `judged`: what the gate looked at."""

    basis: Basis
    rows: int
    metrics: list[MetricRow]
    slices: list[SliceRow]
    judged: Difference | None = None
    why: str | None = None
    champion: str | None = None  # the archive beside the candidate


@dataclass(frozen=True)
class Retyped:
    """A column that holds another kind of value."""

    name: str
    before: str
    now: str


@dataclass(frozen=True)
class DataChange:
    """The data of two releases: rows of each side (before, now), columns, and how far each one moved."""

    rows: dict[Side, tuple[int | None, int | None]]
    added: list[ColumnFound]
    removed: list[ColumnFound]
    retyped: list[Retyped]
    shifts: list[Shift]
    unseen: list[str]  # columns whose values the profiles do not show


@dataclass(frozen=True)
class Change:
    """One setting or origin, before and now; None where there is nothing before."""

    what: str
    before: str | None
    now: str

    @property
    def is_one(self) -> bool:
        """Whether it differs."""
        return self.before != self.now


def compare_models(
    pin: Pin, live: Pin | None, evaluation: Evaluation, live_evaluation: Evaluation | None
) -> Comparison:
    """The comparison that was measured on the same rows, wherever it stands."""
    champion = evaluation.champion
    basis = find_basis(pin, live, evaluation, live_evaluation)
    if basis == "reversed" and live_evaluation:
        return reverse(live_evaluation)
    rows = [
        MetricRow(
            name,
            metric.better,
            Interval(value=metric.value, low=metric.low, high=metric.high),
            champion.metrics.get(name) if champion else None,
            champion.differences.get(name) if champion else None,
        )
        for name, metric in evaluation.metrics.items()
    ]
    judged, why = (champion.difference, champion.why) if champion else (None, None)
    archive = champion.archive if champion else None
    return Comparison(basis, evaluation.rows, rows, slice_rows(evaluation), judged, why, archive)


def find_basis(
    pin: Pin, live: Pin | None, evaluation: Evaluation, live_evaluation: Evaluation | None
) -> Basis:
    """Against what a proposal's numbers stand."""
    champion = evaluation.champion
    if champion and live and champion.archive == uri(live.artifact.archive):
        return "live"
    theirs = live_evaluation.champion if live_evaluation else None
    if theirs and theirs.archive == uri(pin.artifact.archive):
        return "reversed"
    return "other" if champion else "none"


def uri(archive: Archive) -> str:
    """Where an archive lies, as jobs are told."""
    return f"s3://{archive.bucket}/{archive.key}"


def reverse(live: Evaluation) -> Comparison:
    """What is live was judged against the candidate: the same numbers, seen from the other side."""
    champion = live.champion
    known = champion.metrics if champion else {}
    rows = [
        MetricRow(
            name,
            live.metrics[name].better,
            found,
            Interval(
                value=live.metrics[name].value, low=live.metrics[name].low, high=live.metrics[name].high
            ),
            negate(champion.differences.get(name)) if champion else None,
        )
        for name, found in known.items()
        if name in live.metrics
    ]
    return Comparison("reversed", live.rows, rows, [], None, champion.why if champion else None)


def negate(found: Interval | None) -> Interval | None:
    """A difference from the other side."""
    if found is None:
        return None
    value, low, high = (None if end is None else 0.0 - end for end in (found.value, found.high, found.low))
    return Interval(value=value, low=low, high=high)


def slice_rows(evaluation: Evaluation) -> list[SliceRow]:
    """The groups, those that lose most first."""
    rows = [
        SliceRow(
            found.column,
            found.value,
            found.rows,
            found.metric,
            found.result,
            found.champion,
            loss(found.result, found.champion, evaluation.metrics[found.metric].better)
            if found.metric in evaluation.metrics
            else None,
        )
        for found in evaluation.slices
    ]
    return sorted(rows, key=lambda row: -(row.loss or 0.0))


def loss(candidate: float | None, champion: float | None, better: Direction | None) -> float | None:
    """How much worse the candidate is."""
    if candidate is None or champion is None or better is None:
        return None
    return champion - candidate if better == "high" else candidate - champion


def compare_data(before: DataFound | None, now: DataFound) -> DataChange:
    """Rows, columns and shifts; without `before` every column is new."""
    old = {column.name: column for column in before.columns} if before else {}
    new = {column.name: column for column in now.columns}
    common = [(old[name], column) for name, column in new.items() if name in old]
    profiled = (before.profiled if before else 0, now.profiled)
    shifts = [(pair[1].name, measure_shift(*pair, profiled)) for pair in common]
    known = [shift for _, shift in shifts if shift]
    return DataChange(
        {side: ((before.rows.get(side) if before else None), now.rows.get(side)) for side in SIDES},
        [column for name, column in new.items() if name not in old],
        [column for name, column in old.items() if name not in new],
        [Retyped(a.name, a.kind, b.kind) for a, b in common if a.kind != b.kind],
        sorted(known, key=lambda shift: (-shift.value, shift.column)),
        [name for name, shift in shifts if shift is None],
    )


def compare_serving(before: Serving | None, now: Serving) -> list[Change]:
    """Every setting of the serving, changed or not."""
    old = dict(flatten(before.model_dump(exclude_none=True))) if before else {}
    new = dict(flatten(now.model_dump(exclude_none=True)))
    return [Change(what, old.get(what), new.get(what, "-")) for what in dict.fromkeys([*new, *old])]


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The settings by their dotted names."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def compare_lineage(before: Pin | None, now: Pin) -> list[Change]:
    """Where both releases come from."""
    old, new = (lineage(before) if before else {}), lineage(now)
    return [Change(what, old.get(what), value) for what, value in new.items()]


def lineage(pin: Pin) -> dict[str, str]:
    """Where a release comes from, by name."""
    artifact = pin.artifact
    return {
        "release": pin.release,
        "commit": artifact.commit,
        "data": artifact.data,
        "bundle": artifact.bundle,
        "image": artifact.image,
        "execution": artifact.execution,
        "package": artifact.package,
        "archive": f"sha256:{artifact.archive.sha256}",
        "archive size": f"{artifact.archive.size} bytes",
        "evaluation": f"sha256:{artifact.evaluation}",
    }


@dataclass(frozen=True)
class Differences:
    """All that a proposal changes. `data` is None where it is the same version, or no profile is known."""

    models: Comparison
    data: DataChange | None
    serving: list[Change]
    lineage: list[Change]


def compare_all(
    pin: Pin, live: Pin | None, evaluation: Evaluation, live_evaluation: Evaluation | None
) -> Differences:
    """Compare a candidate with what is live."""
    is_same = live is not None and live.artifact.data == pin.artifact.data
    data = compare_data(live_evaluation.data, evaluation.data) if live_evaluation and not is_same else None
    return Differences(
        compare_models(pin, live, evaluation, live_evaluation),
        data,
        compare_serving(live.serving if live else None, pin.serving),
        compare_lineage(live, pin),
    )
