"""What CloudWatch keeps: samples of metrics, and the statistics of a stretch of them."""

from __future__ import annotations

import bisect
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEPT_SAMPLES = 200_000
PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
SIMPLE = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")


@dataclass(frozen=True, order=True)
class Metric:
    """A metric's whole name: another set of dimensions is another metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def described(self) -> dict[str, Any]:
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}


@dataclass(frozen=True)
class Sample:
    """One value, or a set of values of which only the summary was sent."""

    count: float
    total: float
    low: float
    high: float
    unit: str = "None"


def read_metric(namespace: str, name: str, dimensions: Iterable[Mapping[str, str]] | None) -> Metric:
    """A metric as requests name it."""
    pairs = sorted((pair["Name"], pair["Value"]) for pair in dimensions or ())
    return Metric(namespace, name, tuple(pairs))


def sample(value: float, count: float = 1.0, unit: str = "None") -> Sample:
    return Sample(count, value * count, value, value, unit)


class Metrics:
    """All samples, in order of time; of each metric the newest 200,000."""

    def __init__(self) -> None:
        self._series: dict[Metric, tuple[list[float], list[Sample]]] = {}
        self._lock = threading.Lock()

    def add(self, metric: Metric, moment: float, found: Sample) -> None:
        with self._lock:
            times, samples = self._series.setdefault(metric, ([], []))
            place = bisect.bisect_right(times, moment)
            times.insert(place, moment)
            samples.insert(place, found)
            if len(times) > KEPT_SAMPLES:
                del times[: KEPT_SAMPLES // 10], samples[: KEPT_SAMPLES // 10]

    def between(self, metric: Metric, start: float, end: float, unit: str | None = None) -> list[Sample]:
        """The samples of `start` <= time < `end`."""
        with self._lock:
            times, samples = self._series.get(metric, ([], []))
            found = samples[bisect.bisect_left(times, start) : bisect.bisect_left(times, end)]
        return [each for each in found if unit is None or each.unit == unit]

    def newest(self, metric: Metric) -> float:
        """The time of the newest sample; before all times where there is none."""
        with self._lock:
            times, _ = self._series.get(metric, ([], []))
            return times[-1] if times else float("-inf")

    def names(self) -> list[Metric]:
        with self._lock:
            return sorted(self._series)


def check_statistic(name: str) -> None:
    """Refuse a statistic that would not be computed."""
    if name not in SIMPLE and not PERCENTILE.fullmatch(name):
        raise ServiceError(
            "InvalidParameterValue",
            f"the sandbox computes {', '.join(SIMPLE)} and percentiles as p95, not {name!r}",
        )


def statistic(samples: list[Sample], name: str) -> float | None:
    """One statistic of the samples; None where there are none, or their summary does not tell."""
    count = sum(each.count for each in samples)
    if not samples or count == 0:
        return None
    if percentile := PERCENTILE.fullmatch(name):
        return _percentile(samples, count, float(percentile[1]) / 100)
    total = sum(each.total for each in samples)
    return {
        "SampleCount": count,
        "Sum": total,
        "Average": total / count,
        "Minimum": min(each.low for each in samples),
        "Maximum": max(each.high for each in samples),
    }[name]


def _percentile(samples: list[Sample], count: float, share: float) -> float | None:
    if any(each.low != each.high for each in samples):
        return None
    seen = 0.0
    for each in sorted(samples, key=lambda each: each.low):
        seen += each.count
        if seen >= share * count:
            break
    return each.low
