"""AWS::ECR: repositories of images."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes

LIFECYCLE: Any = {"LifecyclePolicyText": str}


def set_mutability(making: Making, before: Properties) -> None:
    making.client("ecr").put_image_tag_mutability(
        repositoryName=making.id, imageTagMutability=making.get("ImageTagMutability", "MUTABLE")
    )


def set_scanning(making: Making, before: Properties) -> None:
    found = making.get("ImageScanningConfiguration", {"ScanOnPush": False})
    making.client("ecr").put_image_scanning_configuration(
        repositoryName=making.id, imageScanningConfiguration={"scanOnPush": found["ScanOnPush"]}
    )


def set_lifecycle(making: Making, before: Properties) -> None:
    client, found = making.client("ecr"), making.get("LifecyclePolicy")
    if found is None:
        client.delete_lifecycle_policy(repositoryName=making.id)
    else:
        text = found["LifecyclePolicyText"]
        client.put_lifecycle_policy(repositoryName=making.id, lifecyclePolicyText=text)


def set_policy(making: Making, before: Properties) -> None:
    client, found = making.client("ecr"), making.get("RepositoryPolicyText")
    if found is None:
        client.delete_repository_policy(repositoryName=making.id)
    else:
        client.set_repository_policy(repositoryName=making.id, policyText=json.dumps(found))


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client, arn = making.client("ecr"), making.place.arn("ecr", f"repository/{making.id}")
    if put:
        client.tag_resource(resourceArn=arn, tags=put)
    if removed:
        client.untag_resource(resourceArn=arn, tagKeys=removed)


class Repository(Kind):
    name = "AWS::ECR::Repository"
    schema = {
        "EncryptionConfiguration": {"EncryptionType": str, "KmsKey": str},
        "ImageScanningConfiguration": {"ScanOnPush": bool},
        "ImageTagMutability": str,
        "LifecyclePolicy": LIFECYCLE,
        "RepositoryName": str,
        "RepositoryPolicyText": dict,
        "Tags": TAGS,
    }
    fixed = frozenset({"EncryptionConfiguration", "RepositoryName"})
    born = frozenset({"ImageScanningConfiguration", "ImageTagMutability", "Tags"})
    named_by = "RepositoryName"
    tags = "Tags"
    attributes = frozenset({"Arn", "RepositoryUri"})
    setters = {
        "ImageScanningConfiguration": set_scanning,
        "ImageTagMutability": set_mutability,
        "LifecyclePolicy": set_lifecycle,
        "RepositoryPolicyText": set_policy,
        "Tags": set_tags,
    }

    def make(self, making: Making) -> None:
        asked: dict[str, Any] = {"tags": making.get("Tags") or []}
        if "ImageTagMutability" in making.properties:
            asked["imageTagMutability"] = making.get("ImageTagMutability")
        if found := making.get("ImageScanningConfiguration"):
            asked["imageScanningConfiguration"] = {"scanOnPush": found["ScanOnPush"]}
        if found := making.get("EncryptionConfiguration"):
            key = {"kmsKey": found["KmsKey"]} if "KmsKey" in found else {}
            asked["encryptionConfiguration"] = {"encryptionType": found["EncryptionType"], **key}
        name = making.named("RepositoryName", 256, lower=True)
        making.client("ecr").create_repository(repositoryName=name, **asked)
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        account, region = making.place.account, making.place.region
        uri = f"{account}.dkr.ecr.{region}.amazonaws.com/{making.id}"
        return {"Arn": making.place.arn("ecr", f"repository/{making.id}"), "RepositoryUri": uri}

    def delete(self, making: Making) -> None:
        making.client("ecr").delete_repository(repositoryName=making.id)


KINDS = (Repository(),)
