"""The kinds that guard: roles, policies, the provider of tokens, keys; and the registry of images."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlops.foundation.account import ISSUER
from mlops.teardown.item import Clients, Item, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_DAYS = 7  # the shortest time that KMS waits before a key is gone
# infra/ describes each key as something "of <project>'s …"
DESCRIBED = re.compile(r"\bof (?P<project>[a-z][a-z0-9-]+)'s\b")
GOING = ("PendingDeletion", "PendingReplicaDeletion")


def find_roles(clients: Clients) -> Iterator[Item]:
    """Roles."""
    for each in clients.pages("iam", "list_roles", "Roles"):
        yield Item("role", each["RoleName"], each["RoleName"], each["Arn"])


def remove_role(clients: Clients, item: Item) -> None:
    """A role goes after what hangs on it."""
    iam, named = clients.of("iam"), {"RoleName": item.id}
    for policy in clients.pages("iam", "list_role_policies", "PolicyNames", **named):
        iam.delete_role_policy(PolicyName=policy, **named)
    for policy in clients.pages("iam", "list_attached_role_policies", "AttachedPolicies", **named):
        iam.detach_role_policy(PolicyArn=policy["PolicyArn"], **named)
    for profile in clients.pages("iam", "list_instance_profiles_for_role", "InstanceProfiles", **named):
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], **named)
    iam.delete_role(**named)


def find_policies(clients: Clients) -> Iterator[Item]:
    """Managed policies of the account's own, boundaries among them."""
    for each in clients.pages("iam", "list_policies", "Policies", Scope="Local"):
        yield Item("policy", each["Arn"], each["PolicyName"], each["Arn"])


def remove_policy(clients: Clients, item: Item) -> None:
    """A policy goes after its older versions, and after whoever has it."""
    iam, named = clients.of("iam"), {"PolicyArn": item.id}
    for role in clients.pages("iam", "list_entities_for_policy", "PolicyRoles", **named):
        iam.detach_role_policy(RoleName=role["RoleName"], **named)
    for version in clients.pages("iam", "list_policy_versions", "Versions", **named):
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(VersionId=version["VersionId"], **named)
    iam.delete_policy(**named)


def find_aliases(clients: Clients) -> Iterator[Item]:
    """Names of keys."""
    for each in clients.pages("kms", "list_aliases", "Aliases"):
        yield Item("key-alias", each["AliasName"], each["AliasName"].removeprefix("alias/"))


def find_keys(clients: Clients) -> Iterator[Item]:
    """Keys of the account's own, under an alias of theirs or the project that their description names."""
    aliases = {
        each.get("TargetKeyId"): each["AliasName"] for each in clients.pages("kms", "list_aliases", "Aliases")
    }
    for each in clients.pages("kms", "list_keys", "Keys"):
        found: Any = clients.of("kms").describe_key(KeyId=each["KeyId"])["KeyMetadata"]
        if found["KeyManager"] != "CUSTOMER" or found["KeyState"] in GOING:
            continue
        described = DESCRIBED.search(found.get("Description", ""))
        name = aliases.get(each["KeyId"], "").removeprefix("alias/") or (
            described["project"] if described else ""
        )
        yield Item("key", each["KeyId"], name, found["Arn"])


def find_providers(clients: Clients) -> Iterator[Item]:
    """The forge's provider, under the names of all roles that trust it; an account has one for all."""
    listed = clients.of("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    arn = next((each["Arn"] for each in listed if each["Arn"].endswith(f"/{ISSUER}")), None)
    if arn is None:
        return
    trusting = [
        role["RoleName"]
        for role in clients.pages("iam", "list_roles", "Roles")
        if arn in json.dumps(role.get("AssumeRolePolicyDocument", {}))
    ]
    yield Item("oidc-provider", arn, " ".join(sorted(trusting)), arn)


def find_repositories(clients: Clients) -> Iterator[Item]:
    """Repositories of images."""
    for each in clients.pages("ecr", "describe_repositories", "repositories"):
        name = each["repositoryName"]
        yield Item("image-repository", name, name, each["repositoryArn"])


KINDS = (
    Kind("role", find_roles, remove_role, ("AWS::IAM::Role",)),
    Kind("policy", find_policies, remove_policy, ("AWS::IAM::ManagedPolicy",)),
    Kind(
        "image-repository",
        find_repositories,
        lambda clients, item: clients.of("ecr").delete_repository(repositoryName=item.id, force=True),
        ("AWS::ECR::Repository",),
    ),
    Kind(
        "key",
        find_keys,
        lambda clients, item: clients.of("kms").schedule_key_deletion(
            KeyId=item.id, PendingWindowInDays=KEY_DAYS
        ),
        ("AWS::KMS::Key",),
    ),
    Kind(
        "key-alias",
        find_aliases,
        lambda clients, item: clients.of("kms").delete_alias(AliasName=item.id),
        ("AWS::KMS::Alias",),
    ),
)
PROVIDER = Kind(
    "oidc-provider",
    find_providers,
    lambda clients, item: clients.of("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=item.id),
    ("AWS::IAM::OIDCProvider",),
)
