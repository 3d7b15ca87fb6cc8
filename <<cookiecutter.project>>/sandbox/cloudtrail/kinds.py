"""What kind of event a call is: management or data, read or write, under which name, in which region."""

from __future__ import annotations

READS = (
    "Describe",
    "List",
    "Get",
    "Head",
    "Search",
    "BatchGet",
    "BatchDescribe",
    "Lookup",
    "Query",
    "AssumeRole",
    "EvaluatePullRequest",
)
# Each leaves the state of its service as it was, whatever its name says.
KMS_READS = frozenset(
    {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt"}
)
DATA_EVENTS = frozenset({"InvokeEndpoint", "PutMetricData"})
OBJECT_EVENTS = ("Object", "Objects", "ObjectVersions", "Part", "Parts", "PartCopy", "MultipartUpload")
OBJECT_PARTS = ("ObjectAcl", "ObjectAttributes", "ObjectLegalHold", "ObjectRetention", "ObjectTagging")
# Written on AWS by no trail, whatever its selectors.
UNRECORDED = frozenset({("logs", "PutLogEvents")})
# Whose calls are one region's, wherever they come from.
GLOBAL = frozenset({"cloudfront", "iam", "organizations", "route53"})
GLOBAL_REGION = "us-east-1"
# S3's operations that CloudTrail calls otherwise than the API does (AWS's user guide, "Amazon S3 CloudTrail
# events").
S3_NAMES = {
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "ListObjectsV2": "ListObjects",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}


def event_name(service: str, operation: str) -> str:
    return S3_NAMES.get(operation, operation) if service == "s3" else operation


def is_read_only(operation: str) -> bool:
    return operation.startswith(READS) or operation in KMS_READS


def is_data(service: str, operation: str) -> bool:
    """Whether a call concerns what a resource holds, rather than the resource."""
    if service == "s3":
        name = event_name(service, operation)
        return name.endswith((*OBJECT_EVENTS, *OBJECT_PARTS)) or name == "HeadBucket"
    return operation in DATA_EVENTS


def shows_answer(operation: str) -> bool:
    """Whether a record holds the answer: those of reads do not, but for the roles that callers take."""
    return not is_read_only(operation) or operation.startswith("AssumeRole")


def region_of(service: str, region: str) -> str:
    return GLOBAL_REGION if service in GLOBAL else region
