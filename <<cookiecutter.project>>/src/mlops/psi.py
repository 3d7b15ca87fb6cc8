"""How far a column's values moved between the data of two releases: the population stability index.

Both sides come as profiles, of which no row is known: the older one's parts are the scale, and the newer
one's share of each is read off its own cut points. Usual reading: steady to 0.1, moved to 0.25, then far.
Few rows show some shift even where nothing moved: `chance` is what 95 of 100 such samples stay below.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.evaluation import ColumnFound

STEADY, FAR = 0.1, 0.25
PARTS = 10
HALF = 0.5  # a row in each part that has none: a share of nothing would make any shift infinite
Z95 = 1.6449

Steps = list[tuple[float, float]]  # (value, rows up to it), rising


@dataclass(frozen=True)
class Shift:
    """One column's index, what chance alone would bring, and what moved in words."""

    column: str
    value: float
    chance: float
    words: str

    @property
    def reading(self) -> str:
        """The usual reading; what chance explains is not called a move."""
        if self.value < STEADY:
            return "steady"
        if self.value <= self.chance:
            return "steady: so few rows show as much by chance"
        return "moved" if self.value <= FAR else "moved far"

    @property
    def is_far(self) -> bool:
        """Whether a reviewer should look."""
        return self.value > FAR and self.value > self.chance


def measure_shift(before: ColumnFound, now: ColumnFound, rows: tuple[int, int]) -> Shift | None:
    """The shift of one column; `rows`: profiled before and now. None where the profiles show no values."""
    pairs = pair_values(before, now) if before.values and now.values else pair_scales(before, now)
    if not pairs:
        return None
    gone = (before.missing * rows[0], now.missing * rows[1])
    pairs = [*pairs, gone] if any(gone) else pairs
    return Shift(now.name, index(pairs), chance(pairs), describe(before, now))


def pair_values(before: ColumnFound, now: ColumnFound) -> Steps:
    """The rows of each value, before and now; the rare ones together."""
    names = sorted({*before.values, *now.values})
    pairs: Steps = [(before.values.get(name, 0), now.values.get(name, 0)) for name in names]
    return [*pairs, (before.rest, now.rest)] if before.rest or now.rest else pairs


def pair_scales(before: ColumnFound, now: ColumnFound) -> Steps:
    """The rows in each part of the older scale, before and now."""
    old, new = steps_of(before), steps_of(now)
    if not old or not new:
        return []
    totals = total_of(before), total_of(now)
    cuts = coarse(old, totals[0])
    marks = [(0.0, 0.0), *((rows, rows_up_to(new, totals[1], value)) for value, rows in cuts), totals]
    return [(high[0] - low[0], high[1] - low[1]) for low, high in pairwise(marks)]


def steps_of(column: ColumnFound) -> Steps:
    """How many rows lie at or below each cut point of a column of numbers."""
    if column.kind not in ("integer", "number"):
        return []
    if column.edges:
        return list(zip(column.edges, accumulate(column.counts[:-1]), strict=True))
    found: Steps = []
    for value, count in sorted((float(name), count) for name, count in column.values.items()):
        below = found[-1][1] if found else 0.0
        found += [(math.nextafter(value, -math.inf), below), (value, below + count)]
    return found


def total_of(column: ColumnFound) -> float:
    """The rows that a column's steps speak of."""
    return sum(column.counts) if column.edges else sum(column.values.values())


def coarse(steps: Steps, total: float) -> Steps:
    """As many of the steps as make about PARTS parts of equal weight."""
    kept: Steps = []
    for value, rows in steps:
        low = kept[-1][1] if kept else 0.0
        if rows - low >= total / PARTS - 1e-9 and total - rows >= total / PARTS / 2:
            kept.append((value, rows))
    return kept


def rows_up_to(steps: Steps, total: float, value: float) -> float:
    """The rows at or below a value, in between by a straight line; half of what lies beyond an end."""
    place = bisect_left(steps, (value, -math.inf))
    if place == len(steps):
        return (steps[-1][1] + total) / 2
    right, high = steps[place]
    if right == value:
        return high
    if place == 0:
        return high / 2
    left, low = steps[place - 1]
    return low + (high - low) * (value - left) / (right - left)


def index(pairs: Sequence[tuple[float, float]]) -> float:
    """The index over pairs of counts."""
    before, now = (normalise([pair[side] for pair in pairs]) for side in (0, 1))
    return sum((new - old) * math.log(new / old) for old, new in zip(before, now, strict=True))


def normalise(counts: Sequence[float]) -> list[float]:
    """Counts as shares, none of them zero."""
    total = sum(counts) + HALF * len(counts)
    return [(count + HALF) / total for count in counts]


def chance(pairs: Sequence[tuple[float, float]]) -> float:
    """What the index stays below in 95 of 100 cases where nothing moved (chi-square, Wilson-Hilferty)."""
    freedom = len(pairs) - 1
    if freedom < 1:
        return 0.0
    before, now = (max(sum(pair[side] for pair in pairs), 1.0) for side in (0, 1))
    spread = 2 / (9 * freedom)
    return freedom * math.pow(1 - spread + Z95 * math.sqrt(spread), 3) * (1 / before + 1 / now)


def describe(before: ColumnFound, now: ColumnFound) -> str:
    """What moved: the median of numbers, the value whose share changed most, and what is missing."""
    words = []
    if now.edges and before.edges:
        words.append(f"median {middle(before):.4g} → {middle(now):.4g}")
    elif now.values and before.values:
        words.append(most_moved(before, now))
    if round(before.missing, 3) != round(now.missing, 3):
        words.append(f"missing {100 * before.missing:.3g} % → {100 * now.missing:.3g} %")
    return "; ".join(words)


def middle(column: ColumnFound) -> float:
    """The cut point nearest to the middle."""
    half = total_of(column) / 2
    return min(steps_of(column), key=lambda step: abs(step[1] - half))[0]


def most_moved(before: ColumnFound, now: ColumnFound) -> str:
    """The value whose share changed most."""
    totals = [sum(column.values.values()) + column.rest or 1 for column in (before, now)]
    shares = {
        name: (before.values.get(name, 0) / totals[0], now.values.get(name, 0) / totals[1])
        for name in sorted({*before.values, *now.values})
    }
    name = max(shares, key=lambda name: abs(shares[name][1] - shares[name][0]))
    return f"{name}: {100 * shares[name][0]:.3g} % → {100 * shares[name][1]:.3g} %"
