"""Roles, policies and keys as their own APIs tell them; see read_back.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.cloudformation.kinds import Making

    from .told import Found


def managed_policy(client: Any, making: Making) -> Found:
    api = client("iam")
    found = api.get_policy(PolicyArn=making.id)["Policy"]
    version = api.get_policy_version(PolicyArn=making.id, VersionId=found["DefaultVersionId"])
    held = api.list_entities_for_policy(PolicyArn=making.id)
    return {
        "ManagedPolicyName": found["PolicyName"],
        "Description": found["Description"],
        "Path": found["Path"],
        "PolicyDocument": version["PolicyVersion"]["Document"],
        "Roles": [each["RoleName"] for each in held["PolicyRoles"]],
    }


def provider(client: Any, making: Making) -> Found:
    found = client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=making.id)
    url = found["Url"] if found["Url"].startswith("https://") else f"https://{found['Url']}"
    return {**found, "Url": url, "ClientIdList": found["ClientIDList"]}


def role(client: Any, making: Making) -> Found:
    api = client("iam")
    found = api.get_role(RoleName=making.id)["Role"]
    attached = api.list_attached_role_policies(RoleName=making.id)["AttachedPolicies"]
    policies = api.list_role_policies(RoleName=making.id)["PolicyNames"]
    return {
        **found,
        "Description": found.get("Description"),
        "PermissionsBoundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "ManagedPolicyArns": [each["PolicyArn"] for each in attached],
        "Policies": [
            {
                "PolicyName": name,
                "PolicyDocument": api.get_role_policy(RoleName=making.id, PolicyName=name)["PolicyDocument"],
            }
            for name in policies
        ],
    }


def alias(client: Any, making: Making) -> Found:
    found = {each["AliasName"]: each for each in client("kms").list_aliases()["Aliases"]}
    return dict(found[making.id])


def key(client: Any, making: Making) -> Found:
    api = client("kms")
    found = api.describe_key(KeyId=making.id)["KeyMetadata"]
    if found["KeyState"] == "PendingDeletion":
        raise KeyError(making.id)
    rotation = api.get_key_rotation_status(KeyId=making.id)
    tags = api.list_resource_tags(KeyId=making.id)["Tags"]
    return {
        **found,
        "EnableKeyRotation": rotation["KeyRotationEnabled"],
        "KeyPolicy": json.loads(api.get_key_policy(KeyId=making.id, PolicyName="default")["Policy"]),
        "PendingWindowInDays": making.properties.get("PendingWindowInDays"),
        "Tags": [{"Key": each["TagKey"], "Value": each["TagValue"]} for each in tags],
    }
