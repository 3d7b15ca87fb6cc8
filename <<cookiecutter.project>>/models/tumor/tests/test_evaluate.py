"""Metrics on values worked out by hand."""

import math
from collections.abc import Callable
from types import ModuleType

import pandas as pd
import pytest


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
