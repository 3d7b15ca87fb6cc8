"""The registry: a package group a model, its packages, and who of other accounts may use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops.aws import error_code, is_missing
from mlops.project import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ModelPackageSummaryTypeDef

    from mlops.project import Project


def ensure_group(sagemaker: SageMakerClient, project: Project, model: str) -> None:
    """Make the model's package group unless it is there, open to the environments' accounts."""
    group = project.group(model)
    try:
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    policy = group_policy(project, model)
    if policy["Statement"] and read_group_policy(sagemaker, group) != policy:
        sagemaker.put_model_package_group_policy(
            ModelPackageGroupName=group, ResourcePolicy=json.dumps(policy)
        )


def read_group_policy(sagemaker: SageMakerClient, group: str) -> Any:
    """The resource policy of a package group; None where it has none."""
    try:
        return json.loads(
            sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"]
        )
    except sagemaker.exceptions.ClientError as error:
        if error_code(error) in {"ValidationException", "ResourceNotFound"}:
            return None
        raise


def group_policy(project: Project, model: str) -> dict[str, Any]:
    """What the deploy roles of other accounts may do with a model's packages; their own policies say so too.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version-cross-account.html
    """
    place = f"arn:aws:sagemaker:{project.region}:{project.accounts.training}"
    foreign = {
        environment: getattr(project.accounts, environment)
        for environment in ENVIRONMENTS
        if getattr(project.accounts, environment) != project.accounts.training
    }
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": environment.capitalize(),
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:role/{project.project}-deploy-{environment}"},
                "Action": [
                    "sagemaker:CreateModel",
                    "sagemaker:DescribeModelPackage",
                    "sagemaker:UpdateModelPackage",
                ],
                "Resource": [f"{place}:model-package/{project.group(model)}/*"],
            }
            for environment, account in foreign.items()
        ],
    }


def newest_package(sagemaker: SageMakerClient, group: str) -> Mapping[str, Any] | None:
    """The newest package of a group that nobody rejected; None when there is none."""
    for summary in list_packages(sagemaker, group):
        if summary.get("ModelApprovalStatus") != "Rejected":
            return sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
    return None


def list_packages(sagemaker: SageMakerClient, group: str) -> Iterator[ModelPackageSummaryTypeDef]:
    """The packages of a group, newest first; none where there is no such group."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    try:
        for page in pages:
            yield from page["ModelPackageSummaryList"]
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
