"""Comparisons are of the same rows or not made; data, serving and origins are told apart."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.compare import (
    MetricRow,
    compare_all,
    compare_data,
    compare_lineage,
    compare_models,
    compare_serving,
)
from mlops.evaluation import Interval
from tests.proposals import (
    make_candidate,
    make_champion,
    make_column,
    make_data,
    make_evaluation,
    make_release,
    make_slice,
)

LIVE, PIN = make_release(1), make_release(2)


def compare(**changes: Any) -> Any:
    return compare_models(PIN, LIVE, make_candidate(**changes), make_evaluation())


def change_of(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> Any:
    evaluations = [make_evaluation(data=make_data(columns)) for columns in (before, now)]
    return compare_data(evaluations[0].data, evaluations[1].data)


@pytest.mark.parametrize(
    ("better", "low", "high", "reading"),
    [
        ("high", 0.01, 0.05, "better"),
        ("high", -0.05, -0.01, "worse"),
        ("low", -0.05, -0.01, "better"),
        ("low", 0.01, 0.05, "worse"),
        (None, 0.01, 0.05, "higher"),
        (None, -0.05, -0.01, "lower"),
        ("high", -0.01, 0.05, "no clear difference"),
        ("high", 0.0, 0.05, "no clear difference"),
        ("high", 0.0, 0.0, "equal"),
        ("high", None, None, "not compared"),
    ],
)
def test_a_difference_is_read_by_its_interval(better: Any, low: Any, high: Any, reading: str) -> None:
    found = Interval(value=0.02, low=low, high=high)
    assert MetricRow("m", better, found, found, found).reading == reading


def test_the_champion_is_what_is_live() -> None:
    found = compare()
    assert (found.basis, found.rows) == ("live", 100)
    assert [row.reading for row in found.metrics] == ["better", "no clear difference"]
    assert found.judged.low == 0.013


def test_a_champion_that_is_not_live_is_another_release() -> None:
    assert compare(champion=make_champion(9)).basis == "other"


def test_without_champion_nothing_stands_beside_the_candidate() -> None:
    found = compare(champion=None)
    assert (found.basis, found.judged) == ("none", None)
    assert [row.champion for row in found.metrics] == [None, None]


def test_the_evaluation_of_what_is_live_tells_of_a_candidate_that_was_its_champion() -> None:
    found = compare_models(LIVE, PIN, make_evaluation(), make_candidate())
    [accuracy, loss] = found.metrics
    assert (found.basis, accuracy.reading) == ("reversed", "worse")
    assert accuracy.difference == Interval(value=-0.03, low=-0.05, high=-0.01)
    assert (accuracy.candidate.value, accuracy.champion and accuracy.champion.value) == (0.9, 0.93)
    assert loss.difference == Interval(value=0.01, low=-0.004, high=0.02)


def test_the_reason_of_a_failed_comparison_is_kept() -> None:
    champion = make_champion(metrics={}, differences={}, difference=None, why="predict.py: KeyError: 'x'")
    assert compare(champion=champion).why == "predict.py: KeyError: 'x'"


def test_groups_that_lose_most_come_first() -> None:
    slices = [make_slice("a", 0.95, 0.9), make_slice("b", 0.8, 0.9), make_slice("c", 0.9, None)]
    rows = compare(slices=slices).slices
    assert [(row.value, row.loss and round(row.loss, 3)) for row in rows] == [
        ("b", 0.1),
        ("c", None),
        ("a", -0.05),
    ]


def test_what_is_lost_depends_on_which_way_a_metric_is_good() -> None:
    slices = [{**make_slice("a", 0.5, 0.3), "metric": "loss"}]
    assert compare(slices=slices).slices[0].loss == pytest.approx(0.2)


def test_columns_that_come_go_and_change_are_named() -> None:
    before = [make_column("age"), make_column("size"), make_column("same")]
    now = [make_column("age", kind="text"), make_column("town"), make_column("same")]
    found = change_of(before, now)
    assert [column.name for column in found.added] == ["town"]
    assert [column.name for column in found.removed] == ["size"]
    assert [(entry.name, entry.before, entry.now) for entry in found.retyped] == [("age", "number", "text")]
    assert ([shift.column for shift in found.shifts], found.unseen) == (["same"], ["age"])


def test_shifts_come_by_their_size() -> None:
    before = [make_column("a"), make_column("b"), make_column("c")]
    now = [
        make_column("a"),
        make_column("b", counts=[97, 1, 1, 1]),
        make_column("c", counts=[40, 20, 20, 20]),
    ]
    assert [shift.column for shift in change_of(before, now).shifts] == ["b", "c", "a"]


def test_rows_are_told_for_each_side() -> None:
    found = compare_data(make_evaluation().data, make_candidate().data)
    assert found.rows == {"train": (100, 120), "validation": (20, 20), "test": (None, None)}


def test_equal_data_and_a_missing_profile_are_not_compared() -> None:
    same = make_release(2, data=LIVE.artifact.data)
    assert compare_all(same, LIVE, make_candidate(), make_evaluation()).data is None
    assert compare_all(PIN, LIVE, make_candidate(), None).data is None


def test_every_setting_of_the_serving_is_listed_and_the_changed_ones_marked() -> None:
    changes = compare_serving(LIVE.serving, make_release(1, instance="ml.c5.large").serving)
    assert [(change.what, change.now) for change in changes if change.is_one] == [
        ("serve.instance", "ml.c5.large")
    ]
    names = {change.what for change in changes}
    assert {"serve.count", "rollout.strategy", "alarms.errors_percent", "capture.percent"} <= names


def test_a_first_release_has_no_settings_before() -> None:
    assert {change.before for change in compare_serving(None, PIN.serving)} == {None}


def test_the_lineage_names_both_origins() -> None:
    changes = {change.what: change for change in compare_lineage(LIVE, PIN)}
    assert changes["commit"].before == "01" * 20
    assert changes["archive"].now == f"sha256:{'02' * 32}"
    assert [change.what for change in changes.values() if not change.is_one] == ["image"]
