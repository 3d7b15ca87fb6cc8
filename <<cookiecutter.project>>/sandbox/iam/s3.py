"""What S3's operations need: most actions are named after the operation, these are not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from sandbox.iam.part import given, record, records

if TYPE_CHECKING:
    from sandbox.iam.part import Keys, Params, Part, Place

ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
# Reads, deletions and tags of a named version have actions of their own.
VERSIONED = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
}
# Only these make an object; the parts of an upload do not: S3 guide, "Enforce conditional writes".
CREATIONS = frozenset({"PutObject", "CompleteMultipartUpload", "CopyObject"})
# What an upload or deletion may need beside its own action, and the keys of the request that concern it.
EXTRA: dict[str, tuple[str, ...]] = {
    "BypassGovernanceRetention": (),
    "GetObject": (),
    "GetObjectVersion": ("s3:VersionId",),
    "PutObjectAcl": ("s3:x-amz-acl", "s3:x-amz-storage-class"),
    "PutObjectLegalHold": ("s3:object-lock-legal-hold",),
    "PutObjectRetention": ("s3:object-lock-mode", "s3:object-lock-retain-until-date"),
    "PutObjectTagging": ("s3:RequestObjectTag",),
}
UPLOADS = CREATIONS | {"CreateMultipartUpload", "UploadPart", "UploadPartCopy"}
LISTS = frozenset({"ListBucket", "ListBucketVersions"})


def parts(operation: str, params: Params, place: Place) -> list[Part]:
    """The parts of one call."""
    bucket = params.get("Bucket")
    if not bucket:
        return [place.part(f"s3:{ACTIONS.get(operation, operation)}", "*")]
    if operation == "DeleteObjects":
        return _deletions(str(bucket), params, place)
    action, version = ACTIONS.get(operation, operation), params.get("VersionId")
    action = VERSIONED.get(action, action) if version else action
    resource = _object(str(bucket), params["Key"]) if params.get("Key") else f"arn:aws:s3:::{bucket}"
    keys = _keys(operation, action, params)
    return [
        place.part(f"s3:{action}", resource, keys),
        *[
            place.part(
                f"s3:{extra}", resource, {key: keys[key] for key in keys if key.startswith(EXTRA[extra])}
            )
            for extra in _extras(operation, params)
        ],
        *_source(params, place),
    ]


def listing(bucket: str, key: str, place: Place) -> Part:
    """What must be allowed to learn that a key does not exist; else S3 answers 403, not 404."""
    return place.part("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": [key]})


def _object(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


def _deletions(bucket: str, params: Params, place: Place) -> list[Part]:
    found = []
    for item in records(record(params.get("Delete")).get("Objects")) or [{}]:
        version = item.get("VersionId")
        action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
        found.append(
            place.part(action, _object(bucket, str(item.get("Key", "*"))), given({"s3:VersionId": version}))
        )
    return found


def _extras(operation: str, params: Params) -> list[str]:
    """Headers of an upload or deletion that need an action of their own."""
    needs = {
        "PutObjectAcl": operation in UPLOADS and (params.get("ACL") or _grants(params)),
        "PutObjectTagging": operation in UPLOADS and params.get("Tagging"),
        "PutObjectRetention": operation in UPLOADS and params.get("ObjectLockMode"),
        "PutObjectLegalHold": operation in UPLOADS and params.get("ObjectLockLegalHoldStatus"),
        "BypassGovernanceRetention": params.get("BypassGovernanceRetention") in (True, "true"),
        "GetObject": operation == "GetObjectAttributes" and not params.get("VersionId"),
        "GetObjectVersion": operation == "GetObjectAttributes" and params.get("VersionId"),
    }
    return [action for action, needed in needs.items() if needed]


def _grants(params: Params) -> bool:
    return any(name.startswith("Grant") for name in params)


def _source(params: Params, place: Place) -> list[Part]:
    source = params.get("CopySource")
    if not source:
        return []
    path, _, query = str(source).lstrip("/").partition("?versionId=")
    bucket, _, key = unquote(path).partition("/")
    action = "s3:GetObjectVersion" if query else "s3:GetObject"
    return [place.part(action, _object(bucket, key), given({"s3:VersionId": query}))]


def _keys(operation: str, action: str, params: Params) -> Keys:
    keys = given({"s3:VersionId": params.get("VersionId")}) if action in VERSIONED.values() else {}
    if action in LISTS:
        names = ("prefix", "delimiter", "max-keys")
        values = (params.get("Prefix"), params.get("Delimiter"), params.get("MaxKeys"))
        return given({f"s3:{name}": value for name, value in zip(names, values, strict=True)})
    if operation in UPLOADS:
        return keys | _upload_keys(operation, params)
    if action == "DeleteObject":
        return given({"s3:if-match": params.get("IfMatch")})
    return keys


def _upload_keys(operation: str, params: Params) -> Keys:
    tags = dict(parse_qsl(str(params.get("Tagging") or "")))
    requested = {f"s3:RequestObjectTag/{key}": value for key, value in tags.items()}
    return given(
        {
            "s3:ObjectCreationOperation": operation in CREATIONS,
            "s3:if-match": params.get("IfMatch"),
            "s3:if-none-match": params.get("IfNoneMatch"),
            "s3:x-amz-acl": params.get("ACL"),
            "s3:x-amz-copy-source": params.get("CopySource"),
            "s3:x-amz-metadata-directive": params.get("MetadataDirective"),
            "s3:x-amz-server-side-encryption": params.get("ServerSideEncryption"),
            "s3:x-amz-server-side-encryption-aws-kms-key-id": params.get("SSEKMSKeyId"),
            "s3:x-amz-storage-class": params.get("StorageClass"),
            "s3:object-lock-mode": params.get("ObjectLockMode"),
            "s3:object-lock-retain-until-date": params.get("ObjectLockRetainUntilDate"),
            "s3:object-lock-legal-hold": params.get("ObjectLockLegalHoldStatus"),
            "s3:RequestObjectTagKeys": sorted(tags),
            **requested,
        }
    )
