"""Which hyperparameters a tuning job tries."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sandbox.errors import ServiceError
from sandbox.sagemaker import search


def numeric(name: str, low: str, high: str, scale: str = "Auto") -> dict[str, str]:
    return {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scale}


def test_values_stay_in_their_ranges_and_reach_both_ends() -> None:
    (whole,) = search.read_ranges({"IntegerParameterRanges": [numeric("n", "2", "5")]})
    assert {whole.value(step / 100) for step in range(101)} == {"2", "3", "4", "5"}
    (real,) = search.read_ranges({"ContinuousParameterRanges": [numeric("x", "0.5", "1.5")]})
    assert [real.value(unit) for unit in (0, 0.5, 1)] == ["0.5", "1.0", "1.5"]


def test_scales_put_the_middle_where_they_say() -> None:
    ranges = search.read_ranges(
        {
            "ContinuousParameterRanges": [
                numeric("a", "0.0001", "1", "Logarithmic"),
                numeric("b", "0", "0.9999", "ReverseLogarithmic"),
            ]
        }
    )
    assert [round(float(entry.value(0.5)), 3) for entry in ranges] == [0.01, 0.99]


def test_a_grid_is_every_combination() -> None:
    values = [{"Name": "a", "Values": ["x", "y"]}, {"Name": "b", "Values": ["1", "2", "3"]}]
    ranges = search.read_ranges({"CategoricalParameterRanges": values})
    found = {tuple(entry.value(point[entry.name]) for entry in ranges) for point in search.grid(ranges)}
    assert found == {(one, two) for one in "xy" for two in "123"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "ParameterRanges has no range"),
        (
            {"IntegerParameterRanges": [numeric("n", "5", "2")]},
            "MinValue 5.0 must be below MaxValue 2.0",
        ),
        ({"IntegerParameterRanges": [numeric("n", "a", "2")]}, "'a' to '2' is not a range of numbers"),
        (
            {"ContinuousParameterRanges": [numeric("x", "0", "1", "Logarithmic")]},
            "Logarithmic scaling needs values above 0",
        ),
        ({"AutoParameters": [{"Name": "x", "ValueHint": "1"}]}, "does not serve AutoParameters"),
    ],
)
def test_a_faulty_range_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        search.read_ranges(given)


def test_suggestions_find_a_better_place_than_chance_does() -> None:
    given = {
        "ContinuousParameterRanges": [numeric("x", "0", "1"), numeric("y", "0", "1")],
        "CategoricalParameterRanges": [{"Name": "kind", "Values": ["bad", "good", "worse"]}],
    }
    ranges = search.read_ranges(given)

    def loss(point: search.Point) -> float:
        kind = 0 if ranges[0].value(point["kind"]) == "good" else 1
        return (point["x"] - 0.2) ** 2 + (point["y"] - 0.7) ** 2 + kind

    def best(informed: bool, seed: int) -> float:
        chance, results = random.Random(seed), list[tuple[search.Point, float]]()  # noqa: S311
        for _ in range(30):
            point = search.suggest(ranges, results if informed else [], chance)
            results.append((point, loss(point)))
        return min(found for _, found in results)

    seeds = range(100, 120)
    assert sum(best(True, seed) for seed in seeds) < 0.8 * sum(best(False, seed) for seed in seeds)


def test_the_median_rule_waits_for_two_values_and_three_other_jobs() -> None:
    others = [[0.9, 0.5], [0.8, 0.4], [0.7, 0.3]]
    assert search.is_hopeless([0.9, 0.8], others, maximise=False)
    assert not search.is_hopeless([0.9, 0.5], others, maximise=False)
    assert not search.is_hopeless([9.0], others, maximise=False)
    assert not search.is_hopeless([], others, maximise=False)
    assert not search.is_hopeless([9.0, 9.0], others[:2], maximise=False)
    assert not search.is_hopeless([0.9, 0.8], others, maximise=True)
