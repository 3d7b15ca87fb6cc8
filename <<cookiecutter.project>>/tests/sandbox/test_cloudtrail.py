"""The trails of the foundation: they deliver what CloudTrail delivers, and the AWS CLI validates it."""

from __future__ import annotations

import gzip
import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, PROD, REGION, STAGING, Sandbox, make_project, sandbox_command
from .trailed import BUCKET, TRAIL, Trailed, await_message, moment, validate

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = timedelta(hours=1)
NAME = rf"\d{{12}}_CloudTrail_{REGION}_\d{{8}}T\d{{4}}Z_[A-Za-z0-9]{{16}}"
LOG = rf"AWSLogs/\d{{12}}/CloudTrail/{REGION}/\d{{4}}/\d\d/\d\d/{NAME}"


@pytest.fixture(scope="module")
def trailed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trailed]:
    root = make_project(tmp_path_factory.mktemp("trailed") / "project")
    started = sandbox_command(root, "up", "--detach", "--images", "images")
    assert started.returncode == 0, started.stderr
    yield Trailed(Sandbox(root, json.loads((root / ".sandbox/sandbox.json").read_text())["endpoint"]))
    assert sandbox_command(root, "down").returncode == 0


@pytest.mark.parametrize(
    ("account", "region"), [(ACCOUNT, REGION), (ACCOUNT, "us-east-1"), (STAGING, REGION), (PROD, REGION)]
)
def test_the_aws_cli_validates_the_chain_of_each_account_and_region(
    trailed: Trailed, account: str, region: str
) -> None:
    trailed.client("iam", account).list_roles()
    trailed.client("sagemaker", account).list_models()
    trailed.forward("2h")
    trailed.deliver()
    found = validate(trailed, account, region)
    assert found.code == 0, found.said
    valid, digests = found.count("digest")
    assert valid == digests >= 3
    assert found.count("log")[0] == found.count("log")[1] >= 1
    assert "INVALID" not in found.said


def test_the_aws_cli_names_an_altered_log(trailed: Trailed, unique: str) -> None:
    trailed.client("sagemaker").create_model_package_group(ModelPackageGroupName=unique)
    trailed.deliver()
    key = trailed.keys("CloudTrail")[-1]
    body = trailed.body(key)
    trailed.replace(key, gzip.compress(gzip.decompress(body).replace(unique.encode(), b"another")))
    found = validate(trailed)
    trailed.replace(key, body)
    assert found.code == 1
    assert f"{key}\tINVALID: hash value doesn't match" in found.said
    assert validate(trailed).code == 0


def test_the_aws_cli_names_an_altered_digest(trailed: Trailed) -> None:
    trailed.deliver()
    key = trailed.keys("CloudTrail-Digest")[-1]
    s3 = trailed.s3
    kept = s3.get_object(Bucket=BUCKET, Key=key)
    metadata, body = kept["Metadata"], kept["Body"].read()
    trailed.replace(
        key, gzip.compress(gzip.decompress(body).replace(b"SHA-256", b"SHA-512")), Metadata=metadata
    )
    found = validate(trailed)
    trailed.replace(key, body, Metadata=metadata)
    assert found.code == 1
    assert f"{key}\tINVALID: signature verification failed" in found.said


def test_a_log_lies_under_the_real_layout_as_one_line(trailed: Trailed) -> None:
    trailed.deliver()
    for key in trailed.keys("CloudTrail"):
        assert re.fullmatch(rf"{LOG}\.json\.gz", key), key
        content = gzip.decompress(trailed.body(key))
        assert content.startswith(b'{"Records":[{')
        assert b"\n" not in content


def test_each_hour_that_passed_has_its_digest_also_when_nothing_happened(trailed: Trailed) -> None:
    trailed.deliver()
    before = len(trailed.digests(PROD))
    trailed.forward("5h")
    found = trailed.digests(PROD)
    assert len(found) == before + 5
    for first, second in pairwise(found):
        assert second["digestStartTime"] == first["digestEndTime"]
        assert second["previousDigestS3Object"] == first["digestS3Object"]
    hours = [moment(each["digestEndTime"]) - moment(each["digestStartTime"]) for each in found[before:]]
    assert hours == [HOUR] * 5
    assert [each["logFiles"] for each in found[-4:]] == [[], [], [], []]


def test_a_record_is_delivered_with_the_time_of_its_call(trailed: Trailed, unique: str) -> None:
    now = trailed.forward("0s")
    trailed.client("sagemaker").create_model_package_group(ModelPackageGroupName=unique)
    trailed.forward("3h")
    (record,) = [each for each in trailed.records() if unique in json.dumps(each["requestParameters"])]
    assert abs(moment(record["eventTime"]) - now) < timedelta(minutes=1)
    assert record["awsRegion"] == REGION


def test_a_call_of_a_global_service_is_recorded_where_that_is(trailed: Trailed, unique: str) -> None:
    trailed.client("iam").create_user(UserName=unique)
    trailed.deliver()
    (record,) = [each for each in trailed.records(region="us-east-1") if unique in json.dumps(each)]
    assert (record["eventName"], record["awsRegion"]) == ("CreateUser", "us-east-1")


