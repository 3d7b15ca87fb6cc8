"""Which hyperparameters to try next: random, grid, or by what earlier trials found. Pure."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.errors import invalid

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

# A tree-structured Parzen estimator: what it models is where the best trials lie.
WARM_UP, CANDIDATES, GOOD, EXPLORE = 5, 24, 0.15, 0.3
WIDTH, NARROWEST = 0.15, 0.05
Point = dict[str, float]


@dataclass(frozen=True)
class Range:
    """One hyperparameter's range, seen as the unit interval."""

    name: str
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    scale: str = "Linear"
    whole: bool = False

    def value(self, unit: float) -> str:
        """The hyperparameter at a place of the unit interval, as SageMaker writes it."""
        if self.values:
            return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]
        if self.whole and self.scale == "Linear":
            return str(min(int(self.low + unit * (self.high - self.low + 1)), int(self.high)))
        found = self._scaled(unit)
        return str(round(found)) if self.whole else repr(found)

    def _scaled(self, unit: float) -> float:
        low, high = self.low, self.high
        if self.scale == "Logarithmic":
            return math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
        if self.scale == "ReverseLogarithmic":
            return 1 - math.exp(math.log(1 - low) + unit * (math.log(1 - high) - math.log(1 - low)))
        return low + unit * (high - low)


def read_ranges(given: Mapping[str, Any]) -> tuple[Range, ...]:
    """Read and check ParameterRanges."""
    if given.get("AutoParameters"):
        raise invalid("the sandbox does not serve AutoParameters; see docs/sandbox.md")
    ranges = (
        *(
            Range(entry["Name"], tuple(entry["Values"]))
            for entry in given.get("CategoricalParameterRanges", [])
        ),
        *(_numeric(entry, True) for entry in given.get("IntegerParameterRanges", [])),
        *(_numeric(entry, False) for entry in given.get("ContinuousParameterRanges", [])),
    )
    names = [entry.name for entry in ranges]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise invalid(f"hyperparameter {twice[0]!r} has more than one range")
    if not ranges:
        raise invalid("ParameterRanges has no range: there is nothing to tune")
    return ranges


def _numeric(entry: Mapping[str, str], whole: bool) -> Range:
    said, scale = f"hyperparameter {entry['Name']!r}", entry.get("ScalingType", "Auto")
    try:
        low, high = float(entry["MinValue"]), float(entry["MaxValue"])
    except ValueError:
        raise invalid(
            f"{said}: {entry['MinValue']!r} to {entry['MaxValue']!r} is not a range of numbers"
        ) from None
    if not low < high:
        raise invalid(f"{said}: MinValue {low!r} must be below MaxValue {high!r}")
    if scale == "Logarithmic" and low <= 0:
        raise invalid(f"{said}: Logarithmic scaling needs values above 0, not {low!r}")
    if scale == "ReverseLogarithmic" and (whole or not 0 <= low < high < 1):
        raise invalid(f"{said}: ReverseLogarithmic scaling needs continuous values from 0 to below 1")
    return Range(entry["Name"], low=low, high=high, scale="Linear" if scale == "Auto" else scale, whole=whole)


def grid(ranges: Sequence[Range]) -> list[Point]:
    """Every combination of categorical values, as units."""
    if numeric := [entry.name for entry in ranges if not entry.values]:
        raise invalid(f"Grid takes categorical ranges only; {', '.join(map(repr, numeric))} are numeric")
    places = [[(index + 0.5) / len(entry.values) for index in range(len(entry.values))] for entry in ranges]
    names = [entry.name for entry in ranges]
    return [dict(zip(names, units, strict=True)) for units in itertools.product(*places)]


def draw(ranges: Sequence[Range], chance: random.Random) -> Point:
    """A random point."""
    return {entry.name: chance.random() for entry in ranges}


def suggest(ranges: Sequence[Range], results: Sequence[tuple[Point, float]], chance: random.Random) -> Point:
    """The next point, given (point, loss) of earlier ones: likely among the good, unlikely among the rest."""
    if len(results) < WARM_UP:
        return draw(ranges, chance)
    ordered = [point for point, _ in sorted(results, key=lambda result: result[1])]
    count = max(2, math.ceil(GOOD * len(ordered)))
    good, rest = ordered[:count], ordered[count:]
    width = max(NARROWEST, WIDTH / math.sqrt(count))
    candidates = [_near(good, ranges, width, chance) for _ in range(CANDIDATES)]

    def promise(point: Point) -> float:
        return _likelihood(point, good, ranges, width) - _likelihood(point, rest, ranges, width)

    return max(candidates, key=promise)


def _near(good: Sequence[Point], ranges: Sequence[Range], width: float, chance: random.Random) -> Point:
    point = draw(ranges, chance)
    for entry in ranges:
        if chance.random() >= EXPLORE:
            centre = chance.choice(good)[entry.name]
            place = centre if entry.values else chance.gauss(centre, width)
            point[entry.name] = min(1.0, max(0.0, place))
    return point


def _likelihood(point: Point, sample: Sequence[Point], ranges: Sequence[Range], width: float) -> float:
    return sum(
        math.log((1 + sum(_kernel(entry, point, other, width) for other in sample)) / (1 + len(sample)))
        for entry in ranges
    )


def _kernel(entry: Range, one: Point, other: Point, width: float) -> float:
    if entry.values:
        return float(entry.value(one[entry.name]) == entry.value(other[entry.name])) * len(entry.values)
    distance = (one[entry.name] - other[entry.name]) / width
    return math.exp(-distance * distance / 2) / (width * math.sqrt(2 * math.pi))


def is_hopeless(series: Sequence[float], others: Sequence[Sequence[float]], maximise: bool) -> bool:
    """AWS's median rule: worse now than the median of the others' running averages at the same step."""
    step = len(series)
    if step < 2:  # one value may be the job's last word
        return False
    averages = sorted(sum(other[:step]) / step for other in others if len(other) >= step)
    if len(averages) < 3:
        return False
    middle = len(averages) // 2
    median = averages[middle] if len(averages) % 2 else (averages[middle - 1] + averages[middle]) / 2
    return series[-1] < median if maximise else series[-1] > median
