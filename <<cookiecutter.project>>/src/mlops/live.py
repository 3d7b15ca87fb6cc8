"""What is live: endpoints as SageMaker describes them, read in parallel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.aws import POOL, is_missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mypy_boto3_sagemaker import SageMakerClient

    from mlops.project import Project

OWNER = "mlops:project"  # the tag that says whose an endpoint is


@dataclass(frozen=True)
class Live:
    """One endpoint: the config it serves, SageMaker's status and since when, and why it failed if it did."""

    endpoint: str
    config: str
    status: str
    reason: str = ""
    since: datetime | None = None
    arn: str = ""

    @property
    def is_moving(self) -> bool:
        """Whether SageMaker is at work on it."""
        return self.status in {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}


def describe_live(sagemaker: SageMakerClient, endpoint: str) -> Live | None:
    """What an endpoint serves; None when there is no such endpoint."""
    try:
        answer = sagemaker.describe_endpoint(EndpointName=endpoint)
    except sagemaker.exceptions.ClientError as error:
        if is_missing(error):
            return None
        raise
    config = answer.get("EndpointConfigName", "")
    since = answer.get("PendingDeploymentSummary", {}).get("StartTime") or answer["LastModifiedTime"]
    return Live(
        endpoint,
        config,
        answer["EndpointStatus"],
        answer.get("FailureReason", ""),
        since,
        answer["EndpointArn"],
    )


def describe_all(sagemaker: SageMakerClient, endpoints: Iterable[str]) -> Mapping[str, Live | None]:
    """What each endpoint serves: one describe each, in parallel."""
    names = list(endpoints)
    with ThreadPoolExecutor(POOL) as pool:
        return dict(zip(names, pool.map(lambda name: describe_live(sagemaker, name), names), strict=True))


def list_endpoints(sagemaker: SageMakerClient, prefix: str) -> list[str]:
    """The endpoints whose name begins with a prefix."""
    pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=prefix)
    names = (entry["EndpointName"] for page in pages for entry in page["Endpoints"])
    return sorted(name for name in names if name.startswith(prefix))


def read_owner(sagemaker: SageMakerClient, live: Live) -> str:
    """The project whose `deploy` made an endpoint, as its tags say; empty when none did.

    Names do not tell: "shop-staging-" begins those of project "shop" in staging, and all of "shop-staging".
    """
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=live.arn)
    try:
        return next((tag["Value"] for page in pages for tag in page["Tags"] if tag["Key"] == OWNER), "")
    except sagemaker.exceptions.ClientError as error:
        if is_missing(error):
            return ""
        raise


def is_foreign(sagemaker: SageMakerClient, project: Project, live: Live) -> bool:
    """Whether an endpoint belongs to another project."""
    return read_owner(sagemaker, live) not in {"", project.project}
