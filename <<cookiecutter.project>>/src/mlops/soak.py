"""The soak: a release goes to prod only after it served in staging, for a time and without an alarm.

`deploy staging` writes soaks/staging/<model>/<release>.json into the releases bucket, under Object Lock, when
the time is over; `propose` and `deploy prod` read it, so that neither needs a role in staging's account.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlops.aws import answered_at, error_code, is_missing
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_s3 import S3Client

    from mlops.aws import Aws
    from mlops.live import Live
    from mlops.pin import Pin
    from mlops.project import Project
    from mlops.target import Target


def soak_key(environment: str, model: str, release_hex: str) -> str:
    """Where it stands in the releases bucket that a release has soaked."""
    return f"soaks/{environment}/{model}/{release_hex}.json"


def has_soaked(s3: S3Client, project: Project, pin: Pin) -> bool:
    """Whether a release has soaked in staging."""
    key = soak_key("staging", pin.model, pin.release_hex)
    try:
        s3.head_object(Bucket=project.releases_bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def require_soaked(s3: S3Client, target: Target) -> None:
    """Raise unless the release of a prod pin has soaked in staging."""
    if not has_soaked(s3, target.project, target.pin):
        raise MlopsError(
            f"{target.pin.model}: release {target.pin.release} has not soaked in staging; nothing was "
            f"deployed. It must be in service there without an alarm for soak_minutes, and a deploy after "
            f"that says so: mlops deploy staging {target.pin.model}"
        )


def list_soaks(s3: S3Client, project: Project, environment: str) -> set[str]:
    """The keys of all soaks of an environment: one listing."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=project.releases_bucket, Prefix=f"soaks/{environment}/"
    )
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def record_soak(aws: Aws, target: Target, live: Live | None, alarms: list[str]) -> None:
    """Write that a release has soaked, once its time is over without an alarm."""
    if live is None or live.since is None or live.config != target.config or live.status != "InService":
        return
    now, length = read_clock(aws.cloudwatch, alarms[0]), timedelta(minutes=target.pin.serving.soak_minutes)
    if now - live.since < length or any(has_rung(aws.cloudwatch, name, live.since) for name in alarms):
        return
    record = {
        "schema": 1,
        "release": target.pin.release,
        "config": target.config,
        "endpoint": target.endpoint,
        "since": live.since.astimezone(UTC).isoformat(timespec="seconds"),
        "until": now.isoformat(timespec="seconds"),
        "alarms": sorted(alarms),
    }
    put_soak(aws.s3, target, json.dumps(record, indent=1, sort_keys=True) + "\n")


def read_clock(cloudwatch: CloudWatchClient, alarm: str) -> datetime:
    """The time as AWS has it: the endpoint's start is in AWS's."""
    return answered_at(cloudwatch.describe_alarms(AlarmNames=[alarm]))


def has_rung(cloudwatch: CloudWatchClient, alarm: str, since: datetime) -> bool:
    """Whether an alarm went into ALARM since then, or is in it now."""
    pages = cloudwatch.get_paginator("describe_alarm_history").paginate(
        AlarmName=alarm, HistoryItemType="StateUpdate", StartDate=since
    )
    items = (item for page in pages for item in page["AlarmHistoryItems"])
    return any("to ALARM" in item.get("HistorySummary", "") for item in items)


def put_soak(s3: S3Client, target: Target, body: str) -> None:
    """Put the record, once: the first soak is the one that counts."""
    key = soak_key(target.environment, target.pin.model, target.pin.release_hex)
    try:
        s3.put_object(
            Bucket=target.project.releases_bucket,
            Key=key,
            Body=body.encode(),
            IfNoneMatch="*",
            ChecksumAlgorithm="SHA256",
        )
    except s3.exceptions.ClientError as error:
        if error_code(error) not in {"PreconditionFailed", "ConditionalRequestConflict"}:
            raise
