"""AWS::SecretsManager: secrets."""

from __future__ import annotations

import json
import secrets
from typing import Any

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes

GENERATED: Any = {
    "ExcludeCharacters": str,
    "ExcludeLowercase": bool,
    "ExcludeNumbers": bool,
    "ExcludePunctuation": bool,
    "ExcludeUppercase": bool,
    "GenerateStringKey": str,
    "IncludeSpace": bool,
    "PasswordLength": int,
    "RequireEachIncludedType": bool,
    "SecretStringTemplate": str,
}


def set_secret(making: Making, before: Properties) -> None:
    found = {key: making.get(key, "") for key in ("Description", "KmsKeyId") if _moved(key, before, making)}
    if _moved("SecretString", before, making) and "SecretString" in making.properties:
        found["SecretString"] = making.get("SecretString")
    if found:
        making.client("secretsmanager").update_secret(SecretId=making.id, **found)


def _moved(name: str, before: Properties, making: Making) -> bool:
    return bool(before.get(name) != making.get(name))


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client = making.client("secretsmanager")
    if put:
        client.tag_resource(SecretId=making.id, Tags=put)
    if removed:
        client.untag_resource(SecretId=making.id, TagKeys=removed)


class Secret(Kind):
    name = "AWS::SecretsManager::Secret"
    schema = {
        "Description": str,
        "GenerateSecretString": GENERATED,
        "KmsKeyId": str,
        "Name": str,
        "SecretString": str,
        "Tags": TAGS,
    }
    fixed = frozenset({"GenerateSecretString", "Name"})
    born = frozenset({"Description", "KmsKeyId", "SecretString", "Tags"})
    named_by = "Name"
    tags = "Tags"
    attributes = frozenset({"Id"})
    setters = {**dict.fromkeys(("Description", "KmsKeyId", "SecretString"), set_secret), "Tags": set_tags}

    def make(self, making: Making) -> None:
        named = ("Description", "KmsKeyId", "SecretString", "Tags")
        asked = {key: making.get(key) for key in named if making.get(key)}
        if found := making.get("GenerateSecretString"):
            asked["SecretString"] = _generated(making, found)
        made = making.client("secretsmanager").create_secret(
            Name=making.named("Name", 512), ClientRequestToken=secrets.token_hex(16), **asked
        )
        making.id = made["ARN"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Id": making.id}

    def delete(self, making: Making) -> None:
        making.client("secretsmanager").delete_secret(SecretId=making.id, ForceDeleteWithoutRecovery=True)


def _generated(making: Making, asked: dict[str, Any]) -> str:
    """A password, alone or as one key of a document."""
    own = ("GenerateStringKey", "SecretStringTemplate")
    rules = {key: value for key, value in asked.items() if key not in own}
    made = str(making.client("secretsmanager").get_random_password(**rules)["RandomPassword"])
    if "GenerateStringKey" not in asked:
        return made
    return json.dumps({**json.loads(asked["SecretStringTemplate"]), asked["GenerateStringKey"]: made})


KINDS = (Secret(),)
