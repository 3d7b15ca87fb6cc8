"""`gate:` of model.yml: what a candidate must reach before it is sealed. On by default, never empty."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from mlops.documents import Document

Metric = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Number = Annotated[float, Field(strict=False, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=False, allow_inf_nan=False, ge=0)]


class Bound(Document):
    """An absolute condition on a metric of the test rows; min and max are inclusive."""

    metric: Metric
    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def require_a_bound(self) -> Bound:
        """A condition that nothing can fail is no condition."""
        if self.min is None and self.max is None:
            raise ValueError(f"metric {self.metric!r} needs a min, a max, or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: nothing can pass")
        return self

    @property
    def better(self) -> Literal["high", "low"] | None:
        """Which way the metric improves; None where both ends are bounded."""
        if self.min is not None and self.max is not None:
            return None
        return "high" if self.max is None else "low"


class Champion(Document):
    """The comparison with what is live: the candidate may be worse by `margin` at most.

    `confidence` is one-sided: the bound of the difference that must lie above -margin.
    """

    metric: Metric | None = None
    margin: NotNegative = 0.0
    confidence: Annotated[float, Field(strict=False, ge=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100, le=10_000)] = 1000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class Slices(Document):
    """Groups of test rows, by columns of truth.csv or features.csv, none of which may fall far behind."""

    columns: Annotated[list[str], Field(min_length=1)]
    metric: Metric | None = None
    min_rows: Annotated[int, Field(ge=2)] = 30
    max_drop: NotNegative

    @field_validator("columns")
    @classmethod
    def refuse_repetition(cls, columns: list[str]) -> list[str]:
        """A column that stands twice would be judged twice."""
        if len(set(columns)) != len(columns):
            raise ValueError("a column stands twice; name each once")
        return columns


class Latency(Document):
    """How long the handler may take for one row, in the evaluate job's own process."""

    p95_ms: Annotated[float, Field(strict=False, gt=0, allow_inf_nan=False)] = 1000.0


class Leakage(Document):
    """What test rows may share with training rows, and features known to tell much about the label."""

    shared_rows: Annotated[float, Field(strict=False, ge=0, le=1)] = 0.0
    trusted: list[str] = Field(default_factory=list)


class Gate(Document):
    """Every condition on a candidate. Absolute bounds have no default: a model without them is refused."""

    metrics: Annotated[list[Bound], Field(min_length=1)]
    champion: Champion = Champion()
    slices: Slices | None = None
    leakage: Leakage = Leakage()
    latency: Latency = Latency()
    archive_mb: Annotated[int, Field(ge=1, le=102_400)] = 1024

    @model_validator(mode="before")
    @classmethod
    def require_metrics(cls, content: Any) -> Any:
        """Say what the commonest mistakes are: bounds without their key, or none at all."""
        if isinstance(content, list):
            raise ValueError("bounds stand under a key of their own: gate: {metrics: [...]}")
        if isinstance(content, dict) and not content.get("metrics"):
            raise ValueError(
                "metrics: at least one absolute bound is needed, such as {metric: NAME, min: 0.9}"
            )
        return content

    @model_validator(mode="after")
    def require_direction(self) -> Gate:
        """What is compared must have a bound, and the bound must say which way is better."""
        self._direction("champion", self.champion.metric)
        if self.slices:
            self._direction("slices", self.slices.metric)
        return self

    def resolve(self) -> dict[str, Any]:
        """The gate as jobs read it: no default left to know, no metric left to choose."""
        judged = {
            "metrics": [bound.model_dump(exclude_none=True) for bound in self.metrics],
            "champion": self.champion.model_dump() | self._direction("champion", self.champion.metric),
            "leakage": self.leakage.model_dump(),
            "latency": self.latency.model_dump(),
            "archive_mb": self.archive_mb,
        }
        if self.slices:
            judged["slices"] = self.slices.model_dump() | self._direction("slices", self.slices.metric)
        return judged

    def _direction(self, key: str, metric: str | None) -> dict[str, str]:
        name = metric or self.metrics[0].metric
        bound = next((bound for bound in self.metrics if bound.metric == name), None)
        if bound is None:
            known = ", ".join(dict.fromkeys(bound.metric for bound in self.metrics))
            raise ValueError(f"{key}.metric {name!r} has no bound under metrics; there are: {known}")
        if bound.better is None:
            raise ValueError(
                f"{key} compares {name!r}, whose min and max do not say which way is better; "
                "write them as two entries, the one that says so first"
            )
        return {"metric": name, "better": bound.better}
