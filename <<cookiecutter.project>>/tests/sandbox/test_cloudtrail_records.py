"""Records have the members that public records of real calls have; where there are none, those of the API."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import wire
from sandbox.cloudtrail import members
from sandbox.cloudtrail.records import Event, record, records

from .conftest import ACCOUNT, PROD, REGION, Sandbox, allow, make_role, make_user
from .workers import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

REAL = json.loads((Path(__file__).parent / "real_records.json").read_text())["records"]
# Calls on loopback have no TLS to tell of.
NO_TLS = frozenset({"additionalEventData.CipherSuite"})
# What moto answers beyond AWS, and boto3 asks beyond those callers.
MORE = frozenset(
    {
        "requestParameters.encoding-type",
        "responseElements.role.maxSessionDuration",
        "responseElements.role.roleLastUsed",
    }
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
)
MOMENT = datetime(2026, 11, 5, 16, 4, 9, tzinfo=UTC)


def paths(value: Any, at: str = "") -> set[str]:
    """Every member of a record, by its path."""
    if isinstance(value, dict) and value:
        return {each for key, member in value.items() for each in paths(member, f"{at}.{key}".lstrip("."))}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {each for member in value for each in paths(member, f"{at}[]")}
    return {at}


@pytest.fixture
def user(sandbox: Sandbox, unique: str) -> str:
    """An IAM user who may do anything; its access key."""
    key = make_user(sandbox, unique)
    sandbox.client("iam").put_user_policy(UserName=unique, PolicyName="all", PolicyDocument=allow("*"))
    return key


def call_sts(sandbox: Sandbox, key: str, unique: str) -> None:
    role = make_role(sandbox, f"{unique}-role", ["sts:GetCallerIdentity"])
    sts = sandbox.client("sts", key)
    sts.assume_role(RoleArn=role, RoleSessionName=unique, DurationSeconds=900)


def call_iam(sandbox: Sandbox, key: str, unique: str) -> None:
    iam, name = sandbox.client("iam", key), f"{unique}-more"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=allow("s3:GetObject"))["Policy"]["Arn"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, PermissionsBoundary=arn)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=TRUST)
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    iam.create_user(UserName=name, Tags=[{"Key": "a", "Value": "b"}])
    iam.create_access_key(UserName=name)


def call_cloudtrail(sandbox: Sandbox, key: str, unique: str) -> None:
    cloudtrail, bucket = sandbox.client("cloudtrail", key), f"shop-trail-{ACCOUNT}-{REGION}"
    policy = sandbox.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    sandbox.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy.replace("shop-audit", unique))
    try:
        cloudtrail.create_trail(Name=unique, S3BucketName=bucket)
    finally:
        sandbox.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    selector = {
        "ReadWriteType": "ReadOnly",
        "IncludeManagementEvents": False,
        "ExcludeManagementEventSources": [],
        "DataResources": [{"Type": "AWS::S3::Object", "Values": []}],
    }
    cloudtrail.put_event_selectors(TrailName=unique, EventSelectors=[selector])
    cloudtrail.stop_logging(Name=unique)
    cloudtrail.delete_trail(Name=unique)
    attribute = {"AttributeKey": "ReadOnly", "AttributeValue": "false"}
    times = {"StartTime": MOMENT, "EndTime": MOMENT + timedelta(days=300)}
    cloudtrail.lookup_events(LookupAttributes=[attribute], **times)


def call_s3(sandbox: Sandbox, key: str, unique: str) -> None:
    sandbox.client("s3", key).list_objects(Bucket=sandbox.bucket, Prefix="", EncodingType="url")


def call_sagemaker(sandbox: Sandbox, key: str, unique: str) -> None:
    image = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/empty:1"
    sandbox.client("sagemaker", key).create_model(
        ModelName=unique, PrimaryContainer={"Image": image}, ExecutionRoleArn=sandbox.role
    )


CALLS: dict[str, Callable[[Sandbox, str, str], None]] = {
    "cloudtrail": call_cloudtrail,
    "iam": call_iam,
    "s3": call_s3,
    "sagemaker": call_sagemaker,
    "sts": call_sts,
}


def real(event: str) -> set[str]:
    (found,) = [each for each in REAL if each["event"] == event]
    return set(found["members"]) - NO_TLS


@pytest.mark.parametrize("service", sorted(CALLS))
def test_a_record_has_the_members_of_a_real_one(
    sandbox: Sandbox, unique: str, user: str, service: str
) -> None:
    CALLS[service](sandbox, user, unique)
    wanted = [each["event"] for each in REAL if each["event"].startswith(f"{service}:")]
    for event in set(wanted) - {"sts:AssumeRoleWithWebIdentity"}:
        found = paths(only(sandbox, event, unique))
        members = real(event)
        parts = {each.partition(".")[0] for each in members}
        ours = {each for each in found if each.partition(".")[0] in parts} - MORE
        assert ours == members, event
        assert parts <= {each.partition(".")[0] for each in found}


def only(sandbox: Sandbox, event: str, user: str) -> dict[str, Any]:
    """A user's record of a call."""
    name = event.partition(":")[2]
    found = [each for each in sandbox.records() if each["eventName"] == name]
    return next(each for each in reversed(found) if each["userIdentity"].get("userName") == user)


