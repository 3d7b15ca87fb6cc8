"""The population stability index: right where it is known, quiet where nothing moved."""

from __future__ import annotations

import importlib
import random
import sys
from functools import cache
from math import log
from typing import Any

import pytest

from mlops.evaluation import ColumnFound
from mlops.psi import index, measure_shift
from tests.jobs.layout import JOBS

ROWS = 2000


@cache
def profiles() -> Any:
    """The job program that writes profiles; it imports its neighbours by their short names."""
    sys.path.insert(0, str(JOBS))
    try:
        return importlib.import_module("profiles")
    finally:
        sys.path.remove(str(JOBS))


def profile(cells: list[float]) -> ColumnFound:
    """What the prepare job writes of these numbers."""
    return ColumnFound.model_validate(profiles().column("x", [repr(cell) for cell in cells]))


def normal(seed: int, mean: float = 0.0, rows: int = ROWS) -> list[float]:
    dice = random.Random(seed)  # noqa: S311 - the same numbers in every run
    return [dice.gauss(mean, 1) for _ in range(rows)]


def shift(before: list[float], now: list[float]) -> Any:
    return measure_shift(profile(before), profile(now), (len(before), len(now)))


def category(**changes: Any) -> ColumnFound:
    about = {"name": "c", "kind": "category", "missing": 0.0, "distinct": 2}
    return ColumnFound.model_validate({**about, **changes})


def test_the_index_is_the_textbooks() -> None:
    """Shares of 0.5/0.5 against 0.8/0.2; half a row a part is added on both sides."""
    known = (0.8 - 0.5) * log(0.8 / 0.5) + (0.2 - 0.5) * log(0.2 / 0.5)
    assert index([(50_000, 80_000), (50_000, 20_000)]) == pytest.approx(known, rel=1e-3)


def test_equal_counts_have_no_shift() -> None:
    assert index([(10, 10), (20, 20)]) == 0


@pytest.mark.parametrize(("mean", "expected"), [(0.0, 0.0), (0.5, 0.25), (1.0, 1.0)])
def test_a_moved_normal_is_seen_through_other_cut_points(mean: float, expected: float) -> None:
    """Between two normals a mean apart the index tends to the square of that, a little less in ten parts."""
    found = shift(normal(1), normal(2, mean))
    assert found.value == pytest.approx(expected, abs=0.03 + 0.15 * expected)


def test_a_value_that_many_rows_share_does_not_look_like_a_shift() -> None:
    def spiked(seed: int) -> list[float]:
        return [0.0 if number % 3 else value for number, value in enumerate(normal(seed))]

    assert shift(spiked(1), spiked(2)).value < 0.05
    assert shift(spiked(1), normal(2)).reading == "moved far"


def test_few_values_are_compared_one_by_one() -> None:
    before, now = [1.0] * 50 + [2.0] * 50, [1.0] * 80 + [2.0] * 20
    found = shift(before, now)
    assert found.value == pytest.approx(0.416, abs=0.02)
    assert found.words == "1: 50 % → 80 %"


def test_a_column_of_few_values_that_becomes_a_scale_is_compared() -> None:
    assert shift([1.0, 2.0] * 1000, normal(1, 5)).is_far


def test_what_became_missing_is_a_shift() -> None:
    before, now = category(values={"a": 100}), category(values={"a": 60}, missing=0.4)
    found = measure_shift(before, now, (100, 100))
    assert found
    assert found.is_far
    assert found.words == "a: 100 % → 100 %; missing 0 % → 40 %"


def test_rare_values_count_together() -> None:
    before, now = category(values={"a": 50}, rest=50), category(values={"a": 90}, rest=10)
    found = measure_shift(before, now, (100, 100))
    assert found
    assert (found.reading, found.words) == ("moved far", "a: 50 % → 90 %")


def test_few_rows_that_differ_by_chance_are_called_steady() -> None:
    readings = [shift(normal(seed, rows=60), normal(seed + 1, rows=60)) for seed in range(40)]
    large = [found for found in readings if found.value > 0.1]
    quiet = [found for found in large if found.reading == "steady: so few rows show as much by chance"]
    assert large
    assert len(quiet) >= 0.8 * len(large)


def test_chance_covers_what_nothing_brings_about() -> None:
    found = [shift(normal(seed, rows=500), normal(seed + 1000, rows=500)) for seed in range(100)]
    assert sum(one.value <= one.chance for one in found) >= 88


@pytest.mark.parametrize("kind", ["text", "identifier", "empty"])
def test_a_column_that_shows_no_values_has_no_index(kind: str) -> None:
    assert measure_shift(category(kind=kind), category(values={"a": 9}), (9, 9)) is None


def test_a_number_that_becomes_text_has_no_index() -> None:
    assert measure_shift(profile(normal(1)), category(values={"a": 9}), (9, 9)) is None
