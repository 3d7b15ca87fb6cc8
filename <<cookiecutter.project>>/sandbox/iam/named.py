"""What the operations of IAM, KMS, CloudFormation and EventBridge need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.iam.part import given, passed_roles, record, records, tag_keys, texts

if TYPE_CHECKING:
    from sandbox.iam.part import Keys, Params, Part, Place

# IAM: a parameter and the kind of the resource that it names; the first that a request has decides.
IAM_NAMES = (
    ("PolicyArn", ""),
    ("OpenIDConnectProviderArn", ""),
    ("SAMLProviderArn", ""),
    ("InstanceProfileName", "instance-profile"),
    ("RoleName", "role"),
    ("GroupName", "group"),
    ("UserName", "user"),
    ("ServerCertificateName", "server-certificate"),
    ("VirtualMFADeviceName", "mfa"),
    ("SerialNumber", ""),
    ("PolicyName", "policy"),
)
# Attaching concerns the identity; the policy is a condition.
ATTACH = re.compile(r"(?:Attach|Detach)(Role|User|Group)Policy")
# Operations on the caller itself when they name no user.
SELF = re.compile(r"(?:Create|Delete|Get|List|Update)(?:AccessKeys?|LoginProfile|User|UserTags|MFADevices)")
ON_ALL = re.compile(r"Generate\w+|Get(?:Account|Credential|Context|Organizations|Service)\w+|Simulate\w+")
ALL_LISTS = frozenset(
    {
        "ListAccountAliases",
        "ListGroups",
        "ListInstanceProfiles",
        "ListOpenIDConnectProviders",
        "ListPolicies",
        "ListRoles",
        "ListSAMLProviders",
        "ListServerCertificates",
        "ListUsers",
        "ListVirtualMFADevices",
    }
)


def iam_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Identities and policies by name; IAM's ARNs have no region."""
    resource = _iam_resource(operation, params, place)
    tags = tag_keys(params.get("Tags"))
    keys = tags | given(
        {
            "iam:PermissionsBoundary": params.get("PermissionsBoundary"),
            "iam:PolicyARN": params.get("PolicyArn") if ATTACH.fullmatch(operation) else None,
            "iam:AWSServiceName": params.get("AWSServiceName"),
        }
    )
    found = [place.part(f"iam:{operation}", resource, keys)]
    if tags and operation.startswith("Create"):
        noun = operation.removeprefix("Create").replace("VirtualMFA", "MFA")
        found.append(place.part(f"iam:Tag{noun}", resource, tags))
    return found + _instance_role(operation, params, place)


def _instance_role(operation: str, params: Params, place: Place) -> list[Part]:
    if operation != "AddRoleToInstanceProfile":
        return []
    role = f"arn:aws:iam::{place.account}:role/{params.get('RoleName')}"
    return [place.part("iam:PassRole", role, {"iam:PassedToService": ["ec2.amazonaws.com"]})]


def _iam_resource(operation: str, params: Params, place: Place) -> str:
    if operation in ALL_LISTS or ON_ALL.fullmatch(operation):
        return "*"
    base = f"arn:aws:iam::{place.account}"
    path = str(params.get("Path") or "/")
    attached = ATTACH.fullmatch(operation)
    if attached:
        return f"{base}:{attached[1].lower()}/{params.get(attached[1] + 'Name')}"
    if operation == "CreateOpenIDConnectProvider":
        return f"{base}:oidc-provider/{str(params.get('Url', '*')).removeprefix('https://')}"
    if operation == "CreateSAMLProvider":
        return f"{base}:saml-provider/{params.get('Name', '*')}"
    for name, kind in IAM_NAMES:
        if params.get(name):
            return f"{base}:{kind}{path}{params[name]}" if kind else str(params[name])
    return f"{base}:user/*" if SELF.fullmatch(operation) else "*"


KEYLESS = frozenset({"GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"})


