"""Metrics on values worked out by hand."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference


def test_known_values(load: Callable[[str], ModuleType]) -> None:
    truth = pd.DataFrame({"progression": [100.0, 200.0, 300.0], "sex": [1, 2, 1]})
    predictions = pd.DataFrame({"progression": [110.0, 200.0, 280.0]})
    found = load("evaluate").metrics(truth, predictions)
    assert found["mae"] == 10
    assert found["rmse"] == pytest.approx((500 / 3) ** 0.5)
    assert found["r2"] == pytest.approx(1 - 500 / 20000)


def test_the_mean_alone_explains_nothing(load: Callable[[str], ModuleType]) -> None:
    truth = pd.DataFrame({"progression": [100.0, 300.0]})
    assert load("evaluate").metrics(truth, pd.DataFrame({"progression": [200.0, 200.0]}))["r2"] == 0


def test_the_metrics_are_those_of_scikit_learn(load: Callable[[str], ModuleType]) -> None:
    truth, answer = np.random.default_rng(0).normal(150, 70, (2, 100))
    frames = (pd.DataFrame({"progression": values}) for values in (truth, answer))
    assert load("evaluate").metrics(*frames) == pytest.approx(
        {
            "rmse": reference.root_mean_squared_error(truth, answer),
            "mae": reference.mean_absolute_error(truth, answer),
            "r2": reference.r2_score(truth, answer),
        }
    )
