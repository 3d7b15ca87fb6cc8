"""evaluation.json: what the evaluate job found of a candidate. Numbers and words, no row of data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlops.documents import Document
from mlops.release import Sha256

Count = Annotated[int, Field(ge=0)]


class Metric(Document):
    """A metric with its two-sided 95 % interval; null where the rows do not say."""

    value: float | None
    low: float | None
    high: float | None


class Value(Document):
    """A metric without interval."""

    value: float | None


class Difference(Document):
    """How much better than the champion: positive is better. `low`: one-sided bound, null if undefined."""

    metric: str
    value: float
    low: float | None
    margin: float


class ChampionFound(Document):
    """What is live, measured anew on the same rows; `why` stands where it could not be compared."""

    archive: str | None
    metrics: dict[str, Value]
    difference: Difference | None = None
    why: str | None = None


class SliceFound(Document):
    """A metric on one group of test rows."""

    column: str
    value: str
    rows: Count
    metric: str
    result: float | None


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


class Evaluation(Document):
    """All that was found, and what follows from it."""

    schema_version: Literal[2] = Field(alias="schema")
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
