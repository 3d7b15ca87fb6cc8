"""AWS::SageMaker: groups of model packages."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes


def _arn(making: Making) -> str:
    name = making.get("ModelPackageGroupName")
    return making.place.arn("sagemaker", f"model-package-group/{name}")


def set_policy(making: Making, before: Properties) -> None:
    client, found = making.client("sagemaker"), making.get("ModelPackageGroupPolicy")
    group = {"ModelPackageGroupName": making.get("ModelPackageGroupName")}
    if found is None:
        client.delete_model_package_group_policy(**group)
    else:
        client.put_model_package_group_policy(**group, ResourcePolicy=json.dumps(found))


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    if put:
        making.client("sagemaker").add_tags(ResourceArn=_arn(making), Tags=put)
    if removed:
        making.client("sagemaker").delete_tags(ResourceArn=_arn(making), TagKeys=removed)


class ModelPackageGroup(Kind):
    name = "AWS::SageMaker::ModelPackageGroup"
    schema = {
        "ModelPackageGroupDescription": str,
        "ModelPackageGroupName": str,
        "ModelPackageGroupPolicy": dict,
        "Tags": TAGS,
    }
    required = frozenset({"ModelPackageGroupName"})
    fixed = frozenset({"ModelPackageGroupDescription", "ModelPackageGroupName"})
    born = frozenset({"Tags"})
    named_by = "ModelPackageGroupName"
    tags = "Tags"
    attributes = frozenset({"ModelPackageGroupArn"})
    setters = {"ModelPackageGroupPolicy": set_policy, "Tags": set_tags}

    def make(self, making: Making) -> None:
        named = ("ModelPackageGroupName", "ModelPackageGroupDescription", "Tags")
        asked = {key: making.get(key) for key in named if making.get(key)}
        made = making.client("sagemaker").create_model_package_group(**asked)
        making.id = made["ModelPackageGroupArn"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"ModelPackageGroupArn": making.id}

    def delete(self, making: Making) -> None:
        name = making.get("ModelPackageGroupName")
        making.client("sagemaker").delete_model_package_group(ModelPackageGroupName=name)


KINDS = (ModelPackageGroup(),)
