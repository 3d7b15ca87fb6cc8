"""The hold of a break-glass rollback: an object that stops `deploy` until git says what a hand did.

Without it the next scheduled `deploy` would undo in minutes what a person did in an emergency. Holds lie in
the data bucket under holds/<env>/<model>.json, so that one listing tells them all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlops.errors import MlopsError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from mlops.project import Project
    from mlops.target import Target


def hold_key(environment: str, model: str) -> str:
    """Where the hold of an endpoint lies."""
    return f"holds/{environment}/{model}.json"


def list_holds(s3: S3Client, project: Project, environment: str) -> set[str]:
    """The models that are held in an environment."""
    prefix = f"holds/{environment}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=project.data_bucket, Prefix=prefix)
    keys = (entry["Key"] for page in pages for entry in page.get("Contents", []))
    return {key.removeprefix(prefix).removesuffix(".json") for key in keys}


def put_hold(s3: S3Client, target: Target, why: str) -> None:
    """Hold an endpoint."""
    body = json.dumps({"schema": 1, "endpoint": target.endpoint, "why": why}) + "\n"
    key = hold_key(target.environment, target.pin.model)
    s3.put_object(Bucket=target.project.data_bucket, Key=key, Body=body.encode())


def refuse_held(s3: S3Client, target: Target) -> None:
    """Raise for an endpoint that is held at something git does not pin."""
    model, environment = target.pin.model, target.environment
    body = s3.get_object(Bucket=target.project.data_bucket, Key=hold_key(environment, model))["Body"].read()
    raise MlopsError(
        f"endpoint {target.endpoint!r} is held: {json.loads(body)['why']}. Ratify it by pinning what it "
        f"serves: mlops rollback {model} --env {environment} --dry-run > releases/{environment}/{model}.yml"
    )


def clear_hold(s3: S3Client, target: Target) -> None:
    """Take the hold off an endpoint that serves its pin: git has ratified what the hand did."""
    s3.delete_object(Bucket=target.project.data_bucket, Key=hold_key(target.environment, target.pin.model))
