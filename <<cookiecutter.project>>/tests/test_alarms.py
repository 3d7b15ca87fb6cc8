"""The alarms that guard an update, and how it takes over: pure decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlops.alarms import Scores, alarm_names, describe_alarms, read_scores, score_reach
from mlops.endpoint import deployment_config, endpoint_config
from mlops.pin import make_pin
from mlops.serving import Alarms, Serve, Serving
from mlops.target import Target
from tests.test_pin import make_artifact

if TYPE_CHECKING:
    from mlops.workspace import Workspace

KINDS = ("errors", "latency", "score-high", "score-low")
LIMITS = {"errors_percent": 2, "p95_ms": 300, "score_sigmas": 5}
NAMES = ["an-alarm", "another"]


def target_of(workspace: Workspace, **serve: Any) -> Target:
    serving = Serve.model_validate({"instance": "ml.m5.large", "count": 4, **serve}).resolve("prod")
    return Target(workspace.project, "prod", make_pin("guess", make_artifact(), serving))


def alarms_of(workspace: Workspace, scores: Scores | None) -> dict[str, dict[str, Any]]:
    target = target_of(workspace, alarms=LIMITS)
    alarms = describe_alarms(target, target.pin.serving.alarms, scores, "f" * 12)
    assert [alarm["AlarmName"] for alarm in alarms] == alarm_names(target)[: len(alarms)]
    return dict(zip(KINDS, alarms, strict=False))


def test_a_release_is_guarded_by_errors_latency_and_scores(workspace: Workspace) -> None:
    alarms = alarms_of(workspace, Scores(mean=0.5, std=0.2))
    assert tuple(alarms) == KINDS
    assert (alarms["errors"]["Statistic"], alarms["errors"]["Threshold"]) == ("Average", 0.02)
    assert (alarms["latency"]["ExtendedStatistic"], alarms["latency"]["Threshold"]) == ("p95", 300_000.0)
    assert alarms["score-low"]["ComparisonOperator"] == "LessThanThreshold"


def test_the_band_of_scores_lies_around_those_of_the_test_set(workspace: Workspace) -> None:
    scores = Scores(mean=0.5, std=0.2)
    alarms = alarms_of(workspace, scores)
    middle = (alarms["score-high"]["Threshold"] + alarms["score-low"]["Threshold"]) / 2
    assert middle == pytest.approx(0.5)
    assert alarms["score-high"]["Threshold"] == pytest.approx(0.5 + 5 * 0.2 / 50**0.5)


def test_scores_are_watched_by_release_and_errors_by_config(workspace: Workspace) -> None:
    alarms = alarms_of(workspace, Scores(mean=0.5, std=0.2))
    errors, high = (
        {each["Name"]: each["Value"] for each in alarms[kind]["Dimensions"]}
        for kind in ("errors", "score-high")
    )
    config = target_of(workspace, alarms=LIMITS).config
    assert errors == {"EndpointName": "acme-prod-guess", "VariantName": "main", "EndpointConfigName": config}
    assert high == {"Model": "guess", "Fingerprint": "f" * 12}


def test_answers_without_a_number_have_no_score_alarms(workspace: Workspace) -> None:
    assert tuple(alarms_of(workspace, None)) == KINDS[:2]
    assert read_scores({"scores": None}) is None


def test_a_constant_score_still_has_a_band() -> None:
    assert score_reach(Scores(mean=1.0, std=0.0), Alarms()) > 0


@pytest.mark.parametrize(
    ("rollout", "count", "routing"),
    [
        (
            {},
            4,
            {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                "WaitIntervalInSeconds": 600,
            },
        ),
        ({}, 1, {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}),
        ({"strategy": "all-at-once"}, 4, {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}),
        (
            {"strategy": "linear", "percent": 25, "bake_minutes": 2},
            4,
            {
                "Type": "LINEAR",
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                "WaitIntervalInSeconds": 120,
            },
        ),
    ],
)
def test_the_rollout_is_sagemakers_own(
    workspace: Workspace, rollout: dict[str, Any], count: int, routing: dict[str, Any]
) -> None:
    config = deployment_config(target_of(workspace, rollout=rollout, count=count), NAMES)
    policy = config["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == routing
    assert [alarm["AlarmName"] for alarm in config["AutoRollbackConfiguration"]["Alarms"]] == NAMES


def test_a_rolling_update_takes_the_fleet_in_batches(workspace: Workspace) -> None:
    rollout = {"strategy": "rolling", "percent": 50, "bake_minutes": 1}
    policy = deployment_config(target_of(workspace, rollout=rollout), NAMES)["RollingUpdatePolicy"]
    assert policy["MaximumBatchSize"] == {"Type": "CAPACITY_PERCENT", "Value": 50}
    assert policy["WaitIntervalInSeconds"] == 60


@pytest.mark.parametrize(
    ("rollout", "message"),
    [
        ({"strategy": "canary", "percent": 60}, "canary takes 1 to 50 percent, found 60"),
        ({"strategy": "linear", "percent": 5}, "linear takes 10 to 50 percent, found 5"),
        ({"strategy": "sideways"}, "Input should be 'all-at-once', 'canary', 'linear' or 'rolling'"),
    ],
)
def test_a_rollout_that_sagemaker_refuses_is_refused_first(rollout: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Serve.model_validate({"instance": "ml.m5.large", "rollout": rollout})


def test_capture_is_off_unless_a_percentage_says_otherwise(workspace: Workspace) -> None:
    assert "DataCaptureConfig" not in endpoint_config(target_of(workspace))
    capture = endpoint_config(target_of(workspace, capture={"percent": 20}))["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 20
    assert capture["DestinationS3Uri"].endswith("/capture/prod")


def test_an_environment_changes_only_what_it_names() -> None:
    environments = {"prod": {"count": 3, "rollout": {"strategy": "rolling", "percent": 20}}}
    serve = Serve.model_validate({"instance": "ml.m5.large", "environments": environments})
    assert serve.resolve("staging") == Serving.model_validate({"serve": {"instance": "ml.m5.large"}})
    prod = serve.resolve("prod")
    assert (prod.serve.count, prod.rollout.strategy, prod.alarms) == (3, "rolling", Alarms())


def test_two_pins_share_no_alarm(workspace: Workspace) -> None:
    names = [alarm_names(target_of(workspace, count=count)) for count in (4, 5)]
    assert not set(names[0]).intersection(names[1])
    assert names[0][0].startswith("acme-prod-guess.errors.")
