"""CloudFormation creates what it says, or refuses; the foundation stands after `up`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, REGION, Sandbox

BUCKETS = (f"shop-data-{ACCOUNT}-{REGION}", f"shop-releases-{ACCOUNT}-{REGION}")


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_foundation_bucket_is_versioned_encrypted_private_and_tls_only(
    sandbox: Sandbox, bucket: str
) -> None:
    s3 = sandbox.client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert len(block) == 4
    assert all(block.values())
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    default = rules[0]["ApplyServerSideEncryptionByDefault"]
    aliases = {
        each["AliasName"]: each.get("TargetKeyId", "")
        for each in sandbox.client("kms").list_aliases()["Aliases"]
    }
    assert default["SSEAlgorithm"] == "aws:kms"
    assert default["KMSMasterKeyID"].endswith(f":key/{aliases['alias/shop-data']}")
    statement, *_ = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_a_sealed_object_is_written_only_under_the_condition_that_there_is_none(sandbox: Sandbox) -> None:
    bucket = sandbox.bucket.replace("-data-", "-releases-")
    policy = json.loads(sandbox.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    (once,) = [statement for statement in policy["Statement"] if statement["Sid"] == "OnlyOnce"]
    assert (once["Effect"], once["Action"], once["Principal"]) == ("Deny", "s3:PutObject", "*")
    assert once["Condition"]["Null"] == {"s3:if-none-match": "true"}


def test_sealed_releases_are_locked(sandbox: Sandbox) -> None:
    found = sandbox.client("s3").get_object_lock_configuration(Bucket=BUCKETS[1])["ObjectLockConfiguration"]
    assert found["ObjectLockEnabled"] == "Enabled"
    retention = found["Rule"]["DefaultRetention"]
    assert (retention["Mode"], retention["Days"]) == ("GOVERNANCE", 365)


def test_the_execution_role_exists_with_its_policy(sandbox: Sandbox) -> None:
    iam = sandbox.client("iam")
    assert iam.get_role(RoleName="shop-execution")["Role"]["Arn"] == sandbox.role
    assert iam.list_role_policies(RoleName="shop-execution")["PolicyNames"] == ["run"]


def stack(kind: str, **properties: Any) -> str:
    return json.dumps({"Resources": {"Thing": {"Type": kind, "Properties": properties}}})


@pytest.mark.parametrize(
    "kind", ["AWS::Lambda::Function", "AWS::SageMaker::Endpoint", "AWS::SageMaker::Model"]
)
def test_a_type_that_would_only_pretend_is_refused_by_name(sandbox: Sandbox, unique: str, kind: str) -> None:
    cloudformation = sandbox.client("cloudformation")
    with pytest.raises(ClientError, match=rf"\(ValidationError\).*Unrecognized resource types: \[{kind}\]"):
        cloudformation.create_stack(StackName=unique, TemplateBody=stack(kind))


def test_a_bucket_property_that_would_be_dropped_is_refused(sandbox: Sandbox, unique: str) -> None:
    body = stack("AWS::S3::Bucket", BucketName=unique, WebsiteConfiguration={"IndexDocument": "index.html"})
    with pytest.raises(ClientError, match=r"AWS::S3::Bucket has no WebsiteConfiguration"):
        sandbox.client("cloudformation").create_stack(StackName=unique, TemplateBody=body)


@pytest.mark.parametrize("kind", ["AWS::IAM::Role", "AWS::S3::BucketPolicy"])
def test_a_property_that_a_type_lacks_is_refused(sandbox: Sandbox, unique: str, kind: str) -> None:
    with pytest.raises(ClientError, match=rf"the sandbox's {kind} has no Colour"):
        sandbox.client("cloudformation").create_stack(
            StackName=unique, TemplateBody=stack(kind, Colour="blue")
        )


def test_a_broken_template_is_a_format_error(sandbox: Sandbox, unique: str) -> None:
    with pytest.raises(ClientError, match="Template format error"):
        sandbox.client("cloudformation").create_stack(StackName=unique, TemplateBody="Resources: [")
