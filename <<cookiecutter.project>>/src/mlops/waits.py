"""How long pull requests of pins have waited for people, as a metric that an alarm watches.

`propose` tells it after each run over everything. Nothing is told where none is open: then there is nothing
to hear of, and nothing to pay for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.aws import answered_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

    from mlops.aws import Aws
    from mlops.forge import Forge, PullRequest
    from mlops.project import Project

METRIC = "HoursWaiting"
AT_ONCE = 1000  # data points in one PutMetricData: its quota
# what `pulls.branch_name` makes
BRANCH = re.compile(r"mlops/(?:[a-z]+/)?(?P<environment>staging|prod)/(?P<model>[^/]+)")


@dataclass(frozen=True)
class Wait:
    """A pull request of a pin that people have not decided on."""

    environment: str
    model: str
    hours: float
    url: str

    def __str__(self) -> str:
        """A line for people."""
        return f"{self.model} to {self.environment}: has waited {self.hours:.0f} hours for people: {self.url}"


def tell_waits(forge: Forge, aws: Aws, project: Project) -> list[Wait]:
    """Publish how long each open pull request of a pin has waited; the waits, longest first."""
    pulls = forge.list_open()
    if not any(BRANCH.fullmatch(pull.branch) for pull in pulls):
        return []
    now = answered_at(aws.s3.head_bucket(Bucket=project.releases_bucket))
    waits = find_waits(pulls, now)
    put_waits(aws.cloudwatch, f"mlops/{project.project}", waits)
    return waits


def find_waits(pulls: Iterable[PullRequest], now: datetime) -> list[Wait]:
    """The waits of those that change a pin, longest first; clocks that differ make none negative."""
    found = [
        Wait(branch["environment"], branch["model"], hours_between(pull.opened_at, now), pull.url)
        for pull in pulls
        if (branch := BRANCH.fullmatch(pull.branch))
    ]
    return sorted(found, key=lambda wait: (-wait.hours, wait.environment, wait.model))


def hours_between(start: datetime, end: datetime) -> float:
    """Hours, at least none."""
    return max(0.0, (end - start).total_seconds() / 3600)


def put_waits(cloudwatch: CloudWatchClient, namespace: str, waits: Sequence[Wait]) -> None:
    """A data point for each, and the longest without dimensions: an alarm watches no search."""
    data: list[MetricDatumTypeDef] = [
        {
            "MetricName": METRIC,
            "Value": wait.hours,
            "Dimensions": [
                {"Name": "Environment", "Value": wait.environment},
                {"Name": "Model", "Value": wait.model},
            ],
        }
        for wait in waits
    ]
    data.insert(0, {"MetricName": METRIC, "Value": max(wait.hours for wait in waits)})
    for start in range(0, len(data), AT_ONCE):
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + AT_ONCE])
