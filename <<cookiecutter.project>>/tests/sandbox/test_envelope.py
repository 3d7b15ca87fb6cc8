"""S3 asks KMS in its caller's name: who may read an object may still not decrypt it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, REGION, STAGING, Sandbox, make_user

VIA = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}


@pytest.fixture(scope="module")
def encrypted(sandbox: Sandbox) -> tuple[str, str]:
    """A bucket that a key of our own encrypts, open to another account; its name, and the key's ARN."""
    s3, name = sandbox.client("s3"), f"sealed-{ACCOUNT}"
    trust = [own("kms:*"), {**own("kms:Decrypt", STAGING), "Condition": VIA}]
    key = sandbox.client("kms").create_key(Policy=document(*trust))["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    opened = {**own("s3:*", STAGING), "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=document(opened))
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    return name, key


def own(action: str, account: str = ACCOUNT) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def person(sandbox: Sandbox, name: str, account: str, *more: dict[str, Any]) -> Any:
    """S3, for a user who may do anything there, and what else is given."""
    key = make_user(sandbox, name, account)
    policy = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, *more)
    iam = sandbox.client("iam", f"AKIAROOT{account}")
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
    return sandbox.client("s3", key)


def use(action: str, key: str, context: str) -> dict[str, Any]:
    condition = {**VIA, "ArnEquals": {"kms:EncryptionContext:aws:s3:arn": context}}
    return {"Effect": "Allow", "Action": action, "Resource": key, "Condition": condition}


def test_an_object_is_not_read_without_its_key(sandbox: Sandbox, encrypted: tuple[str, str]) -> None:
    bucket, key = encrypted
    s3 = person(sandbox, "keyless", ACCOUNT)
    assert s3.head_object(Bucket=bucket, Key="a")["SSEKMSKeyId"] == key
    with pytest.raises(ClientError, match=rf"not authorized to perform: kms:Decrypt on resource: {key}"):
        s3.get_object(Bucket=bucket, Key="a")
    with pytest.raises(ClientError, match="not authorized to perform: kms:GenerateDataKey"):
        s3.put_object(Bucket=bucket, Key="b", Body=b"x")


def test_the_bucket_is_the_context_of_a_bucket_key(sandbox: Sandbox, encrypted: tuple[str, str]) -> None:
    bucket, key = encrypted
    near = person(sandbox, "near", ACCOUNT, use("kms:Decrypt", key, f"arn:aws:s3:::{bucket}"))
    far = person(sandbox, "far", ACCOUNT, use("kms:Decrypt", key, "arn:aws:s3:::another"))
    assert near.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="kms:Decrypt"):
        far.get_object(Bucket=bucket, Key="a")


def test_across_accounts_the_keys_policy_decides_too(sandbox: Sandbox, encrypted: tuple[str, str]) -> None:
    bucket, key = encrypted
    grants = [use(f"kms:{act}", key, f"arn:aws:s3:::{bucket}") for act in ("Decrypt", "GenerateDataKey")]
    s3 = person(sandbox, "neighbour", STAGING, *grants)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    with pytest.raises(ClientError, match=r"because no resource-based policy allows the kms:GenerateDataKey"):
        s3.put_object(Bucket=bucket, Key="b", Body=b"x")


def test_an_upload_in_parts_and_a_copy_ask_for_both(sandbox: Sandbox, encrypted: tuple[str, str]) -> None:
    bucket, key = encrypted
    s3 = person(sandbox, "writer", ACCOUNT, use("kms:GenerateDataKey", key, f"arn:aws:s3:::{bucket}"))
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    with pytest.raises(ClientError, match="kms:Decrypt"):
        s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"x")
    with pytest.raises(ClientError, match="kms:Decrypt"):
        s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/a")
    assert s3.put_object(Bucket=bucket, Key="e", Body=b"x", ServerSideEncryption="AES256")["ETag"]


def test_a_call_by_an_alias_is_decided_on_the_key_behind_it(
    sandbox: Sandbox, encrypted: tuple[str, str]
) -> None:
    _, key = encrypted
    kms = sandbox.client("kms")
    kms.create_alias(AliasName="alias/behind", TargetKeyId=key)
    assert kms.describe_key(KeyId="alias/behind")["KeyMetadata"]["Arn"] == key
    stranger = sandbox.client("kms", make_user(sandbox, "stranger", ACCOUNT))
    with pytest.raises(ClientError, match=rf"kms:DescribeKey on resource: {key}"):
        stranger.describe_key(KeyId="alias/behind")