def kms_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Keys by id or ARN; an alias stands for a key that only the service knows."""
    if operation == "ReEncrypt":
        ends = {"From": params.get("SourceKeyId"), "To": params.get("DestinationKeyId")}
        return [
            part
            for way, end in ends.items()
            for part in kms_parts(f"ReEncrypt{way}", {"KeyId": end} if end else {}, place)
        ]
    if operation in KEYLESS:
        return [place.part(f"kms:{operation}", "*")]
    key = str(params.get("KeyId") or params.get("TargetKeyId") or "")
    resources = [_kms_arn(name, place) for name in (key, str(params.get("AliasName") or "")) if name]
    if operation == "DeleteAlias":  # needs the alias and its key, which the request does not name
        resources.append(place.arn("kms", "key/*"))
    context = record(params.get("EncryptionContext"))
    tags = tag_keys(params.get("Tags")) if operation in ("CreateKey", "TagResource") else {}
    keys: Keys = tags | given(
        {
            "kms:CallerAccount": place.account,
            "kms:RequestAlias": key if key.startswith("alias/") else None,
            "kms:EncryptionContextKeys": sorted(context),
            **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
        }
    )
    found = [place.part(f"kms:{operation}", resource, keys) for resource in resources or ["*"]]
    if tags and operation == "CreateKey":
        found.append(place.part("kms:TagResource", place.arn("kms", "key/*"), keys))
    return found


def _kms_arn(name: str, place: Place) -> str:
    if name.startswith("arn:"):
        return name
    return place.arn("kms", name if name.startswith("alias/") else f"key/{name}")


def cloudformation_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Stacks by name or ARN: a name matches whatever id follows it."""
    keys = tag_keys(params.get("Tags")) | given(
        {
            "cloudformation:TemplateUrl": params.get("TemplateURL"),
            "cloudformation:RoleArn": params.get("RoleARN"),
            "cloudformation:ChangeSetName": params.get("ChangeSetName") if "ChangeSet" in operation else None,
            "cloudformation:ResourceTypes": params.get("ResourceTypes"),
            "cloudformation:StackPolicyUrl": params.get("StackPolicyURL"),
        }
    )
    resource = "*"
    if (name := params.get("StackName")) and operation != "CreateGeneratedTemplate":
        resource = _stack_arn(str(name), "stack", "/", place)
    elif name := params.get("StackSetName"):
        resource = "*" if operation == "CreateStackSet" else _stack_arn(str(name), "stackset", ":", place)
    elif operation == "DescribeStacks":
        resource = place.arn("cloudformation", "stack/*")
    part = place.part(f"cloudformation:{operation}", resource, keys)
    return [part, *passed_roles(params, "cloudformation", place)]


def _stack_arn(name: str, kind: str, joint: str, place: Place) -> str:
    return name if name.startswith("arn:") else place.arn("cloudformation", f"{kind}/{name}{joint}*")


RULE_NAMES = ("Rule", "Name")
EVENTS = (
    ("Rule", "rule"),
    ("Connection", "connection"),
    ("ApiDestination", "api-destination"),
    ("Archive", "archive"),
    ("Replay", "replay"),
    ("EventBus", "event-bus"),
    ("Endpoint", "endpoint"),
    ("Targets", "rule"),
)


def events_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Rules, buses and what else a bus has, by name."""
    tags = tag_keys(params.get("Tags"))
    resources = _event_resources(operation, params, place)
    keys = tags | given(
        {"events:TargetArn": [target.get("Arn") for target in records(params.get("Targets"))]}
    )
    found = [place.part(f"events:{operation}", resource, keys) for resource in resources]
    if tags and operation.startswith(("Put", "Create")):
        found.append(place.part("events:TagResource", resources[0], tags))
    return [*found, *passed_roles(params, "events", place)]


def _event_resources(operation: str, params: Params, place: Place) -> list[str]:
    if operation == "PutEvents":
        buses = {entry.get("EventBusName") or "default" for entry in records(params.get("Entries"))}
        return [_event_arn(bus, "event-bus", place) for bus in sorted(buses)]
    if operation in ("TagResource", "UntagResource", "ListTagsForResource"):
        return texts(params.get("ResourceARN") or "*")
    if operation.startswith("List") and operation != "ListTargetsByRule":
        return ["*"]
    kind = next((kind for noun, kind in EVENTS if noun in operation), "")
    name = next((str(params[key]) for key in _event_names(kind) if params.get(key)), "")
    if kind == "rule":
        bus = str(params.get("EventBusName") or "default").rpartition("/")[2]
        return [place.arn("events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")]
    return [_event_arn(name or "default", kind, place)] if kind and (name or kind == "event-bus") else ["*"]


def _event_names(kind: str) -> tuple[str, ...]:
    return (*RULE_NAMES, "ArchiveName", "ReplayName") if kind else ()


def _event_arn(name: str, kind: str, place: Place) -> str:
    return name if name.startswith("arn:") else place.arn("events", f"{kind}/{name}")
