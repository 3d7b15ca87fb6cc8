"""Alarm states by the tables of CloudWatch's guide, statistics, metric math, and filter patterns."""

from __future__ import annotations

import json

import pytest

from sandbox.alarms import Rule, State, judge
from sandbox.clock import Clock
from sandbox.errors import ServiceError
from sandbox.metricmath import Expression
from sandbox.metrics import Metric, Metrics, Sample, check_statistic, sample, statistic
from sandbox.patterns import read_pattern
from sandbox.watch import Alarm

STATES: dict[str, State] = {"O": "OK", "A": "ALARM", "I": "INSUFFICIENT_DATA"}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEPT: State = "INSUFFICIENT_DATA"


@pytest.mark.parametrize(
    ("needed", "points", "states"),
    [
        (3, "0-X-X", "OOOO"),
        (3, "0----", "OOOO"),
        (3, "-----", "IIAO"),
        (3, "0XX-X", "AAAA"),
        (3, "----X", "IIAO"),
        (3, "X----", "AIAO"),
        (3, "--X--", "AIAO"),
        (2, "0-X-X", "AAAA"),
        (2, "00X0X", "AAAA"),
        (2, "0-X--", "OOAO"),
        (2, "----0", "OOAO"),
        (2, "----X", "IIAO"),
    ],
)
def test_the_state_follows_the_guides_tables(needed: int, points: str, states: str) -> None:
    values = [{"0": 0.0, "X": 9.0, "-": None}[point] for point in points]
    found = [
        judge(Rule(3, needed, "GreaterThanThreshold", 5, missing), values, KEPT).state
        for missing in TREATMENTS
    ]
    assert found == [STATES[letter] for letter in states]


def test_an_alarm_says_what_crossed_the_threshold() -> None:
    rule = Rule(2, 1, "GreaterThanThreshold", 1.0)
    assert judge(rule, [0.5, 2.5], "OK").reason == (
        "Threshold Crossed: 1 out of the last 2 datapoints [2.5] was greater than the threshold (1.0)."
    )


@pytest.mark.parametrize(
    ("comparison", "value", "state"),
    [
        ("GreaterThanThreshold", 5, "OK"),
        ("GreaterThanOrEqualToThreshold", 5, "ALARM"),
        ("LessThanThreshold", 5, "OK"),
        ("LessThanOrEqualToThreshold", 5, "ALARM"),
    ],
)
def test_the_threshold_itself_breaches_only_where_it_is_said(
    comparison: str, value: float, state: State
) -> None:
    assert judge(Rule(1, 1, comparison, 5), [value], "OK").state == state


def test_statistics_of_values_counts_and_summaries() -> None:
    samples = [sample(1), sample(4, count=2), Sample(3, 30, 5, 15)]
    names = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
    assert [statistic(samples, name) for name in names] == [6, 39, 6.5, 1, 15]
    assert statistic([], "Sum") is None


def test_percentiles_need_the_values_themselves() -> None:
    hundred = [sample(number) for number in range(1, 101)]
    assert [statistic(hundred, name) for name in ("p50", "p95", "p99.9", "p100")] == [50, 95, 100, 100]
    assert statistic([Sample(3, 30, 5, 15)], "p95") is None
    with pytest.raises(ServiceError, match="and percentiles as p95, not 'tm90'"):
        check_statistic("tm90")


