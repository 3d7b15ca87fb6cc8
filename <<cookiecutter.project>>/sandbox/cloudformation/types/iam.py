"""AWS::IAM: roles, managed policies, and providers of identities."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.errors import ResourceError
from sandbox.cloudformation.kinds import IAM, TAGS, Kind, Making, Properties, tag_changes


def set_trust(making: Making, before: Properties) -> None:
    trust = json.dumps(making.get("AssumeRolePolicyDocument"))
    making.client("iam").update_assume_role_policy(RoleName=making.id, PolicyDocument=trust)


def set_role(making: Making, before: Properties) -> None:
    making.client("iam").update_role(
        RoleName=making.id,
        Description=making.get("Description", ""),
        MaxSessionDuration=making.get("MaxSessionDuration", 3600),
    )


def set_policies(making: Making, before: Properties) -> None:
    client = making.client("iam")
    old = {each["PolicyName"]: each["PolicyDocument"] for each in before.get("Policies") or ()}
    new = {each["PolicyName"]: each["PolicyDocument"] for each in making.get("Policies") or ()}
    for name, document in new.items():
        if old.get(name) != document:
            text = json.dumps(document)
            client.put_role_policy(RoleName=making.id, PolicyName=name, PolicyDocument=text)
    for name in set(old) - set(new):
        client.delete_role_policy(RoleName=making.id, PolicyName=name)


def set_attached(making: Making, before: Properties) -> None:
    client = making.client("iam")
    old, new = (set(each.get("ManagedPolicyArns") or ()) for each in (before, making.properties))
    for arn in sorted(new - old):
        client.attach_role_policy(RoleName=making.id, PolicyArn=arn)
    for arn in sorted(old - new):
        client.detach_role_policy(RoleName=making.id, PolicyArn=arn)


def set_boundary(making: Making, before: Properties) -> None:
    client, arn = making.client("iam"), making.get("PermissionsBoundary")
    if arn:
        client.put_role_permissions_boundary(RoleName=making.id, PermissionsBoundary=arn)
    else:
        client.delete_role_permissions_boundary(RoleName=making.id)


def set_role_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    if put:
        making.client("iam").tag_role(RoleName=making.id, Tags=put)
    if removed:
        making.client("iam").untag_role(RoleName=making.id, TagKeys=removed)


class Role(Kind):
    name = "AWS::IAM::Role"
    schema = {
        "AssumeRolePolicyDocument": dict,
        "Description": str,
        "ManagedPolicyArns": [str],
        "MaxSessionDuration": int,
        "Path": str,
        "PermissionsBoundary": str,
        "Policies": [{"PolicyDocument": dict, "PolicyName": str}],
        "RoleName": str,
        "Tags": TAGS,
    }
    required = frozenset({"AssumeRolePolicyDocument"})
    fixed = frozenset({"Path", "RoleName"})
    born = frozenset(
        {"AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags"}
    )
    named_by = "RoleName"
    tags = "Tags"
    capability = IAM
    attributes = frozenset({"Arn", "RoleId"})
    setters = {
        "AssumeRolePolicyDocument": set_trust,
        "Description": set_role,
        "MaxSessionDuration": set_role,
        "PermissionsBoundary": set_boundary,
        "ManagedPolicyArns": set_attached,
        "Policies": set_policies,
        "Tags": set_role_tags,
    }

    def make(self, making: Making) -> None:
        name = making.named("RoleName")
        asked = {
            key: making.get(key)
            for key in ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags")
            if key in making.properties
        }
        trust = json.dumps(making.get("AssumeRolePolicyDocument"))
        made = making.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust, **asked)[
            "Role"
        ]
        making.id, making.attributes = name, {"Arn": made["Arn"], "RoleId": made["RoleId"]}

    def delete(self, making: Making) -> None:
        client = making.client("iam")
        for each in client.list_attached_role_policies(RoleName=making.id)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=making.id, PolicyArn=each["PolicyArn"])
        for name in client.list_role_policies(RoleName=making.id)["PolicyNames"]:
            client.delete_role_policy(RoleName=making.id, PolicyName=name)
        client.delete_role(RoleName=making.id)


HOLDERS = {"Groups": "group", "Roles": "role", "Users": "user"}


def set_document(making: Making, before: Properties) -> None:
    """A new default version; the one before goes, as five are the most."""
    client = making.client("iam")
    old = client.list_policy_versions(PolicyArn=making.id)["Versions"]
    text = json.dumps(making.get("PolicyDocument"))
    client.create_policy_version(PolicyArn=making.id, PolicyDocument=text, SetAsDefault=True)
    for each in old:
        client.delete_policy_version(PolicyArn=making.id, VersionId=each["VersionId"])


def set_holders(making: Making, before: Properties) -> None:
    client = making.client("iam")
    for key, noun in HOLDERS.items():
        old, new = (set(each.get(key) or ()) for each in (before, making.properties))
        for verb, names in (("attach", new - old), ("detach", old - new)):
            for name in sorted(names):
                call = getattr(client, f"{verb}_{noun}_policy")
                call(**{f"{noun.capitalize()}Name": name, "PolicyArn": making.id})


class ManagedPolicy(Kind):
    name = "AWS::IAM::ManagedPolicy"
    schema = {
        "Description": str,
        "Groups": [str],
        "ManagedPolicyName": str,
        "Path": str,
        "PolicyDocument": dict,
        "Roles": [str],
        "Users": [str],
    }
    required = frozenset({"PolicyDocument"})
    fixed = frozenset({"Description", "ManagedPolicyName", "Path"})
    born = frozenset({"PolicyDocument"})
    named_by = "ManagedPolicyName"
    capability = IAM
    attributes = frozenset({"PolicyArn"})
    setters = {
        "PolicyDocument": set_document,
        "Groups": set_holders,
        "Roles": set_holders,
        "Users": set_holders,
    }

    def make(self, making: Making) -> None:
        asked = {key: making.get(key) for key in ("Description", "Path") if key in making.properties}
        made = making.client("iam").create_policy(
            PolicyName=making.named("ManagedPolicyName", 128),
            PolicyDocument=json.dumps(making.get("PolicyDocument")),
            **asked,
        )
        making.id = made["Policy"]["Arn"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"PolicyArn": making.id}

    def delete(self, making: Making) -> None:
        client = making.client("iam")
        held = client.list_entities_for_policy(PolicyArn=making.id)
        for key, noun in HOLDERS.items():
            for each in held[f"Policy{key}"]:
                name = f"{noun.capitalize()}Name"
                getattr(client, f"detach_{noun}_policy")(**{name: each[name], "PolicyArn": making.id})
        for each in client.list_policy_versions(PolicyArn=making.id)["Versions"]:
            if not each["IsDefaultVersion"]:
                client.delete_policy_version(PolicyArn=making.id, VersionId=each["VersionId"])
        client.delete_policy(PolicyArn=making.id)


def set_thumbprints(making: Making, before: Properties) -> None:
    making.client("iam").update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=making.id, ThumbprintList=making.get("ThumbprintList", [])
    )


def set_clients(making: Making, before: Properties) -> None:
    """moto can give a provider no other clients than those that it was made with."""
    raise ResourceError(
        "InvalidRequest",
        "the sandbox's AWS::IAM::OIDCProvider cannot change ClientIdList; see docs/sandbox.md",
    )


def set_provider_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client = making.client("iam")
    if put:
        client.tag_open_id_connect_provider(OpenIDConnectProviderArn=making.id, Tags=put)
    if removed:
        client.untag_open_id_connect_provider(OpenIDConnectProviderArn=making.id, TagKeys=removed)


class OIDCProvider(Kind):
    name = "AWS::IAM::OIDCProvider"
    schema = {"ClientIdList": [str], "Tags": TAGS, "ThumbprintList": [str], "Url": str}
    fixed = frozenset({"Url"})
    born = frozenset({"ClientIdList", "Tags", "ThumbprintList"})
    tags = "Tags"
    named_by = "Url"
    attributes = frozenset({"Arn"})
    setters = {"ThumbprintList": set_thumbprints, "ClientIdList": set_clients, "Tags": set_provider_tags}

    def make(self, making: Making) -> None:
        lists = {"ClientIDList": making.get("ClientIdList", []), "Tags": making.get("Tags", [])}
        made = making.client("iam").create_open_id_connect_provider(
            Url=making.get("Url"), ThumbprintList=making.get("ThumbprintList", []), **lists
        )
        making.id = made["OpenIDConnectProviderArn"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Arn": making.id}

    def delete(self, making: Making) -> None:
        making.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=making.id)


KINDS = (Role(), ManagedPolicy(), OIDCProvider())
