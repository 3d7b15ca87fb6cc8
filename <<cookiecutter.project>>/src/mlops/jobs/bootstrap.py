"""Intervals for any metric: the bias-corrected and accelerated (BCa) bootstrap over rows. ADR 0010.

The metric is a black box that is called on resampled rows. Every draw depends on the seed and its own number
alone, so that equal inputs give equal intervals.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

Index = Any  # row numbers, a NumPy array
Statistics = Callable[[Index], dict[str, float]]

CELLS = 50_000_000  # rows times draws: a million rows are drawn fewer times, which their number allows
FEWEST = 200  # draws below which a quantile of 5 % rests on too little
FOLDS = 200  # groups of rows left out in turn to see the skew; as many as rows where there are fewer
UNDEFINED = 0.05  # share of draws without a value (one class only, say) from which an interval is not given
NORMAL = NormalDist()


@dataclass(frozen=True)
class Spread:
    """What a statistic does when the rows are drawn again, and when some of them are left out."""

    value: float
    draws: Any
    folds: Any

    def __sub__(self, other: "Spread") -> "Spread":
        """Return the spread of the difference; paired, as both saw the same rows."""
        return Spread(self.value - other.value, self.draws - other.draws, self.folds - other.folds)

    def quantile(self, level: float) -> float | None:
        """Return the bound below which the true value lies with probability `level`; None when unknown."""
        known = self.draws[np.isfinite(self.draws)]
        if not np.isfinite(self.value) or len(known) < (1 - UNDEFINED) * len(self.draws):
            return None
        return float(np.quantile(known, self._corrected(level, known)))

    def _corrected(self, level: float, known: Any) -> float:
        # Ties count half: metrics of decisions take few values.
        below = float(np.mean(known < self.value) + np.mean(known == self.value) / 2)
        if not 0 < below < 1:
            return level
        bias, wanted = NORMAL.inv_cdf(below), NORMAL.inv_cdf(level)
        shift = bias + wanted
        room = 1 - self._acceleration() * shift
        # A skew so strong that the correction leaves the scale: the farthest draw is the bound.
        return NORMAL.cdf(bias + shift / room) if room > 0 else float(shift > 0)

    def _acceleration(self) -> float:
        known = self.folds[np.isfinite(self.folds)]
        apart = known.mean() - known if len(known) else known
        squares = float(np.sum(apart**2))
        return float(np.sum(apart**3)) / (6 * squares**1.5) if squares > 0 else 0.0


def spread(statistics: Statistics, rows: int, resamples: int, seed: int) -> dict[str, Spread]:
    """Measure on all rows, on every draw and on every fold; names are those found on all rows."""
    values = statistics(np.arange(rows))
    drawn = _table(statistics, draws(rows, resamples, seed), list(values))
    folded = _table(statistics, folds(rows, seed), list(values))
    return {
        name: Spread(value, drawn[:, place], folded[:, place])
        for place, (name, value) in enumerate(values.items())
    }


def affordable(resamples: int, rows: int) -> int:
    """Return how many draws a test set of this size gets; never decided by a clock."""
    return max(min(FEWEST, resamples), min(resamples, CELLS // max(rows, 1)))


def draws(rows: int, resamples: int, seed: int) -> Iterator[Index]:
    """Draw as many rows as there are, with replacement, again and again."""
    for number in range(resamples):
        yield np.random.default_rng([seed, number]).integers(0, rows, rows)


def folds(rows: int, seed: int) -> Iterator[Index]:
    """Leave one group of rows out at a time."""
    order = np.random.default_rng(seed).permutation(rows)
    for group in np.array_split(order, min(rows, FOLDS)):
        yield np.delete(np.arange(rows), group)


def _table(statistics: Statistics, indexes: Iterator[Index], names: list[str]) -> Any:
    found = [statistics(index) if len(index) else {} for index in indexes]
    return np.array([[values.get(name, np.nan) for name in names] for values in found], dtype=float)
