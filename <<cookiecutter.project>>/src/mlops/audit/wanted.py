"""The calls that the audit reads, by service. All others are passed over without being decoded."""

from __future__ import annotations

import functools
import re
from typing import Any

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
# Builds: who starts them, and who takes a role. AssumeRole is every account's most frequent call
BUILDS = ("StartBuild", "RetryBuild")
PROJECTS = ("CreateProject", "UpdateProject", "CreatePipeline", "UpdatePipeline")
CHAINED = "AssumeRole"
PIPELINES = ("StartPipelineExecution",)
# Approvals on AWS's own forge and pipelines
APPROVALS = ("PutApprovalResult",)
CODECOMMIT = (
    "CreatePullRequest", "UpdatePullRequestApprovalState", "OverridePullRequestApprovalRules", "GitPush",
    "MergePullRequestByFastForward", "MergePullRequestBySquash", "MergePullRequestByThreeWay",
    "CreateCommit", "PutFile", "DeleteFile",
    "MergeBranchesByFastForward", "MergeBranchesBySquash", "MergeBranchesByThreeWay",
    "CreateApprovalRuleTemplate", "AssociateApprovalRuleTemplateWithRepository",
    "BatchAssociateApprovalRuleTemplateWithRepositories",
    "UpdateApprovalRuleTemplateContent", "UpdateApprovalRuleTemplateName", "DeleteApprovalRuleTemplate",
    "DisassociateApprovalRuleTemplateFromRepository",
    "BatchDisassociateApprovalRuleTemplateFromRepositories",
    "DeletePullRequestApprovalRule", "UpdatePullRequestApprovalRuleContent",
)  # fmt: skip

WANTED = {
    "sagemaker": frozenset(SAGEMAKER),
    "sts": frozenset({"AssumeRoleWithWebIdentity", CHAINED}),
    "iam": frozenset(ROLES + PROVIDERS),
    "s3": frozenset({*BUCKETS, *OBJECTS, BIRTHS["s3"]}),
    "kms": frozenset(KEYS),
    "cloudtrail": frozenset({*TRAILS, BIRTHS["cloudtrail"]}),
    "codebuild": frozenset(BUILDS + PROJECTS),
    "codepipeline": frozenset(APPROVALS + PIPELINES + PROJECTS),
    "codecommit": frozenset(CODECOMMIT),
}
# Calls that every busy account makes: a file is decoded for them only where it names the project
COMMON = frozenset({"AssumeRoleWithWebIdentity", *OBJECTS, *ROLES, *BUILDS, *PIPELINES, *PROJECTS})
RARE = frozenset(name for names in WANTED.values() for name in names) - COMMON - {CHAINED}


def compile_names(names: frozenset[str]) -> re.Pattern[bytes]:
    """Finds a record of one of the calls in a file's bytes."""
    return re.compile(rb'"eventName"\s*:\s*"(?:' + "|".join(sorted(names)).encode() + rb')"')


COMMONLY, RARELY = compile_names(COMMON), compile_names(RARE)


@functools.cache
def chained(project: bytes) -> re.Pattern[bytes]:
    """Finds the name of a role that a build may take, or that builds have."""
    return re.compile(rb"role/" + re.escape(project) + rb"-(?:build|deploy|rollback)-")


def may_matter(content: bytes, project: bytes) -> bool:
    """Whether a file may hold a wanted call, by its bytes alone."""
    if RARELY.search(content):
        return True
    if project not in content:
        return False
    is_chain = CHAINED.encode() in content and chained(project).search(content) is not None
    return is_chain or COMMONLY.search(content) is not None


def is_wanted(record: dict[str, Any], project: bytes) -> bool:
    """Whether the audit reads a record. Its source may carry its host's suffix."""
    name = str(record.get("eventName"))
    if name not in WANTED.get(str(record.get("eventSource")).removesuffix(".amazonaws.com"), ()):
        return False
    return (
        name != CHAINED or chained(project).search(str(record.get("requestParameters")).encode()) is not None
    )
