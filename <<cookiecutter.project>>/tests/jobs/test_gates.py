"""Gates: bounds are inclusive, what cannot be judged fails, and the reason fits in one line."""

import math
from typing import Any

import pytest


def judge(rules: list[dict[str, Any]], metrics: dict[str, float]) -> Any:
    import gates

    found = {name: {"value": value} for name, value in metrics.items()}
    verdicts = [verdict for rule in rules for verdict in gates.bounds(rule, found)]
    return {"gates": verdicts, **gates.conclude(verdicts, None)}


@pytest.mark.parametrize(
    ("rule", "value", "passed", "why"),
    [
        ({"min": 0.97}, 0.9912, True, "0.9912 is at least 0.97"),
        ({"min": 0.97}, 0.97, True, "0.97 is at least 0.97"),
        ({"min": 0.97}, 0.8, False, "0.8 is below 0.97"),
        ({"max": 62}, 62.0, True, "62 is at most 62"),
        ({"max": 62}, 70.125, False, "70.125 is above 62"),
        ({"max": 62}, math.inf, False, "score is not a number on these rows"),
        ({"min": 0, "max": None}, -1, False, "-1 is below 0"),
        ({"max": 62}, math.nan, False, "score is not a number on these rows"),
    ],
)
def test_a_bound_is_judged_in_words(rule: dict[str, float], value: float, passed: bool, why: str) -> None:
    [verdict] = judge([{"metric": "score", **rule}], {"score": value})["gates"]
    assert (verdict["passed"], verdict["why"]) == (passed, why)


def test_a_metric_that_was_not_reported_fails_its_gate() -> None:
    found = judge([{"metric": "score", "min": 0.5}], {"other": 1.0})
    assert found["reason"] == "gate score >= 0.5 failed: evaluate.py reported no score"


def test_both_bounds_are_judged_apart() -> None:
    gates = judge([{"metric": "score", "min": 0.2, "max": 0.8}], {"score": 0.9})["gates"]
    assert [(gate["gate"], gate["passed"]) for gate in gates] == [
        ("score >= 0.2", True),
        ("score <= 0.8", False),
    ]


def test_without_a_gate_nothing_passes() -> None:
    found = judge([], {"score": 1.0})
    assert (found["passed"], found["reason"]) == (False, "no gate is set: model.yml must name at least one")


def test_every_failed_gate_is_named() -> None:
    rules = [{"metric": "a", "min": 1}, {"metric": "b", "max": 1}, {"metric": "c", "min": 0}]
    found = judge(rules, {"a": 0, "b": 2, "c": 1})
    assert found["reason"] == "gate a >= 1 failed: 0 is below 1; gate b <= 1 failed: 2 is above 1"


def compare(low: float | None, better: str = "high", margin: float = 0.01) -> tuple[bool, str]:
    import gates

    rule = {"better": better, "confidence": 0.95}
    found = {"metric": "score", "value": 0.02, "low": low, "margin": margin}
    verdict = gates.difference(found, rule, {"score": {"value": 0.5}})
    assert verdict["gate"] == "score against the champion"
    return verdict["passed"], verdict["why"]


@pytest.mark.parametrize(
    ("low", "better", "expected"),
    [
        (
            0.005,
            "high",
            (True, "0.5 against the champion's 0.48: better by at least 0.005 at 95 % confidence"),
        ),
        (
            0.005,
            "low",
            (True, "0.5 against the champion's 0.52: better by at least 0.005 at 95 % confidence"),
        ),
        (-0.01, "high", (True, "0.5 against the champion's 0.48: worse by 0.01 at most at 95 % confidence")),
        (-0.02, "high", (False, "0.5 against the champion's 0.48: may be worse by 0.02 at 95 % confidence")),
    ],
)
def test_a_comparison_is_judged_in_words(low: float, better: str, expected: tuple[bool, str]) -> None:
    passed, why = compare(low, better)
    assert (passed, why) == (expected[0], f"{expected[1]}, 0.01 is allowed")


def test_the_last_digit_of_a_sum_decides_nothing() -> None:
    assert compare(-1e-16, margin=0.0)[0]


def test_a_comparison_that_resamples_leave_open_fails() -> None:
    why = "score has no value on too many resamples: more test rows are needed"
    assert compare(None) == (False, why)


def test_a_group_without_a_value_fails() -> None:
    import gates

    entry = {"column": "sex", "value": "", "rows": 31, "metric": "auc", "result": None}
    rule = {"metric": "auc", "better": "high", "max_drop": 0.1, "columns": ["sex"], "min_rows": 30}
    found = {"slices": [entry], "missing": []}
    [verdict] = gates.slices(found, rule, {"auc": {"value": 0.9}})
    assert verdict == {
        "gate": "auc where sex is empty",
        "passed": False,
        "why": "auc is not a number on these 31 rows",
    }


def test_a_training_side_that_cannot_be_compared_is_said() -> None:
    import gates

    verdict = gates.overlap({"shared": 0, "files": 0}, 0.0, 10)
    why = "no CSV file in train/ has the columns of features.csv: not looked at"
    assert (verdict["passed"], verdict["why"]) == (True, why)
