"""Cases of types: roles, policies, keys, secrets. New, then changed; {…} are prepared."""

from __future__ import annotations

from typing import Any

from .type_documents import KEYS, MINE, OTHER_TAGS, TAGS, TRUST, WIDER

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AWS::IAM::ManagedPolicy": (
        {
            "ManagedPolicyName": "{unique}",
            "Description": "d",
            "Path": "/jobs/",
            "PolicyDocument": MINE,
            "Roles": ["{role_name}"],
        },
        {"ManagedPolicyName": "{unique}", "Description": "d", "Path": "/jobs/", "PolicyDocument": WIDER},
    ),
    "AWS::IAM::OIDCProvider": (
        {
            "Url": "https://{unique}.example",
            "ClientIdList": ["sts.amazonaws.com"],
            "ThumbprintList": ["a" * 40],
            "Tags": TAGS,
        },
        {
            "Url": "https://{unique}.example",
            "ClientIdList": ["sts.amazonaws.com"],
            "ThumbprintList": ["b" * 40],
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::IAM::Role": (
        {
            "RoleName": "{unique}",
            "Path": "/jobs/",
            "Description": "d",
            "MaxSessionDuration": "7200",
            "AssumeRolePolicyDocument": TRUST,
            "PermissionsBoundary": "{policy}",
            "ManagedPolicyArns": ["{policy}"],
            "Policies": [{"PolicyName": "a", "PolicyDocument": MINE}],
            "Tags": TAGS,
        },
        {
            "RoleName": "{unique}",
            "Path": "/jobs/",
            "AssumeRolePolicyDocument": {**TRUST, "Id": "other"},
            "Policies": [{"PolicyName": "b", "PolicyDocument": WIDER}],
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::KMS::Alias": (
        {"AliasName": "alias/{unique}", "TargetKeyId": "{key}"},
        {"AliasName": "alias/{unique}", "TargetKeyId": "{other_key}"},
    ),
    "AWS::KMS::Key": (
        {
            "Description": "d",
            "EnableKeyRotation": True,
            "Enabled": True,
            "KeyPolicy": KEYS,
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "Tags": TAGS,
        },
        {
            "Description": "e",
            "EnableKeyRotation": False,
            "Enabled": False,
            "KeyPolicy": {**KEYS, "Id": "other"},
            "PendingWindowInDays": 7,
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::SecretsManager::Secret": (
        {
            "Name": "{unique}",
            "Description": "d",
            "KmsKeyId": "{key}",
            "SecretString": "s",
            "Tags": TAGS,
        },
        {
            "Name": "{unique}",
            "Description": "e",
            "KmsKeyId": "{other_key}",
            "SecretString": "t",
            "Tags": OTHER_TAGS,
        },
    ),
}
