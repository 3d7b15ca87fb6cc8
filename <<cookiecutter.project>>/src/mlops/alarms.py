"""The alarms that guard an endpoint. Made before an update begins, so that a rollback is never inert.

Errors and latency come from the endpoint itself. Scores come from the line that the sealed handler prints for
each request, through a metric filter: a release whose answers drift from those on its own test set rolls back
without a single error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.target import VARIANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient

    from mlops.aws import Aws
    from mlops.serving import Alarms
    from mlops.target import Target
    from mlops.verify import Verified

PERIOD = 60  # seconds; the shortest of a metric without detailed resolution
WINDOW = 50  # rows that the sealed handler averages before it reports a score (jobs/serve.py)
ENDPOINT_METRICS = "AWS/SageMaker"
LOG_RETENTION_DAYS = 90
SCORE_FILTER = "{ $.mlops.score = * }"


@dataclass(frozen=True)
class Scores:
    """The first prediction column on the test rows."""

    mean: float
    std: float


def alarm_prefix(endpoint: str) -> str:
    """What the names of an endpoint's alarms begin with; a dot stands in no endpoint's name."""
    return f"{endpoint}."


def alarm_names(target: Target) -> list[str]:
    """The alarms of a pin, in the order in which they are made.

    They end in the config's digest: an alarm that is put again keeps its state, and one that the release
    before tripped would send the next one back at once.
    """
    digest = target.pin.config_hex[:12]
    kinds = ("errors", "latency", "score-high", "score-low")
    return [f"{alarm_prefix(target.endpoint)}{kind}.{digest}" for kind in kinds]


def score_namespace(target: Target) -> str:
    """The CloudWatch namespace of the project's scores."""
    return f"mlops/{target.project.project}"


def make_alarms(aws: Aws, target: Target, verified: Verified) -> list[str]:
    """Make log group, metric filter and alarms of the pinned release; the alarms' names."""
    ensure_log_group(aws.logs, log_group(target))
    put_score_filter(aws.logs, target)
    scores = read_scores(verified.evaluation)
    for alarm in describe_alarms(target, target.pin.serving.alarms, scores, verified.fingerprint):
        aws.cloudwatch.put_metric_alarm(**alarm)
    return alarm_names(target) if scores else alarm_names(target)[:2]


def describe_alarms(
    target: Target, limits: Alarms, scores: Scores | None, fingerprint: str
) -> list[dict[str, Any]]:
    """The alarms as PutMetricAlarm takes them; those of scores only for a release that has scores."""
    served = {"EndpointName": target.endpoint, "VariantName": VARIANT}
    served["EndpointConfigName"] = target.config  # the new fleet alone: the old one's errors are not its own
    release = {"Model": target.pin.model, "Fingerprint": fingerprint}
    errors, latency, high, low = alarm_names(target)
    alarms = [
        # 1 for a request that failed and 0 for one that did not: the average is the share of errors
        above(errors, served, "Invocation5XXErrors", limits.errors_percent / 100) | {"Statistic": "Average"},
        above(latency, served, "ModelLatency", 1000.0 * limits.p95_ms) | {"ExtendedStatistic": "p95"},
    ]
    if scores is not None:
        reach = score_reach(scores, limits)
        namespace = {"Namespace": score_namespace(target), "Statistic": "Average"}
        alarms.append(above(high, release, "Score", scores.mean + reach) | namespace)
        below = {"ComparisonOperator": "LessThanThreshold"}
        alarms.append(above(low, release, "Score", scores.mean - reach) | namespace | below)
    return [alarm | {"Tags": target.tags} for alarm in alarms]


def score_reach(scores: Scores, limits: Alarms) -> float:
    """How far the mean of WINDOW rows may stray: sigmas of the standard error of such a mean."""
    return limits.score_sigmas * max(scores.std, 1e-9) / math.sqrt(WINDOW)


def above(name: str, dimensions: dict[str, str], metric: str, threshold: float) -> dict[str, Any]:
    """An alarm on one minute above a threshold; a minute without requests says nothing."""
    return {
        "AlarmName": name,
        "Namespace": ENDPOINT_METRICS,
        "MetricName": metric,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Period": PERIOD,
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def read_scores(evaluation: Mapping[str, Any]) -> Scores | None:
    """The scores on the test rows; None where the answers hold no number."""
    scores = evaluation.get("scores")
    return Scores(float(scores["mean"]), float(scores["std"])) if scores else None


def log_group(target: Target) -> str:
    """Where SageMaker writes what the endpoint's containers print."""
    return f"/aws/sagemaker/Endpoints/{target.endpoint}"


def ensure_log_group(logs: CloudWatchLogsClient, name: str) -> None:
    """Make the log group before the endpoint does, so that it has a retention."""
    try:
        logs.create_log_group(logGroupName=name)
    except logs.exceptions.ResourceAlreadyExistsException:
        return
    logs.put_retention_policy(logGroupName=name, retentionInDays=LOG_RETENTION_DAYS)


def put_score_filter(logs: CloudWatchLogsClient, target: Target) -> None:
    """Turn the handler's lines into the metric `Score`, by model and fingerprint."""
    logs.put_metric_filter(
        logGroupName=log_group(target),
        filterName="score",
        filterPattern=SCORE_FILTER,
        metricTransformations=[
            {
                "metricName": "Score",
                "metricNamespace": score_namespace(target),
                "metricValue": "$.mlops.score",
                "dimensions": {"Model": "$.mlops.model", "Fingerprint": "$.mlops.fingerprint"},
            }
        ],
    )


def list_alarms(cloudwatch: CloudWatchClient, prefix: str) -> set[str]:
    """The names of the alarms that begin with a prefix."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    return {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]}


def prune_alarms(cloudwatch: CloudWatchClient, target: Target) -> None:
    """Delete the alarms of an endpoint's earlier configs."""
    stale = list_alarms(cloudwatch, alarm_prefix(target.endpoint)).difference(alarm_names(target))
    if stale:
        cloudwatch.delete_alarms(AlarmNames=sorted(stale))