def test_a_session_of_a_job_is_recorded_as_a_real_one(sandbox: Sandbox) -> None:
    sign_in(sandbox, "deploy-prod")
    named = [each for each in sandbox.records() if each["eventName"] == "AssumeRoleWithWebIdentity"]
    found = next(each for each in reversed(named) if "errorCode" not in each)
    assert real("sts:AssumeRoleWithWebIdentity") <= paths(found)
    assert found["responseElements"]["credentials"]["sessionToken"] == members.HIDDEN
    assert "webIdentityToken" not in found["requestParameters"]
    assert (found["readOnly"], found["resources"][0]["type"]) == (True, "AWS::IAM::Role")


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("UpdateModelPackage", {"ModelPackageArn": "a", "ModelLifeCycle": {"Stage": "prod"}}),
        ("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c", "DeploymentConfig": {}}),
        ("CreateEndpointConfig", {"ProductionVariants": [{"VariantName": "v", "ModelName": "m"}]}),
    ],
)
def test_a_derived_record_has_the_members_of_the_api(operation: str, params: dict[str, Any]) -> None:
    shape = wire.operation_model("sagemaker", operation).input_shape
    found = members.recorded(shape, params, "sagemaker")
    assert {each.lower() for each in paths(found)} == {each.lower() for each in paths(params)}
    assert all(re.fullmatch(r"[a-z]\w*(\[\])?(\.[a-z]\w*)*", each) for each in paths(found))


@pytest.mark.parametrize(
    ("service", "text"), [("sts", "Nov 5, 2026, 4:04:09 PM"), ("iam", "Nov 5, 2026 4:04:09 PM")]
)
def test_a_moment_is_written_as_the_service_does(service: str, text: str) -> None:
    shape = wire.operation_model("cloudtrail", "LookupEvents").input_shape
    assert members.recorded(shape, {"StartTime": MOMENT.timestamp()}, service) == {"startTime": text}


def event(**changes: Any) -> Event:
    who = {"type": "AssumedRole", "principalId": "AROA:s", "arn": "a", "accountId": PROD, "accessKeyId": "k"}
    plain = {
        "service": "sagemaker",
        "name": "UpdateModelPackage",
        "region": REGION,
        "accounts": (PROD, ACCOUNT),
        "identity": who,
        "request": {"a": 1},
        "response": {"b": 2},
        "error": None,
        "source_ip": "127.0.0.1",
        "user_agent": "Boto3",
        "request_id": "r",
    }
    return Event(**{**plain, **changes})


def test_the_owner_of_a_resource_sees_a_caller_from_elsewhere_by_account_and_id() -> None:
    own, owners = records(event(), MOMENT)
    assert own["userIdentity"]["accessKeyId"] == "k"
    assert owners["userIdentity"] == {"type": "AWSAccount", "principalId": "AROA:s", "accountId": PROD}
    assert own["sharedEventID"] == owners["sharedEventID"]
    assert own["eventID"] != owners["eventID"]


def test_a_read_shows_no_answer_and_a_failure_none_either() -> None:
    read = record(event(name="DescribeModelPackage"), PROD, MOMENT, {})
    failed = record(event(error=("AccessDenied", "no")), PROD, MOMENT, {})
    assert (read["readOnly"], read["responseElements"]) == (True, None)
    assert (failed["errorCode"], failed["responseElements"]) == ("AccessDenied", None)


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("ListObjectsV2", "ListObjects"),
        ("PutObjectLockConfiguration", "PutBucketObjectLockConfiguration"),
        ("PutBucketLifecycleConfiguration", "PutBucketLifecycle"),
        ("PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
    ],
)
def test_s3s_calls_are_named_as_cloudtrail_names_them(operation: str, name: str) -> None:
    assert record(event(service="s3", name=operation), PROD, MOMENT, {})["eventName"] == name


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        ("PutObject", True),
        ("ListObjectsV2", True),
        ("HeadBucket", True),
        ("UploadPart", True),
        ("PutBucketPolicy", False),
        ("PutObjectLockConfiguration", False),
        ("ListBuckets", False),
    ],
)
def test_what_concerns_objects_is_a_data_event(operation: str, data: bool) -> None:
    found = record(event(service="s3", name=operation), PROD, MOMENT, {})
    assert (found["eventCategory"] == "Data") is data is not found["managementEvent"]
