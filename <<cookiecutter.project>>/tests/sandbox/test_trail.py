"""Every call leaves one CloudTrail-shaped record, without secrets or data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Sandbox, make_role, make_user, run_training, training

if TYPE_CHECKING:
    from collections.abc import Callable

MEMBERS = {
    "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress",
    "userAgent", "requestParameters", "responseElements", "requestID", "eventID", "readOnly", "eventType",
    "managementEvent", "recipientAccountId", "eventCategory",
}  # fmt: skip


def mentioning(sandbox: Sandbox, mark: str) -> list[dict[str, Any]]:
    return [record for record in sandbox.records() if mark in json.dumps(record)]


def only(records: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [record for record in records if record["eventName"] == name]
    return found


def test_a_write_we_serve_is_recorded_with_request_and_answer(
    sandbox: Sandbox, sagemaker: Any, unique: str
) -> None:
    arn = sagemaker.create_model_package_group(ModelPackageGroupName=unique)["ModelPackageGroupArn"]
    record = only(mentioning(sandbox, unique), "CreateModelPackageGroup")
    assert set(record) == MEMBERS
    assert record["eventSource"] == "sagemaker.amazonaws.com"
    assert record["requestParameters"] == {"modelPackageGroupName": unique}
    assert record["responseElements"] == {"modelPackageGroupArn": arn}
    assert (record["readOnly"], record["eventCategory"]) == (False, "Management")
    assert record["recipientAccountId"] == ACCOUNT
    assert record["userIdentity"]["accessKeyId"] == "AKIAROOT222222222222"


def test_a_refused_call_is_an_attempt_with_its_error(sandbox: Sandbox, sagemaker: Any, unique: str) -> None:
    with pytest.raises(ClientError):
        sagemaker.describe_endpoint(EndpointName=unique)
    record = only(mentioning(sandbox, unique), "DescribeEndpoint")
    assert record["errorCode"] == "ValidationException"
    assert record["errorMessage"] == f'Could not find endpoint "{unique}".'
    assert record["responseElements"] is None
    assert record["readOnly"] is True


def call_iam(sandbox: Sandbox, unique: str) -> None:
    sandbox.client("iam").create_role(RoleName=unique, AssumeRolePolicyDocument="{}")


def call_logs(sandbox: Sandbox, unique: str) -> None:
    sandbox.client("logs").create_log_group(logGroupName=unique)


def call_ssm(sandbox: Sandbox, unique: str) -> None:
    sandbox.client("ssm").put_parameter(Name=unique, Value="hunter2", Type="String")


def call_cloudwatch(sandbox: Sandbox, unique: str) -> None:
    sandbox.client("cloudwatch").put_dashboard(DashboardName=unique, DashboardBody='{"widgets": []}')


@pytest.mark.parametrize(
    ("call", "source", "name", "parameter"),
    [
        (call_iam, "iam", "CreateRole", "roleName"),
        (call_logs, "logs", "CreateLogGroup", "logGroupName"),
        (call_ssm, "ssm", "PutParameter", "name"),
        (call_cloudwatch, "monitoring", "PutDashboard", "dashboardName"),
    ],
)
def test_a_call_that_moto_answers_is_recorded_too(
    sandbox: Sandbox,
    unique: str,
    call: Callable[[Sandbox, str], None],
    source: str,
    name: str,
    parameter: str,
) -> None:
    call(sandbox, unique)
    record = only(mentioning(sandbox, unique), name)
    assert record["eventSource"] == f"{source}.amazonaws.com"
    assert record["requestParameters"][parameter] == unique
    assert "hunter2" not in json.dumps(record)


def test_an_error_of_moto_is_recorded_with_its_code(sandbox: Sandbox, unique: str) -> None:
    with pytest.raises(ClientError):
        sandbox.client("iam").get_role(RoleName=unique)
    record = only(mentioning(sandbox, unique), "GetRole")
    assert record["errorCode"] == "NoSuchEntity"
    assert unique in record["errorMessage"]


def test_an_object_is_recorded_by_its_place_never_its_content(sandbox: Sandbox, unique: str) -> None:
    uri = sandbox.put(f"{unique}/secret.txt", "hunter2-body")
    assert sandbox.read(uri) == b"hunter2-body"
    records = mentioning(sandbox, f"{unique}/secret.txt")
    assert [record["eventName"] for record in records] == ["PutObject", "GetObject"]
    where = {"bucketName": sandbox.bucket, "key": f"{unique}/secret.txt", "Host": sandbox.endpoint[7:]}
    assert records[0]["requestParameters"] == where
    assert {record["eventCategory"] for record in records} == {"Data"}
    assert "hunter2" not in json.dumps(sandbox.records())


def test_a_session_is_recorded_as_the_role_and_its_keys_are_not(sandbox: Sandbox, unique: str) -> None:
    user, role = make_user(sandbox, unique), make_role(sandbox, unique, ["sagemaker:CreateModelPackageGroup"])
    made = sandbox.client("sts", user).assume_role(RoleArn=role, RoleSessionName=unique)
    keys = made["Credentials"]
    sagemaker = sandbox.client("sagemaker", keys["AccessKeyId"], keys["SessionToken"])
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    assumed = only(mentioning(sandbox, unique), "AssumeRole")
    assert assumed["readOnly"] is True
    assert assumed["responseElements"]["credentials"]["accessKeyId"] == keys["AccessKeyId"]
    identity = only(mentioning(sandbox, unique), "CreateModelPackageGroup")["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{unique}/{unique}"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == role
    written = json.dumps(sandbox.records())
    assert keys["SecretAccessKey"] not in written
    assert keys["SessionToken"] not in written


def test_a_job_acts_as_its_role_and_its_environment_stays_hidden(sandbox: Sandbox, unique: str) -> None:
    run_training(sandbox, unique, "true", Environment={"TOKEN": "hunter2"})
    records = mentioning(sandbox, unique)
    created = only(records, "CreateTrainingJob")
    assert created["requestParameters"]["environment"] == {"TOKEN": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    uploaded = only(records, "PutObject")
    assert uploaded["userIdentity"]["arn"].endswith(":assumed-role/shop-execution/SageMaker")
    assert uploaded["userIdentity"]["invokedBy"] == "sagemaker.amazonaws.com"
    assert (uploaded["userAgent"], uploaded["sourceIPAddress"]) == ("sagemaker.amazonaws.com",) * 2


def test_a_request_the_model_refuses_is_recorded(sandbox: Sandbox, unique: str) -> None:
    with pytest.raises(ClientError):
        sandbox.client("sagemaker").create_training_job(**training(sandbox, f"{unique}_", "true"))
    assert only(mentioning(sandbox, f"{unique}_"), "CreateTrainingJob")["errorCode"] == "ValidationException"


def test_no_event_id_is_used_twice(sandbox: Sandbox) -> None:
    ids = [record["eventID"] for record in sandbox.records()]
    assert len(ids) == len(set(ids)) > 0
