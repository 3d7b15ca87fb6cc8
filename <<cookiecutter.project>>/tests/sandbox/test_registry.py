"""Model packages: versions, approval, life cycle; and models made from them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, IMAGE, REGION, Sandbox, allow

SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://anywhere/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


@pytest.fixture
def group(sagemaker: Any, unique: str) -> str:
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    return unique


def register(sagemaker: Any, group: str, **more: Any) -> str:
    made = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification=SPECIFICATION,
        **{"ModelApprovalStatus": "PendingManualApproval", **more},
    )
    return str(made["ModelPackageArn"])


def test_packages_of_a_group_are_numbered_and_listed_newest_first(sagemaker: Any, group: str) -> None:
    arns = [register(sagemaker, group) for _ in range(3)]
    assert arns[2] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{group}/3"
    found = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert [package["ModelPackageVersion"] for package in found] == [3, 2, 1]
    assert {package["ModelApprovalStatus"] for package in found} == {"PendingManualApproval"}


def test_a_number_is_never_used_again(sagemaker: Any, group: str) -> None:
    sagemaker.delete_model_package(ModelPackageName=register(sagemaker, group))
    assert register(sagemaker, group).endswith("/2")


def test_pages_hold_every_package_once(sagemaker: Any, group: str) -> None:
    arns = {register(sagemaker, group) for _ in range(5)}
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, PaginationConfig={"PageSize": 2}
    )
    listed = [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]
    assert len(listed) == 5
    assert set(listed) == arns


def test_an_update_sets_approval_life_cycle_and_metadata(sagemaker: Any, group: str) -> None:
    arn = register(sagemaker, group, CustomerMetadataProperties={"commit": "abc", "old": "1"})
    life = {"Stage": "staging", "StageStatus": "Approved", "StageDescription": "PR 12"}
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="#12",
        ModelLifeCycle=life,
        CustomerMetadataProperties={"staging.pr": "12"},
        CustomerMetadataPropertiesToRemove=["old"],
    )
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "#12")
    assert found["ModelLifeCycle"] == life
    assert found["CustomerMetadataProperties"] == {"commit": "abc", "staging.pr": "12"}


def test_an_update_of_one_stage_leaves_the_approval_and_the_other_stages_metadata(
    sagemaker: Any, group: str
) -> None:
    arn = register(sagemaker, group)
    for stage in ("staging", "prod"):
        sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelLifeCycle={"Stage": stage, "StageStatus": "Approved"},
            CustomerMetadataProperties={f"{stage}.pr": "1"},
        )
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert found["ModelLifeCycle"] == {"Stage": "prod", "StageStatus": "Approved"}
    assert set(found["CustomerMetadataProperties"]) == {"staging.pr", "prod.pr"}


def test_a_groups_policy_is_kept_until_it_is_deleted(sagemaker: Any, group: str) -> None:
    policy = allow("sagemaker:DescribeModelPackage")
    name = {"ModelPackageGroupName": group}
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        sagemaker.get_model_package_group_policy(**name)
    sagemaker.put_model_package_group_policy(**name, ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(**name)["ResourcePolicy"] == policy
    with pytest.raises(ClientError, match="Invalid resource policy"):
        sagemaker.put_model_package_group_policy(**name, ResourcePolicy="{}{")
    sagemaker.delete_model_package_group_policy(**name)
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        sagemaker.get_model_package_group_policy(**name)


def test_metadata_keeps_to_the_registrys_alphabet(sagemaker: Any, group: str) -> None:
    register(sagemaker, group, CustomerMetadataProperties={"by.1": "Zoë Müller (no)".replace("(no)", "+1@x")})
    with pytest.raises(ClientError, match="regular expression pattern"):
        register(sagemaker, group, CustomerMetadataProperties={"by": "a;b"})


def test_metadata_has_at_most_fifty_entries(sagemaker: Any, group: str) -> None:
    with pytest.raises(ClientError, match=r"(51 entries; at most 50|less than or equal to 50)"):
        register(sagemaker, group, CustomerMetadataProperties={f"k{n}": "v" for n in range(51)})


def test_a_group_with_packages_cannot_be_deleted(sagemaker: Any, group: str) -> None:
    arn = register(sagemaker, group)
    with pytest.raises(ClientError, match="still has model packages"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match=f"{group} does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)


def test_a_group_name_is_taken_once(sagemaker: Any, group: str) -> None:
    with pytest.raises(ClientError, match="Model Package Group already exists"):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)


def test_a_package_needs_a_group_that_exists(sagemaker: Any, unique: str) -> None:
    with pytest.raises(ClientError, match=f"Model Package Group .*{unique} does not exist"):
        register(sagemaker, unique)


def test_a_model_needs_an_approved_package(sandbox: Sandbox, sagemaker: Any, group: str) -> None:
    arn = register(sagemaker, group)
    arguments = {
        "ModelName": group,
        "PrimaryContainer": {"ModelPackageName": arn},
        "ExecutionRoleArn": sandbox.role,
    }
    with pytest.raises(
        ClientError, match=r"\(ValidationException\).*ModelApprovalStatus is PendingManualApproval"
    ):
        sagemaker.create_model(**arguments)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.create_model(**arguments)
    assert sagemaker.describe_model(ModelName=group)["PrimaryContainer"] == {"ModelPackageName": arn}
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        sagemaker.create_model(**arguments)
    sagemaker.delete_model(ModelName=group)
    with pytest.raises(ClientError, match=r'Could not find model "arn:aws:sagemaker:'):
        sagemaker.describe_model(ModelName=group)


def test_tags_are_kept_by_arn(sagemaker: Any, group: str) -> None:
    arn = register(sagemaker, group)
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}, {"Key": "x", "Value": "y"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["x"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