def test_of_objects_only_sealed_releases_are_recorded(trailed: Trailed, unique: str) -> None:
    releases = trailed.sandbox.bucket.replace("-data-", "-releases-")
    s3 = trailed.s3
    for bucket, key in ((trailed.sandbox.bucket, unique), (releases, f"releases/{unique}/model.tar.gz")):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1", IfNoneMatch="*")
    trailed.deliver()
    (record,) = [each for each in trailed.records() if unique in json.dumps(each)]
    assert record["requestParameters"]["key"] == f"releases/{unique}/model.tar.gz"
    assert record["requestParameters"]["if-none-match"] == "*"
    assert record["responseElements"]["x-amz-version-id"]
    assert (record["eventCategory"], record["managementEvent"]) == ("Data", False)


def test_a_refused_call_is_delivered_as_an_attempt(trailed: Trailed, unique: str) -> None:
    with pytest.raises(ClientError):
        trailed.client("sagemaker").delete_endpoint(EndpointName=unique)
    trailed.deliver()
    (record,) = [each for each in trailed.records() if unique in json.dumps(each["requestParameters"])]
    assert record["errorCode"] == "ValidationException"


def test_only_the_trail_writes_to_its_bucket(trailed: Trailed) -> None:
    with pytest.raises(ClientError, match=r"explicit deny|AccessDenied"):
        trailed.s3.put_object(Bucket=BUCKET, Key=f"AWSLogs/{ACCOUNT}/x", Body=b"1")


def test_logs_are_encrypted_with_the_trails_key_and_locked(trailed: Trailed) -> None:
    trailed.deliver()
    found = trailed.s3.head_object(Bucket=BUCKET, Key=trailed.keys("CloudTrail")[-1])
    assert found["ServerSideEncryption"] == "aws:kms"
    assert found["SSEKMSKeyId"].startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/")
    assert found["ObjectLockMode"] == "GOVERNANCE"


def test_stopping_a_trail_ends_its_chain_and_starting_begins_another(trailed: Trailed, unique: str) -> None:
    cloudtrail = trailed.client("cloudtrail", STAGING)
    trailed.deliver()
    cloudtrail.stop_logging(Name=TRAIL)
    assert cloudtrail.get_trail_status(Name=TRAIL)["IsLogging"] is False
    stopped = trailed.digests(STAGING)[-1]
    trailed.client("sagemaker", STAGING).create_model_package_group(ModelPackageGroupName=unique)
    trailed.forward("2h")
    cloudtrail.start_logging(Name=TRAIL)
    trailed.forward("1h")
    first = next(
        each for each in trailed.digests(STAGING) if each["digestStartTime"] > stopped["digestEndTime"]
    )
    assert first["previousDigestS3Object"] is first["previousDigestSignature"] is None
    records = trailed.records(STAGING)
    names = [each["eventName"] for each in records]
    assert {"StopLogging", "StartLogging"} <= set(names)
    assert unique not in json.dumps(records)
    found = validate(trailed, STAGING)
    assert found.code == 0, found.said
    assert "No log files were delivered by CloudTrail between" in found.said


def test_what_the_bucket_refuses_is_delivered_when_it_no_longer_does(trailed: Trailed, unique: str) -> None:
    s3, cloudtrail = trailed.s3, trailed.client("cloudtrail", PROD)
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    s3.delete_bucket_policy(Bucket=BUCKET)
    trailed.client("sagemaker", PROD).create_model_package_group(ModelPackageGroupName=unique)
    trailed.forward("1h")
    assert cloudtrail.get_trail_status(Name=TRAIL)["LatestDeliveryError"] == "AccessDenied"
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    trailed.deliver()
    assert "LatestDeliveryError" not in cloudtrail.get_trail_status(Name=TRAIL)
    assert unique in json.dumps(trailed.records(PROD))
    assert validate(trailed, PROD).code == 0


@pytest.fixture
def queue(trailed: Trailed, unique: str) -> str:
    """A queue that hears what training's account is notified of."""
    url: str = trailed.client("sqs").create_queue(QueueName=unique)["QueueUrl"]
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:shop-audit"
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}"
    trailed.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def test_a_change_out_of_band_notifies_and_a_refused_one_does_not(
    trailed: Trailed, queue: str, unique: str
) -> None:
    sagemaker = trailed.client("sagemaker")
    with pytest.raises(ClientError):
        sagemaker.delete_endpoint(EndpointName=unique)
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    arn = sagemaker.create_model_package(ModelPackageGroupName=unique)["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    event = await_message(trailed.client("sqs"), queue)
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert event["detail"]["eventName"] == "UpdateModelPackage"
    assert event["detail"]["requestParameters"]["modelPackageArn"] == arn


def test_a_touched_trail_notifies(trailed: Trailed, queue: str) -> None:
    cloudtrail = trailed.client("cloudtrail")
    cloudtrail.stop_logging(Name=TRAIL)
    cloudtrail.start_logging(Name=TRAIL)
    assert await_message(trailed.client("sqs"), queue)["detail"]["eventName"] == "StopLogging"
