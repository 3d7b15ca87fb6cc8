"""AWS::S3: buckets and their policies."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.errors import ResourceError
from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties

TRANSITION: Any = {"StorageClass": str, "TransitionInDays": int}
RULE: Any = {
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": int},
    "ExpirationInDays": int,
    "ExpiredObjectDeleteMarker": bool,
    "Id": str,
    "NoncurrentVersionExpiration": {"NoncurrentDays": int},
    "NoncurrentVersionTransitions": [TRANSITION],
    "Prefix": str,
    "Status": str,
    "TagFilters": [{"Key": str, "Value": str}],
    "Transitions": [TRANSITION],
}
LOGGING = {"DestinationBucketName": "TargetBucket", "LogFilePrefix": "TargetPrefix"}


def set_encryption(making: Making, before: Properties) -> None:
    found = making.get("BucketEncryption")
    if found is None:
        making.client("s3").delete_bucket_encryption(Bucket=making.id)
        return
    rules = []
    for each in found["ServerSideEncryptionConfiguration"]:
        rule = {"ApplyServerSideEncryptionByDefault": each["ServerSideEncryptionByDefault"]}
        rules.append({**rule, **({"BucketKeyEnabled": True} if each.get("BucketKeyEnabled") else {})})
    making.client("s3").put_bucket_encryption(
        Bucket=making.id, ServerSideEncryptionConfiguration={"Rules": rules}
    )


def set_versioning(making: Making, before: Properties) -> None:
    found = making.get("VersioningConfiguration", {"Status": "Suspended"})
    making.client("s3").put_bucket_versioning(Bucket=making.id, VersioningConfiguration=found)


def set_access_block(making: Making, before: Properties) -> None:
    found = making.get("PublicAccessBlockConfiguration")
    if found is None:
        making.client("s3").delete_public_access_block(Bucket=making.id)
    else:
        making.client("s3").put_public_access_block(Bucket=making.id, PublicAccessBlockConfiguration=found)


def set_lock(making: Making, before: Properties) -> None:
    found = making.get("ObjectLockConfiguration", {"ObjectLockEnabled": "Enabled"})
    making.client("s3").put_object_lock_configuration(Bucket=making.id, ObjectLockConfiguration=found)


def set_lifecycle(making: Making, before: Properties) -> None:
    found = making.get("LifecycleConfiguration")
    if found is None:
        making.client("s3").delete_bucket_lifecycle(Bucket=making.id)
        return
    making.client("s3").put_bucket_lifecycle_configuration(
        Bucket=making.id, LifecycleConfiguration={"Rules": [_rule(each) for each in found["Rules"]]}
    )


def _rule(found: Any) -> dict[str, Any]:
    """A rule as S3's API writes it: expirations and filters nested."""
    expiration = {
        name: found[key]
        for key, name in (
            ("ExpirationInDays", "Days"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if key in found
    }
    return {
        "Status": found["Status"],
        "Filter": _filter(found.get("Prefix", ""), found.get("TagFilters", [])),
        **({"ID": found["Id"]} if "Id" in found else {}),
        **({"Expiration": expiration} if expiration else {}),
        **_transitions(found, "Transitions", "Days"),
        **_transitions(found, "NoncurrentVersionTransitions", "NoncurrentDays"),
        **{
            key: found[key]
            for key in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration")
            if key in found
        },
    }


def _filter(prefix: str, tags: list[Any]) -> dict[str, Any]:
    if not tags:
        return {"Prefix": prefix}
    if len(tags) == 1 and not prefix:
        return {"Tag": tags[0]}
    return {"And": {"Prefix": prefix, "Tags": tags}}


def _transitions(found: Any, name: str, days: str) -> dict[str, Any]:
    moved = [
        {days if key == "TransitionInDays" else key: value for key, value in each.items()}
        for each in found.get(name, ())
    ]
    return {name: moved} if moved else {}


def set_logging(making: Making, before: Properties) -> None:
    found = {LOGGING[key]: value for key, value in making.get("LoggingConfiguration", {}).items()}
    status = {"LoggingEnabled": {"TargetPrefix": "", **found}} if found else {}
    making.client("s3").put_bucket_logging(Bucket=making.id, BucketLoggingStatus=status)


def set_ownership(making: Making, before: Properties) -> None:
    found = making.get("OwnershipControls")
    if found is None:
        making.client("s3").delete_bucket_ownership_controls(Bucket=making.id)
    else:
        making.client("s3").put_bucket_ownership_controls(Bucket=making.id, OwnershipControls=found)


def set_tags(making: Making, before: Properties) -> None:
    found = making.get("Tags")
    if found:
        making.client("s3").put_bucket_tagging(Bucket=making.id, Tagging={"TagSet": found})
    else:
        making.client("s3").delete_bucket_tagging(Bucket=making.id)


class Bucket(Kind):
    name = "AWS::S3::Bucket"
    schema = {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "BucketKeyEnabled": bool,
                    "ServerSideEncryptionByDefault": {"SSEAlgorithm": str, "KMSMasterKeyID": str},
                }
            ]
        },
        "BucketName": str,
        "LifecycleConfiguration": {"Rules": [RULE]},
        "LoggingConfiguration": {"DestinationBucketName": str, "LogFilePrefix": str},
        "ObjectLockConfiguration": {
            "ObjectLockEnabled": str,
            "Rule": {"DefaultRetention": {"Mode": str, "Days": int, "Years": int}},
        },
        "ObjectLockEnabled": bool,
        "OwnershipControls": {"Rules": [{"ObjectOwnership": str}]},
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": bool,
            "BlockPublicPolicy": bool,
            "IgnorePublicAcls": bool,
            "RestrictPublicBuckets": bool,
        },
        "Tags": TAGS,
        "VersioningConfiguration": {"Status": str},
    }
    fixed = frozenset({"BucketName", "ObjectLockEnabled"})
    named_by = "BucketName"
    tags = "Tags"
    attributes = frozenset({"Arn", "DomainName", "RegionalDomainName"})
    setters = {
        "BucketEncryption": set_encryption,
        "VersioningConfiguration": set_versioning,
        "ObjectLockConfiguration": set_lock,
        "PublicAccessBlockConfiguration": set_access_block,
        "OwnershipControls": set_ownership,
        "LifecycleConfiguration": set_lifecycle,
        "LoggingConfiguration": set_logging,
        "Tags": set_tags,
    }

    def make(self, making: Making) -> None:
        name, region = making.named("BucketName", 63, lower=True), making.place.region
        where = {} if region == "us-east-1" else {"LocationConstraint": region}
        asked: dict[str, Any] = {"CreateBucketConfiguration": where} if where else {}
        if making.get("ObjectLockEnabled"):
            asked["ObjectLockEnabledForBucket"] = True
        elif making.get("ObjectLockConfiguration"):
            raise ResourceError("InvalidRequest", "ObjectLockConfiguration needs ObjectLockEnabled: true")
        making.client("s3").create_bucket(Bucket=name, **asked)
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        return {
            "Arn": f"arn:aws:s3:::{making.id}",
            "DomainName": f"{making.id}.s3.amazonaws.com",
            "RegionalDomainName": f"{making.id}.s3.{making.place.region}.amazonaws.com",
        }

    def delete(self, making: Making) -> None:
        making.client("s3").delete_bucket(Bucket=making.id)


def set_policy(making: Making, before: Properties) -> None:
    policy = json.dumps(making.properties["PolicyDocument"])
    making.client("s3").put_bucket_policy(Bucket=making.id, Policy=policy)


class BucketPolicy(Kind):
    name = "AWS::S3::BucketPolicy"
    schema = {"Bucket": str, "PolicyDocument": dict}
    required = frozenset({"Bucket", "PolicyDocument"})
    fixed = frozenset({"Bucket"})
    by_setter = True
    setters = {"PolicyDocument": set_policy}

    def make(self, making: Making) -> None:
        making.id = str(making.properties["Bucket"])

    def delete(self, making: Making) -> None:
        making.client("s3").delete_bucket_policy(Bucket=making.id)


KINDS = (Bucket(), BucketPolicy())