def test_samples_are_found_by_time_whatever_the_order_they_came_in() -> None:
    metrics, metric = Metrics(), Metric("n", "m")
    for moment in (30, 10, 20):
        metrics.add(metric, moment, sample(moment))
    assert [each.total for each in metrics.between(metric, 10, 30)] == [10, 20]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("m1 + m2 * 2", 8),
        ("100 * m1 / m2", 200 / 3),
        ("ABS(m1 - m2) / 0.5", 2),
        ("(m2 - m1)^2", 1),
        ("m1 / (m2 - 3)", None),
        ("m1 + absent", None),
        ("FILL(absent, 7)", 7),
        ("IF(m1 > m2, 1, 0)", 0),
        ("IF(m1 < m2 AND m2 == 3, -m1, 0)", -2),
        ("MAX([m1, m2, absent])", 3),
        ("AVG([m1, m2])", 2.5),
    ],
)
def test_metric_math(text: str, value: float | None) -> None:
    found = Expression(text).value({"m1": 2.0, "m2": 3.0})
    assert found == (value if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ANOMALY_DETECTION_BAND(m1, 2)", "ANOMALY_DETECTION_BAND is none of ABS"),
        ("FILL(m1, REPEAT, 2)", "FILL takes 2 values here"),
        ("SUM(m1)", r"SUM takes one list, as \[m1, m2\] here"),
        ("m1 +", "it cannot be read"),
        ("__import__('os')", "__import__ is none of"),
        ("m1.real", "only arithmetic, comparisons and functions"),
        ("[m1]", "it is a list, not one series"),
    ],
)
def test_other_metric_math_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        Expression(text)


LINE = {"mlops": {"model": "m", "score": 0.25, "tags": ["a", "b"], "live": True, "gone": None}}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("{ $.mlops.score = * }", True),
        ("{ $.mlops.rows = * }", False),
        ("{ $.mlops.score > 0.2 }", True),
        ("{ $.mlops.score >= 0.3 }", False),
        ('{ $.mlops.model = "m*" && $.mlops.score < 1 }', True),
        ('{ ($.mlops.model = "x") || ($.mlops.tags[1] = "b") }', True),
        ("{ $.mlops.model != m }", False),
        ("{ $.mlops.live IS TRUE }", True),
        ("{ $.mlops.gone IS NULL }", True),
        ("{ $.mlops.rows NOT EXISTS }", True),
        ("score -error", True),
        ('"\\"score\\"" absent', False),
        ("?absent ?model", True),
        ("", True),
    ],
)
def test_filter_patterns(pattern: str, matches: bool) -> None:
    assert (read_pattern(pattern).match(json.dumps(LINE)) is not None) is matches


@pytest.mark.parametrize("line", ["no JSON", "3", '["score"]', "{"])
def test_a_line_that_is_no_json_object_matches_no_json_pattern(line: str) -> None:
    assert read_pattern("{ $.mlops.score = * }").match(line) is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{ score = 1 }", "'score' is not a selector"),
        ("{ $.a > x }", "'x' is not a number"),
        ("{ ($.a = 1 }", "a parenthesis is not closed"),
        ("{ $.a = 1 $.b = 2 }", r"'\$.b' is not expected"),
        ("{ $.a }", "it ends too early"),
        ("[ip, user]", "serves JSON and terms"),
    ],
)
def test_a_pattern_that_makes_no_sense_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        read_pattern(pattern)


def test_a_fast_clock_runs_on_from_the_walls() -> None:
    clock = Clock(speed=1000)
    before = clock.time()
    assert clock.real(600) == 0.6
    assert clock.of_wall(before + 1) - before == pytest.approx(1000, abs=100)
    assert clock.time() >= before


@pytest.mark.parametrize("missing", TREATMENTS)
def test_an_alarm_judged_by_what_is_new_stands_where_one_judged_each_minute_does(missing: str) -> None:
    asked = {"MetricName": "Errors", "Namespace": "Shop", "Period": 60, "Statistic": "Sum", "Threshold": 1}
    asked |= {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 2,
        "TreatMissingData": missing,
    }
    alarm, metrics, whole = Alarm("arn", asked, 0), Metrics(), KEPT
    for minute in range(1, 20):
        if minute in (6, 7, 8):
            metrics.add(Metric("Shop", "Errors"), minute * 60 - 30, sample(9.0))
        whole = judge(alarm.rule, alarm.points(metrics, minute * 60), whole).state
        verdict = alarm.verdict(metrics, minute * 60)
        alarm.state = verdict.state if verdict else alarm.state
        assert alarm.state == whole, f"minute {minute}"
    assert alarm.verdict(metrics, 1200) is None, "it was judged again though nothing was measured"
