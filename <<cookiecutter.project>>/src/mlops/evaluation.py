"""evaluation.json: what the evaluate job found of a candidate. Numbers and words, no row of data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlops.documents import Document
from mlops.release import Sha256

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Side = Literal["train", "validation", "test"]
Direction = Literal["high", "low"]


class Interval(Document):
    """A number with its two-sided 95 % interval; null where the rows do not say."""

    value: float | None
    low: float | None
    high: float | None


class Metric(Interval):
    """A metric, and which way it gets better as far as the gate's bounds tell."""

    better: Direction | None


class Difference(Document):
    """What the gate judged: positive is better than the champion. `low`: one-sided bound at `confidence`."""

    metric: str
    value: float
    low: float | None
    margin: float
    confidence: Share


class ChampionFound(Document):
    """What is live, measured anew on the same rows; `why` stands where it could not be compared.

    `differences`: candidate minus champion of each metric, paired.
    """

    archive: str | None
    metrics: dict[str, Interval]
    differences: dict[str, Interval]
    difference: Difference | None = None
    why: str | None = None


class SliceFound(Document):
    """A metric on one group of test rows, of the candidate and of the champion."""

    column: str
    value: str
    rows: Count
    metric: str
    result: float | None
    champion: float | None


class Scores(Document):
    """The first numeric column of the predictions on the test rows."""

    column: str
    mean: float
    std: float
    rows: Count


class LatencyFound(Document):
    """One row through the handler, in process."""

    p50_ms: float
    p95_ms: float


class ArchiveFound(Document):
    """Weights and code, unpacked."""

    bytes: Count


class Verdict(Document):
    """One gate's judgement, in words."""

    gate: str
    passed: bool
    why: str


class Smoke(Document):
    """One request of ordinary values, which a deployment sends to see the endpoint answer."""

    content_type: str
    body: str


class ColumnFound(Document):
    """A column as the model learnt from it. Either `values` with their counts and `rest`, or cut points.

    `counts` has one entry more than `edges`: rows up to each edge, inclusive, and beyond the last.
    """

    name: str
    kind: Literal["integer", "number", "category", "text", "identifier", "empty"]
    missing: Share
    distinct: Count
    values: dict[str, Count] = Field(default_factory=dict)
    rest: Count = 0
    edges: list[float] = Field(default_factory=list)
    counts: list[Count] = Field(default_factory=list)


class DataFound(Document):
    """Rows of each side (null: not in CSV files) and the columns of a request, as `side` holds them.

    `profiled`: rows that were looked at. `left_out`: columns beyond those described.
    """

    rows: dict[Side, Count | None]
    side: Side
    profiled: Count
    columns: list[ColumnFound]
    left_out: Count


class Curve(Document):
    """A picture's lines: `roc` over the share of false alarms, `calibration` over groups of rows."""

    kind: Literal["roc", "calibration"]
    column: str
    label: str
    x: Annotated[list[float], Field(max_length=40)]
    lines: dict[str, list[float]]


class Evaluation(Document):
    """All that was found, and what follows from it."""

    schema_version: Literal[3] = Field(alias="schema")
    model: str
    rows: Annotated[int, Field(ge=1)]
    metrics: dict[str, Metric]
    champion: ChampionFound | None
    slices: list[SliceFound]
    scores: Scores | None
    latency: LatencyFound
    archive: ArchiveFound
    gates: Annotated[list[Verdict], Field(min_length=1)]
    verdict: Literal["passed", "failed", "no-champion"]
    passed: bool
    reason: str
    resamples: Annotated[int, Field(ge=1)]
    seed: Count
    plots: dict[str, Sha256]
    smoke: Smoke
    data: DataFound
    curves: list[Curve]
