"""The templates of infra/ as CloudFormation renders them in the sandbox are what the audit reads in them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from mlops.audit.event import Event, Who
from mlops.audit.foundation import Foundation
from mlops.project import read_project
from tests.conftest import ACCOUNT, REGION, git

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = Path(__file__).resolve().parents[2] / "infra"
TRAIL_BUCKET = f"acme-trail-{ACCOUNT}-{REGION}"
OWN = [
    "acme-audit",
    "acme-ci",
    "acme-deploy-prod",
    "acme-deploy-staging",
    "acme-developer",
    "acme-execution",
    "acme-rollback-prod",
    "acme-rollback-staging",
    "acme-serve-prod",
    "acme-serve-staging",
    "acme-train",
]
RELEASES = f"acme-releases-{ACCOUNT}-{REGION}"


@pytest.fixture
def foundation(root: Path) -> Foundation:
    (root / "infra").mkdir()
    for path in INFRA.glob("*.yml"):
        (root / "infra" / path.name).write_bytes(path.read_bytes())
    git(root, "add", "infra")
    git(root, "commit", "-q", "-m", "Foundation")
    return Foundation(root, read_project(root), git(root, "rev-parse", "HEAD"))


def event(source: str, name: str, **asked: Any) -> Event:
    return Event(
        uuid.uuid4().hex, datetime.now(UTC), source, name, ACCOUNT, REGION, Who("Root"), request=asked
    )


def connect(service: str, endpoint_url: str) -> Any:
    session: Any = boto3.session.Session()
    return session.client(service, endpoint_url=endpoint_url, region_name=REGION)


def role_calls(iam: Any) -> Iterator[Event]:
    """The calls by which every role of the project could have been made."""
    names = [role["RoleName"] for role in iam.list_roles(MaxItems=1000)["Roles"]]
    for name in (name for name in names if name in OWN):
        role = iam.get_role(RoleName=name)["Role"]
        trust = json.dumps(role["AssumeRolePolicyDocument"])
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        bound = {"permissionsBoundary": boundary} if boundary else {}
        yield event("iam", "CreateRole", roleName=name, assumeRolePolicyDocument=trust, **bound)
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            found = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            text = found if isinstance(found, str) else json.dumps(found)
            yield event("iam", "PutRolePolicy", roleName=name, policyName=policy, policyDocument=text)


def test_every_role_of_the_foundation_is_what_main_says(endpoint_url: str, foundation: Foundation) -> None:
    calls = list(role_calls(connect("iam", endpoint_url)))
    assert {call.asked("roleName") for call in calls} == set(OWN)
    unproved = [
        f"{call.name} {call.asked('roleName')} {call.asked('policyName')}"
        for call in calls
        if not foundation.proves(call)
    ]
    assert unproved == []


def test_every_bucket_policy_of_the_foundation_is_what_main_says(
    endpoint_url: str, foundation: Foundation
) -> None:
    s3 = connect("s3", endpoint_url)
    for bucket in (TRAIL_BUCKET, RELEASES):
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        assert foundation.proves(event("s3", "PutBucketPolicy", bucketName=bucket, bucketPolicy=policy)), (
            bucket
        )
        policy["Statement"].pop()
        assert not foundation.proves(
            event("s3", "PutBucketPolicy", bucketName=bucket, bucketPolicy=policy)
        ), bucket
