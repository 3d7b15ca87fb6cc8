"""What calls of builds, pipelines, connections and secrets are decided by."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.iam import authorize
from sandbox.wire import Target

ACCOUNT, REGION = "222222222222", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-train"
CASES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("codebuild", "StartBuild", {"projectName": "train"}, ["codebuild:StartBuild project/train"]),
    (
        "codebuild",
        "BatchGetBuilds",
        {"ids": ["train:1", "deploy:2", "train:3"]},
        ["codebuild:BatchGetBuilds project/deploy", "codebuild:BatchGetBuilds project/train"],
    ),
    (
        "codebuild",
        "CreateProject",
        {"name": "train", "serviceRole": ROLE},
        ["codebuild:CreateProject project/train", f"iam:PassRole {ROLE}"],
    ),
    (
        "codebuild",
        "StartBuild",
        {"projectName": "train", "serviceRoleOverride": ROLE},
        ["codebuild:StartBuild project/train", f"iam:PassRole {ROLE}"],
    ),
    ("codebuild", "ListProjects", {}, ["codebuild:ListProjects *"]),
    (
        "codebuild",
        "DescribeTestCases",
        {"reportArn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:report/train-tests:1"},
        ["codebuild:DescribeTestCases report-group/train-tests"],
    ),
    (
        "codepipeline",
        "PutApprovalResult",
        {"pipelineName": "p", "stageName": "Prod", "actionName": "Approve"},
        ["codepipeline:PutApprovalResult p/Prod/Approve"],
    ),
    (
        "codepipeline",
        "RetryStageExecution",
        {"pipelineName": "p", "stageName": "Prod"},
        ["codepipeline:RetryStageExecution p/Prod"],
    ),
    (
        "codepipeline",
        "CreatePipeline",
        {"pipeline": {"name": "p", "roleArn": ROLE}},
        ["codepipeline:CreatePipeline p", f"iam:PassRole {ROLE}"],
    ),
    ("codepipeline", "StartPipelineExecution", {"name": "p"}, ["codepipeline:StartPipelineExecution p"]),
    (
        "codeconnections",
        "CreateConnection",
        {"ConnectionName": "c"},
        ["codeconnections:CreateConnection connection/*"],
    ),
    (
        "ssm",
        "GetParameters",
        {"Names": ["/a/b", "c"]},
        ["ssm:GetParameters parameter/a/b", "ssm:GetParameters parameter/c"],
    ),
    (
        "secretsmanager",
        "GetSecretValue",
        {"SecretId": "forge"},
        ["secretsmanager:GetSecretValue secret:forge-??????"],
    ),
]


@pytest.mark.parametrize(("service", "operation", "params", "asked"), CASES)
def test_a_call_is_decided_by_what_it_concerns(
    service: str, operation: str, params: dict[str, Any], asked: list[str]
) -> None:
    parts = authorize(Target(service, operation, {}), params, {}, ACCOUNT, REGION)
    own = f"arn:aws:{service}:{REGION}:{ACCOUNT}:"
    assert [f"{part.action} {part.resource.removeprefix(own)}" for part in parts] == asked


def test_who_starts_a_build_under_another_role_hands_that_to_codebuild() -> None:
    params = {"projectName": "train", "serviceRoleOverride": ROLE}
    parts = authorize(Target("codebuild", "StartBuild", {}), params, {}, ACCOUNT, REGION)
    assert parts[-1].context["iam:PassedToService"] == ["codebuild.amazonaws.com"]
