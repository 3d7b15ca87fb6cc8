"""CloudWatch: what endpoints measure and print becomes metrics, and metrics become alarm states."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Sandbox, wait_for
from .test_endpoints import publish
from .test_rollouts import GOOD, ask, canary, configure, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCORING = GOOD.replace(
    "return json.dumps(prediction)",
    """print(json.dumps({"mlops": {"model": "m", "fingerprint": "f0", "score": float(prediction)}}))
    return json.dumps(prediction)""",
)
SLOW = GOOD.replace("return model\n", "__import__('time').sleep(0.05)\n    return model\n")


@pytest.fixture(scope="module")
def cloudwatch(fast: Sandbox) -> Any:
    return fast.client("cloudwatch")


@pytest.fixture(scope="module")
def logs(fast: Sandbox) -> Any:
    return fast.client("logs")


def sandbox_time(cloudwatch: Any) -> datetime:
    answer = cloudwatch.list_metrics(Namespace="none")
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])


def await_moves(cloudwatch: Any, alarm: str, *wanted: str) -> list[dict[str, Any]]:
    """Wait until an alarm has moved to these states, in this order; read from its history, as they pass."""

    def read() -> dict[str, Any]:
        answer = cloudwatch.describe_alarm_history(
            AlarmName=alarm, HistoryItemType="StateUpdate", ScanBy="TimestampAscending"
        )
        moves = answer["AlarmHistoryItems"][: len(wanted)]
        states = tuple(move["HistorySummary"].rpartition(" ")[2] for move in moves)
        return {"moves": moves, "states": states if states == wanted else None}

    return list(wait_for(read, "states", None, seconds=20)["moves"])


def put_alarm(cloudwatch: Any, name: str, **changes: Any) -> str:
    alarm = {
        "AlarmName": name,
        "Namespace": "shop",
        "MetricName": name,
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    cloudwatch.put_metric_alarm(
        **{key: value for key, value in {**alarm, **changes}.items() if value is not None}
    )
    return name


def serve(fast: Sandbox, name: str, handler: str, weights: str = "0.5") -> None:
    configure(fast, name, publish(fast, name, weights, handler))
    fast.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert settled(fast, name)["EndpointStatus"] == "InService"


@pytest.fixture
def forget(fast: Sandbox) -> Iterator[Callable[[str], None]]:
    names: list[str] = []
    yield names.append
    for name in names:
        fast.client("sagemaker").delete_endpoint(EndpointName=name)


def test_an_alarm_is_born_without_data_then_follows_its_metric(cloudwatch: Any, unique: str) -> None:
    put_alarm(cloudwatch, unique)
    found = cloudwatch.describe_alarms(AlarmNames=[unique])["MetricAlarms"][0]
    assert (found["StateValue"], found["StateReason"]) == (
        "INSUFFICIENT_DATA",
        "Unchecked: Initial alarm creation",
    )
    cloudwatch.put_metric_data(Namespace="shop", MetricData=[{"MetricName": unique, "Value": 9.0}])
    moves = await_moves(cloudwatch, unique, "ALARM", "INSUFFICIENT_DATA")
    assert moves[0]["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    reason = json.loads(moves[0]["HistoryData"])["newState"]["stateReason"]
    assert "1 out of the last 1 datapoints [9.0] was greater than the threshold (5.0)" in reason
    made = cloudwatch.describe_alarm_history(AlarmName=unique, HistoryItemType="ConfigurationUpdate")
    assert [item["HistorySummary"] for item in made["AlarmHistoryItems"]] == [f'Alarm "{unique}" created']


def test_the_time_of_the_sandbox_stands_in_every_answer(fast: Sandbox, cloudwatch: Any) -> None:
    first = sandbox_time(cloudwatch)
    time.sleep(0.5)
    assert timedelta(minutes=4) < sandbox_time(cloudwatch) - first < timedelta(minutes=60)


def test_metric_data_comes_back_as_statistics_and_expressions(cloudwatch: Any, unique: str) -> None:
    now = sandbox_time(cloudwatch).replace(second=0) - timedelta(minutes=30)
    data = [
        {"MetricName": unique, "Timestamp": now + timedelta(seconds=second), "Value": float(second)}
        for second in (1, 2, 61)
    ]
    cloudwatch.put_metric_data(Namespace="shop", MetricData=data)
    assert [metric["MetricName"] for metric in cloudwatch.list_metrics(MetricName=unique)["Metrics"]] == [
        unique
    ]
    stretch = {"StartTime": now, "EndTime": now + timedelta(minutes=2)}
    points = cloudwatch.get_metric_statistics(
        Namespace="shop", MetricName=unique, Period=60, Statistics=["Average", "SampleCount"], **stretch
    )["Datapoints"]
    assert [(point["Timestamp"], point["Average"], point["SampleCount"]) for point in points] == [
        (now, 1.5, 2.0),
        (now + timedelta(minutes=1), 61.0, 1.0),
    ]
    metric = {"Metric": {"Namespace": "shop", "MetricName": unique}, "Period": 60, "Stat": "Maximum"}
    queries = [
        {"Id": "m1", "MetricStat": metric, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 * 10", "Label": "tenfold"},
    ]
    results = cloudwatch.get_metric_data(MetricDataQueries=queries, ScanBy="TimestampAscending", **stretch)
    assert [(found["Label"], found["Values"]) for found in results["MetricDataResults"]] == [
        ("tenfold", [20.0, 610.0])
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Statistic": None}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"Statistic": None, "ExtendedStatistic": "tm90"}, "not 'tm90'"),
        (
            {"ComparisonOperator": "GreaterThanUpperThreshold"},
            "serve GreaterThanUpperThreshold",
        ),
        ({"Period": 45}, "Period must be 10, 20, 30 or a multiple of 60, not 45"),
        ({"DatapointsToAlarm": 2}, r"between 1 and EvaluationPeriods \(1\), not 2"),
        ({"TreatMissingData": "good"}, "not 'good'"),
        ({"EvaluationPeriods": 2000}, "across more than a day"),
        ({"Threshold": None}, "Threshold must be specified"),
    ],
)
def test_an_alarm_that_could_not_watch_is_refused(
    cloudwatch: Any, unique: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        put_alarm(cloudwatch, unique, **changes)
    assert cloudwatch.describe_alarms(AlarmNames=[unique])["MetricAlarms"] == []


def test_a_state_cannot_be_set_by_hand(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="does not serve cloudwatch:SetAlarmState"):
        cloudwatch.set_alarm_state(AlarmName="x", StateValue="OK", StateReason="because")


def test_deleting_an_unknown_alarm_is_refused(cloudwatch: Any, unique: str) -> None:
    put_alarm(cloudwatch, unique)
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound, match="Unknown alarms: nowhere"):
        cloudwatch.delete_alarms(AlarmNames=[unique, "nowhere"])
    cloudwatch.delete_alarms(AlarmNames=[unique])


def test_each_request_is_counted_for_the_variant_and_for_its_configuration(
    fast: Sandbox, cloudwatch: Any, unique: str, forget: Callable[[str], None]
) -> None:
    forget(unique)
    serve(fast, unique, GOOD)
    runtime = fast.client("sagemaker-runtime")
    for _ in range(5):
        ask(runtime, unique)
    with pytest.raises(ClientError, match="ModelError"):
        runtime.invoke_endpoint(EndpointName=unique, Body=b"{", ContentType="application/json")
    variant = [{"Name": "EndpointName", "Value": unique}, {"Name": "VariantName", "Value": "main"}]
    config = [*variant, {"Name": "EndpointConfigName", "Value": unique}]
    now = sandbox_time(cloudwatch)
    stretch = {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(minutes=1), "Period": 3600}

    def total(metric: str, dimensions: list[dict[str, str]], name: str) -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=metric, Dimensions=dimensions, Statistics=[name], **stretch
        )["Datapoints"]
        return float(sum(point[name] for point in points))

    for dimensions in (variant, config):
        assert total("Invocations", dimensions, "Sum") == 6
        assert total("Invocation5XXErrors", dimensions, "Sum") == 1
        assert total("Invocation5XXErrors", dimensions, "SampleCount") == 6
        assert total("Invocation4XXErrors", dimensions, "Sum") == 0
        assert total("ModelLatency", dimensions, "SampleCount") == 6
    assert total("ModelLatency", variant, "Maximum") > total("OverheadLatency", variant, "Minimum") > 0


def filter_scores(logs: Any, endpoint: str) -> None:
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    logs.create_log_group(logGroupName=group)
    made = {
        "metricName": "Score",
        "metricNamespace": "mlops/shop",
        "metricValue": "$.mlops.score",
        "dimensions": {"Model": "$.mlops.model", "Fingerprint": "$.mlops.fingerprint"},
    }
    logs.put_metric_filter(
        logGroupName=group,
        filterName="score",
        filterPattern="{ $.mlops.score = * }",
        metricTransformations=[made],
    )


def test_a_shift_of_the_scores_that_a_canary_prints_rolls_it_back(
    fast: Sandbox, cloudwatch: Any, logs: Any, unique: str, forget: Callable[[str], None]
) -> None:
    filter_scores(logs, unique)
    forget(unique)
    serve(fast, unique, SCORING, "0.5")
    shifted = configure(fast, f"{unique}-2", publish(fast, f"{unique}-2", "0.9", SCORING.replace("f0", "f1")))
    dimensions = [{"Name": "Model", "Value": "m"}, {"Name": "Fingerprint", "Value": "f1"}]
    score = {"Metric": {"Namespace": "mlops/shop", "MetricName": "Score", "Dimensions": dimensions}}
    queries = [
        {"Id": "m1", "MetricStat": {**score, "Period": 60, "Stat": "Average"}, "ReturnData": False},
        {"Id": "shift", "Expression": "ABS(m1 - 0.5) / 0.1"},
    ]
    nothing = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))
    alarm = put_alarm(cloudwatch, unique, Threshold=3, Metrics=queries, **nothing)
    fast.client("sagemaker").update_endpoint(
        EndpointName=unique, EndpointConfigName=shifted, DeploymentConfig=canary(50, 3600, alarm)
    )
    runtime, answers = fast.client("sagemaker-runtime"), set()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answers.add(ask(runtime, unique))
        if fast.client("sagemaker").describe_endpoint(EndpointName=unique)["EndpointStatus"] == "InService":
            break
    found = settled(fast, unique)
    assert found["EndpointConfigName"] == unique
    assert answers == {"0.5", "0.9"}
    assert f"{alarm}: Threshold Crossed: 1 out of the last 1 datapoints" in found["FailureReason"]
    kept = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{unique}", limit=100)["events"]
    assert {json.loads(event["message"])["mlops"]["fingerprint"] for event in kept} == {"f0", "f1"}
    streams = {event["logStreamName"].split("/")[0] for event in kept}
    assert streams == {"main"}


def test_a_slow_model_trips_an_alarm_on_the_ninety_fifth_percentile(
    fast: Sandbox, cloudwatch: Any, unique: str, forget: Callable[[str], None]
) -> None:
    forget(unique)
    serve(fast, unique, SLOW)
    changes = {
        "MetricName": "ModelLatency",
        "Statistic": None,
        "ExtendedStatistic": "p95",
        "Threshold": 45_000,
    }
    alarm = put_alarm(
        cloudwatch,
        unique,
        Namespace="AWS/SageMaker",
        Dimensions=[{"Name": "EndpointName", "Value": unique}, {"Name": "VariantName", "Value": "main"}],
        **changes,
    )
    runtime = fast.client("sagemaker-runtime")
    for _ in range(4):
        ask(runtime, unique)
    await_moves(cloudwatch, alarm, "ALARM")
    assert cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["ExtendedStatistic"] == "p95"


def test_a_filter_needs_a_group_and_goes_with_it(logs: Any, unique: str) -> None:
    group = f"/aws/sagemaker/Endpoints/{unique}"
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log group does not exist"):
        logs.describe_metric_filters(logGroupName=group)
    filter_scores(logs, unique)
    found = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert [each["filterName"] for each in found] == ["score"]
    logs.delete_log_group(logGroupName=group)
    logs.create_log_group(logGroupName=group)
    assert logs.describe_metric_filters(logGroupName=group)["metricFilters"] == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="metric filter does not exist"):
        logs.delete_metric_filter(logGroupName=group, filterName="score")


def test_an_alarm_that_does_not_exist_cannot_guard_an_update(
    fast: Sandbox, unique: str, forget: Callable[[str], None]
) -> None:
    forget(unique)
    serve(fast, unique, GOOD)
    with pytest.raises(ClientError, match="Alarms of AutoRollbackConfiguration do not exist: nowhere"):
        fast.client("sagemaker").update_endpoint(
            EndpointName=unique, EndpointConfigName=unique, DeploymentConfig=canary(10, 60, "nowhere")
        )
