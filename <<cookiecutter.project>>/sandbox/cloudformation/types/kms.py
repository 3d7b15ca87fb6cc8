"""AWS::KMS: keys and their aliases."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes

DELETED_AFTER = 30  # days, where a template says nothing
BORN = {"Description": "Description", "KeySpec": "KeySpec", "KeyUsage": "KeyUsage"}


def set_description(making: Making, before: Properties) -> None:
    making.client("kms").update_key_description(KeyId=making.id, Description=making.get("Description", ""))


def set_policy(making: Making, before: Properties) -> None:
    policy = json.dumps(making.get("KeyPolicy") or _default_policy(making))
    making.client("kms").put_key_policy(KeyId=making.id, PolicyName="default", Policy=policy)


def _default_policy(making: Making) -> dict[str, Any]:
    """What CreateKey gives a key that comes without a policy."""
    root = f"arn:aws:iam::{making.place.account}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def set_rotation(making: Making, before: Properties) -> None:
    client = making.client("kms")
    on = making.get("EnableKeyRotation")
    (client.enable_key_rotation if on else client.disable_key_rotation)(KeyId=making.id)


def set_enabled(making: Making, before: Properties) -> None:
    client = making.client("kms")
    switch = client.enable_key if making.get("Enabled", True) else client.disable_key
    switch(KeyId=making.id)


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    if put:
        making.client("kms").tag_resource(KeyId=making.id, Tags=_tags(put))
    if removed:
        making.client("kms").untag_resource(KeyId=making.id, TagKeys=removed)


def _tags(found: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"TagKey": each["Key"], "TagValue": each["Value"]} for each in found]


def keep(making: Making, before: Properties) -> None:
    """What only a deletion reads."""


class Key(Kind):
    name = "AWS::KMS::Key"
    schema = {
        "Description": str,
        "EnableKeyRotation": bool,
        "Enabled": bool,
        "KeyPolicy": dict,
        "KeySpec": str,
        "KeyUsage": str,
        "PendingWindowInDays": int,
        "Tags": TAGS,
    }
    fixed = frozenset({"KeySpec", "KeyUsage"})
    born = frozenset({"Description", "KeyPolicy", "Tags"})
    tags = "Tags"
    attributes = frozenset({"Arn", "KeyId"})
    setters = {
        "Description": set_description,
        "KeyPolicy": set_policy,
        "EnableKeyRotation": set_rotation,
        "Enabled": set_enabled,
        "PendingWindowInDays": keep,
        "Tags": set_tags,
    }

    def make(self, making: Making) -> None:
        asked = {name: making.get(key) for key, name in BORN.items() if key in making.properties}
        policy = json.dumps(making.get("KeyPolicy") or _default_policy(making))
        made = making.client("kms").create_key(Policy=policy, Tags=_tags(making.get("Tags", [])), **asked)
        making.id = made["KeyMetadata"]["KeyId"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Arn": making.place.arn("kms", f"key/{making.id}"), "KeyId": making.id}

    def delete(self, making: Making) -> None:
        days = making.get("PendingWindowInDays", DELETED_AFTER)
        making.client("kms").schedule_key_deletion(KeyId=making.id, PendingWindowInDays=days)


def set_target(making: Making, before: Properties) -> None:
    making.client("kms").update_alias(AliasName=making.id, TargetKeyId=making.get("TargetKeyId"))


class Alias(Kind):
    name = "AWS::KMS::Alias"
    schema = {"AliasName": str, "TargetKeyId": str}
    required = frozenset(schema)
    fixed = frozenset({"AliasName"})
    named_by = "AliasName"
    born = frozenset({"TargetKeyId"})
    setters = {"TargetKeyId": set_target}

    def make(self, making: Making) -> None:
        making.client("kms").create_alias(**making.properties)
        making.id = str(making.get("AliasName"))

    def delete(self, making: Making) -> None:
        making.client("kms").delete_alias(AliasName=making.id)


KINDS = (Key(), Alias())
