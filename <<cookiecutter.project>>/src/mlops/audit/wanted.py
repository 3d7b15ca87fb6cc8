"""The calls that the audit reads, by service. All others are passed over without being decoded."""

from __future__ import annotations

import re

# What is made and registered, and what an endpoint is pointed at
SAGEMAKER = (
    "CreateModelPackage", "UpdateModelPackage", "DeleteModelPackage", "CreateModel", "DeleteModel",
    "CreateEndpointConfig", "DeleteEndpointConfig", "CreateEndpoint", "UpdateEndpoint", "DeleteEndpoint",
    "UpdateEndpointWeightsAndCapacities", "CreateInferenceComponent", "UpdateInferenceComponent",
    "DeleteInferenceComponent", "UpdateInferenceComponentRuntimeConfig",
)  # fmt: skip
# What widens who may act
ROLES = (
    "CreateRole", "DeleteRole", "UpdateAssumeRolePolicy", "PutRolePolicy", "AttachRolePolicy",
    "CreatePolicyVersion",
    "SetDefaultPolicyVersion", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary",
)  # fmt: skip
PROVIDERS = (
    "CreateOpenIDConnectProvider", "DeleteOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint",
    "AddClientIDToOpenIDConnectProvider",
)  # fmt: skip
# What lets evidence be changed or end
BIRTHS = {"s3": "CreateBucket", "cloudtrail": "CreateTrail"}
BUCKETS = (
    "PutBucketPolicy", "DeleteBucketPolicy", "PutBucketLifecycle", "PutBucketLifecycleConfiguration",
    "DeleteBucketLifecycle", "PutBucketObjectLockConfiguration", "PutObjectLockConfiguration",
    "PutBucketVersioning",
    "DeleteBucket", "PutBucketAcl", "PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock",
)  # fmt: skip
OBJECTS = ("PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "DeleteObjects")
KEYS = ("DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy")
TRAILS = ("StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors")
# Approvals on AWS's own forge and pipelines
APPROVALS = ("PutApprovalResult",)
CODECOMMIT = (
    "CreatePullRequest", "UpdatePullRequestApprovalState", "OverridePullRequestApprovalRules", "GitPush",
    "MergePullRequestByFastForward", "MergePullRequestBySquash", "MergePullRequestByThreeWay",
    "CreateCommit", "PutFile", "DeleteFile",
    "MergeBranchesByFastForward", "MergeBranchesBySquash", "MergeBranchesByThreeWay",
)  # fmt: skip

WANTED = {
    "sagemaker": frozenset(SAGEMAKER),
    "sts": frozenset({"AssumeRoleWithWebIdentity"}),
    "iam": frozenset(ROLES + PROVIDERS),
    "s3": frozenset({*BUCKETS, *OBJECTS, BIRTHS["s3"]}),
    "kms": frozenset(KEYS),
    "cloudtrail": frozenset({*TRAILS, BIRTHS["cloudtrail"]}),
    "codepipeline": frozenset(APPROVALS),
    "codecommit": frozenset(CODECOMMIT),
}
# Calls that every busy account makes: a file is decoded for them only where it names the project
COMMON = frozenset({"AssumeRoleWithWebIdentity", *OBJECTS, *ROLES})
RARE = frozenset(name for names in WANTED.values() for name in names) - COMMON


def compile_names(names: frozenset[str]) -> re.Pattern[bytes]:
    """Finds a record of one of the calls in a file's bytes."""
    return re.compile(rb'"eventName"\s*:\s*"(?:' + "|".join(sorted(names)).encode() + rb')"')


ANY, RARELY = compile_names(RARE | COMMON), compile_names(RARE)


def may_matter(content: bytes, project: bytes) -> bool:
    """Whether a file may hold a wanted call, by its bytes alone."""
    if ANY.search(content) is None:
        return False
    return project in content or RARELY.search(content) is not None


def is_wanted(source: str, name: str) -> bool:
    """Whether the audit reads a call. `source` may carry its host's suffix."""
    return name in WANTED.get(source.removesuffix(".amazonaws.com"), ())
