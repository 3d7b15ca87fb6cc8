"""Curves of a score: known shapes for known answers, and none where there is nothing to draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops.evaluation import Curve

DICE = np.random.default_rng(0)
LABEL = np.repeat([0, 1], 100)
SCORE = LABEL + DICE.normal(0, 1, 200)


def draw(score: Any, label: Any, champion: Any = None) -> dict[str, Curve]:
    import curves

    answers = {"candidate": pd.DataFrame({"score": score})}
    if champion is not None:
        answers["champion"] = champion
    drawn = curves.draw(answers, pd.DataFrame({"label": label}))
    return {one["kind"]: Curve.model_validate(one) for one in drawn}


def test_two_classes_have_a_roc_and_a_calibration_curve() -> None:
    found = draw(SCORE, LABEL)
    assert sorted(found) == ["calibration", "roc"]
    assert (found["roc"].column, found["roc"].label) == ("score", "label")


def test_a_perfect_score_finds_all_without_false_alarm() -> None:
    assert draw(LABEL, LABEL)["roc"].lines == {"candidate": [1.0] * 21}


def test_a_score_upside_down_finds_nothing_until_the_end() -> None:
    assert draw(-LABEL, LABEL)["roc"].lines["candidate"] == [*[0.0] * 20, 1.0]


def test_a_roc_curve_rises_and_never_promises_more_than_was_found() -> None:
    line = draw(SCORE, LABEL)["roc"].lines["candidate"]
    assert line == sorted(line)
    assert line[-1] == 1.0
    threshold = np.sort(SCORE[LABEL == 0])[-10]  # ten of a hundred false alarms: the third of the grid
    assert line[2] == pytest.approx((SCORE[LABEL == 1] >= threshold).mean(), abs=0.02)


def test_the_champions_roc_stands_beside() -> None:
    found = draw(SCORE, LABEL, pd.DataFrame({"score": LABEL}))
    assert found["roc"].lines["champion"] == [1.0] * 21


@pytest.mark.parametrize("champion", [{"other": LABEL}, {"score": SCORE * np.nan}, {"score": ["a"] * 200}])
def test_a_champion_without_such_a_score_has_no_line(champion: Any) -> None:
    assert list(draw(SCORE, LABEL, pd.DataFrame(champion))["roc"].lines) == ["candidate"]


def test_calibration_compares_means_of_groups() -> None:
    value = np.arange(100.0)
    found = draw(value, value + 3)["calibration"]
    assert found.x == [float(number) for number in range(1, 11)]
    assert found.lines["predicted"] == [4.5 + 10 * number for number in range(10)]
    assert found.lines["observed"] == [7.5 + 10 * number for number in range(10)]


def test_no_point_stands_for_a_single_row() -> None:
    assert len(draw(np.arange(23.0), np.arange(23.0))["calibration"].x) == 4
    assert draw(np.arange(9.0), np.arange(9.0)) == {}


@pytest.mark.parametrize(
    ("score", "label"),
    [
        (SCORE, ["a", "b"] * 100),
        (SCORE, LABEL * np.nan),
        (SCORE * np.nan, LABEL),
        (["a", "b"] * 100, LABEL),
        (SCORE, np.arange(200) % 5),
        (SCORE, LABEL * 0),
    ],
)
def test_what_cannot_be_drawn_is_not(score: Any, label: Any) -> None:
    assert draw(score, label) == {}
