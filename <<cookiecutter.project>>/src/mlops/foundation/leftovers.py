"""What earlier stacks of the project have left in an account, for new ones to take over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.errors import AwsError
from mlops.foundation.account import client, own_buckets
from mlops.foundation.adoption import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.aws import Aws
    from mlops.foundation.stacks import Stack

BUCKET, KEY, ALIAS, IMAGES = (
    "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::KMS::Alias", "AWS::ECR::Repository"
)  # fmt: skip


@dataclass(frozen=True)
class Leftovers:
    """Names of what is there; an alias with the id of its key."""

    buckets: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def adopted(self, stack: Stack) -> dict[str, str]:
        """What a new stack takes over: resource → what identifies it."""
        found = {name: bucket for name, bucket in names_of(stack, BUCKET).items() if bucket in self.buckets}
        found |= {name: images for name, images in names_of(stack, IMAGES).items() if images in self.images}
        for name, alias in names_of(stack, ALIAS).items():
            if alias in self.aliases:
                found |= {name: alias, **self._key(stack, name, alias)}
        return found

    def _key(self, stack: Stack, resource: str, alias: str) -> dict[str, str]:
        """The key that an alias names: what it encrypted can be read with no other."""
        target = stack.template.document["Resources"][resource]["Properties"].get("TargetKeyId")
        key = target.get("Ref") if isinstance(target, dict) else None
        found = stack.template.resources.get(str(key))
        return {found.name: self.aliases[alias]} if found and found.type == KEY else {}


def read_leftovers(aws: Aws, project: str, stacks: Sequence[Stack]) -> Leftovers:
    """What the account has of what new stacks are to have. Raises for a key that is about to go."""
    return Leftovers(
        own_buckets(aws.s3, project) if wants(stacks, BUCKET) else frozenset(),
        own_images(aws, project) if wants(stacks, IMAGES) else frozenset(),
        own_aliases(aws, wants(stacks, ALIAS)),
    )


def wants(stacks: Sequence[Stack], kind: str) -> set[str]:
    """The names that stacks give to resources of a type."""
    return {name for stack in stacks for name in names_of(stack, kind).values()}


def own_images(aws: Aws, prefix: str) -> frozenset[str]:
    """The repositories of images whose names begin so."""
    pages = client(aws, "ecr").get_paginator("describe_repositories").paginate()
    found = (each["repositoryName"] for page in pages for each in page["repositories"])
    return frozenset(name for name in found if name.startswith(prefix))


def own_aliases(aws: Aws, wanted: set[str]) -> dict[str, str]:
    """Those of the wanted aliases that are there, with their keys."""
    if not wanted:
        return {}
    kms = client(aws, "kms")
    pages = kms.get_paginator("list_aliases").paginate()
    listed = (each for page in pages for each in page["Aliases"])
    found = {each["AliasName"]: each["TargetKeyId"] for each in listed if each["AliasName"] in wanted}
    for alias, key in found.items():
        refuse_dying(alias, kms.describe_key(KeyId=key)["KeyMetadata"])
    return found


def refuse_dying(alias: str, key: Mapping[str, object]) -> None:
    """Raise for a key that waits for its deletion: with it goes what it encrypted."""
    if key["KeyState"] == "PendingDeletion":
        named = f"--key-id {key['KeyId']}"
        raise AwsError(
            f"{alias} names key {key['KeyId']}, which will be deleted on {key.get('DeletionDate')}. Keep it: "
            f"aws kms cancel-key-deletion {named} && aws kms enable-key {named}; or have a new one: "
            f"aws kms delete-alias --alias-name {alias}"
        )
