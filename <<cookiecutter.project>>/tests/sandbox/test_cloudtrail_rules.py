"""Of which calls the foundation's rules notify, by the patterns that it really has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.events.models import EventPattern

from sandbox.cloudtrail.rules import event_of

from .conftest import ACCOUNT, PROD, REGION, Sandbox

USER = {"type": "IAMUser", "userName": "eve", "accountId": PROD, "principalId": "A"}
FOREIGN = {"type": "AWSAccount", "accountId": PROD, "principalId": "AROA:p1"}
AUTOSCALING = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def session(role: str) -> dict[str, Any]:
    return {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": role}}}


def record(
    name: str,
    who: dict[str, Any] | None = None,
    service: str = "sagemaker",
    **changes: Any,
) -> dict[str, Any]:
    return {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "userIdentity": who or USER,
        "recipientAccountId": PROD,
        "eventTime": "2026-11-01T12:00:00Z",
        "awsRegion": REGION,
        "requestParameters": {},
        **changes,
    }


@pytest.fixture(scope="session")
def patterns(sandbox: Sandbox) -> dict[str, EventPattern]:
    """The patterns of prod's rules."""
    rules = sandbox.client("events", f"AKIAROOT{PROD}").list_rules()["Rules"]
    return {
        each["Name"].removeprefix("shop-"): EventPattern(None, json.loads(each["EventPattern"]))
        for each in rules
    }


@pytest.mark.parametrize(
    ("found", "notified"),
    [
        (record("UpdateEndpoint"), True),
        (record("UpdateModelPackage", session("Admin")), True),
        (record("UpdateEndpoint", session("shop-rollback-prod")), True),
        (record("UpdateEndpoint", session("shop-deploy-prod")), False),
        (record("UpdateModelPackage", session("shop-deploy-staging")), False),
        (record("UpdateEndpointWeightsAndCapacities", session(AUTOSCALING)), False),
        (record("UpdateEndpointWeightsAndCapacities", session("Admin")), True),
        (record("UpdateModelPackage", FOREIGN), False),
        (record("UpdateEndpoint", errorCode="AccessDenied"), False),
        (record("CreateTrainingJob"), False),
    ],
)
def test_a_change_by_other_hands_notifies(
    patterns: dict[str, EventPattern], found: dict[str, Any], notified: bool
) -> None:
    assert patterns["out-of-band"].matches_event(event_of(found)) is notified  # type: ignore[arg-type]


def bucket(name: str) -> dict[str, Any]:
    return {"bucketName": f"shop-{name}-{ACCOUNT}-{REGION}"}


@pytest.mark.parametrize(
    ("found", "notified"),
    [
        (record("StopLogging", service="cloudtrail"), True),
        (record("StopLogging", session("shop-deploy-prod"), "cloudtrail"), True),
        (record("StopLogging", service="cloudtrail", errorCode="AccessDenied"), False),
        (record("CreateTrail", service="cloudtrail"), False),
        (record("DisableKey", service="kms"), True),
        (record("PutBucketPolicy", service="s3", requestParameters=bucket("trail")), True),
        (record("PutBucketLifecycle", service="s3", requestParameters=bucket("releases")), True),
        (record("PutBucketPolicy", service="s3", requestParameters=bucket("data")), False),
    ],
)
def test_whatever_blinds_the_trail_or_frees_what_is_locked_notifies(
    patterns: dict[str, EventPattern], found: dict[str, Any], notified: bool
) -> None:
    assert patterns["trail-touched"].matches_event(event_of(found)) is notified  # type: ignore[arg-type]
