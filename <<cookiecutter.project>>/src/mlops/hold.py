"""The hold: an object that stops `deploy` until git says what happened to an endpoint.

A break-glass rollback leaves one, or the next scheduled `deploy` would undo in minutes what a person did in
an emergency. So does an automatic rollback, for the config that failed: or the same release would be tried
every quarter of an hour. Holds lie in the data bucket under holds/<env>/<model>.json, so that one listing
tells them all.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mlops.errors import MlopsError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from mlops.project import Project
    from mlops.target import Target


@dataclass(frozen=True)
class Hold:
    """Why an endpoint is held. `live` is the config that it serves; `failed` the one that did not stay, empty
    when a person acted.
    """

    endpoint: str
    why: str
    live: str
    failed: str = ""


def hold_key(environment: str, model: str) -> str:
    """Where the hold of an endpoint lies."""
    return f"holds/{environment}/{model}.json"


def list_holds(s3: S3Client, project: Project, environment: str) -> set[str]:
    """The models that are held in an environment."""
    prefix = f"holds/{environment}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=project.data_bucket, Prefix=prefix)
    keys = (entry["Key"] for page in pages for entry in page.get("Contents", []))
    return {key.removeprefix(prefix).removesuffix(".json") for key in keys}


def read_hold(s3: S3Client, project: Project, environment: str, model: str) -> Hold:
    """The hold of an endpoint that is held."""
    key = hold_key(environment, model)
    found = json.loads(s3.get_object(Bucket=project.data_bucket, Key=key)["Body"].read())
    return Hold(found["endpoint"], found["why"], found["live"], found["failed"])


def put_hold(s3: S3Client, target: Target, why: str, live: str, failed: str = "") -> None:
    """Hold an endpoint."""
    body = json.dumps({"schema": 1, **asdict(Hold(target.endpoint, why, live, failed))}) + "\n"
    key = hold_key(target.environment, target.pin.model)
    s3.put_object(Bucket=target.project.data_bucket, Key=key, Body=body.encode())


def refuse_held(s3: S3Client, target: Target) -> None:
    """Raise for an endpoint that is held at something git does not pin; another pin ends a failure's hold."""
    model, environment = target.pin.model, target.environment
    hold = read_hold(s3, target.project, environment, model)
    revert = f"mlops rollback {model} --env {environment}"
    if not hold.failed:
        raise MlopsError(
            f"endpoint {target.endpoint!r} is held: {hold.why}. Ratify it by pinning what it serves: {revert}"
        )
    if hold.failed == target.config:
        raise MlopsError(
            f"endpoint {target.endpoint!r} is held: {hold.why}. Make git say what is live: {revert}; "
            f"or try the same release once more: mlops deploy {environment} {model} --retry"
        )


def clear_hold(s3: S3Client, target: Target) -> None:
    """Take the hold off an endpoint that serves its pin: git has ratified what happened."""
    s3.delete_object(Bucket=target.project.data_bucket, Key=hold_key(target.environment, target.pin.model))
