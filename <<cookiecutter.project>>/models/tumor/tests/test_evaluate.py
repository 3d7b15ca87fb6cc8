"""Metrics on values worked out by hand."""

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference


def measure(
    load: Callable[[str], ModuleType], truth: list[int], probabilities: list[float]
) -> dict[str, float]:
    decisions = [int(value >= 0.5) for value in probabilities]
    predictions = pd.DataFrame({"probability": probabilities, "malignant": decisions})
    found: dict[str, float] = load("evaluate").metrics(pd.DataFrame({"malignant": truth}), predictions)
    return found


def test_known_values(load: Callable[[str], ModuleType]) -> None:
    found = measure(load, [1, 1, 0, 0], [0.8, 0.4, 0.6, 0.2])
    assert found["roc_auc"] == 0.75
    assert found["sensitivity"] == found["specificity"] == 0.5
    assert found["brier"] == pytest.approx((0.04 + 0.36 + 0.36 + 0.04) / 4)
    assert found["log_loss"] == pytest.approx(-(2 * math.log(0.8) + 2 * math.log(0.4)) / 4)


def test_what_one_class_alone_cannot_say_is_not_a_number(load: Callable[[str], ModuleType]) -> None:
    found = measure(load, [1, 1], [0.8, 0.4])
    assert math.isnan(found["roc_auc"])
    assert math.isnan(found["specificity"])
    assert found["sensitivity"] == 0.5


def test_the_metrics_are_those_of_scikit_learn(load: Callable[[str], ModuleType]) -> None:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 2, 200)
    probability = np.round(draw.random(200), 2)  # with ties, zeros and ones
    found = measure(load, truth.tolist(), probability.tolist())
    assert found == pytest.approx(
        {
            "roc_auc": reference.roc_auc_score(truth, probability),
            "sensitivity": reference.recall_score(truth, probability >= 0.5),
            "specificity": reference.recall_score(truth, probability >= 0.5, pos_label=0),
            "log_loss": reference.log_loss(truth, probability),
            "brier": reference.brier_score_loss(truth, probability),
        }
    )
