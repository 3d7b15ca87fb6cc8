"""Metrics on values worked out by hand."""

from collections.abc import Callable
from types import ModuleType

import pandas as pd
import pytest


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
