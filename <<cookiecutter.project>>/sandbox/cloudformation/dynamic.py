"""Dynamic references: {{resolve:secretsmanager:…}} and {{resolve:ssm:…}}, read when a resource is made.

What a stack remembers of a resource keeps the reference, never the secret.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = re.compile(r"\{\{resolve:([\w-]+):([^{}]+)\}\}")
ARN_PARTS = 7


def fill(value: Any, client: Callable[[str], Any]) -> Any:
    """A value with its references read by the given clients."""
    if isinstance(value, dict):
        return {key: fill(member, client) for key, member in value.items()}
    if isinstance(value, list):
        return [fill(member, client) for member in value]
    if not isinstance(value, str):
        return value
    return REFERENCE.sub(lambda found: _read(found[1], found[2], client), value)


def _read(service: str, rest: str, client: Callable[[str], Any]) -> str:
    if service == "secretsmanager":
        return _secret(rest, client)
    if service == "ssm":
        return str(client("ssm").get_parameter(Name=rest)["Parameter"]["Value"])
    raise ResourceError(
        "InvalidRequest", f"the sandbox's CloudFormation has no dynamic references to {service!r}"
    )


def _secret(rest: str, client: Callable[[str], Any]) -> str:
    """A secret's text, or one key of it: name or ARN, SecretString, key, stage, version."""
    parts = rest.split(":")
    length = ARN_PARTS if rest.startswith("arn:") else 1
    name = ":".join(parts[:length])
    _, key, stage, version = [*parts[length:], "", "", "", ""][:4]
    asked = {"VersionStage": stage} if stage else {"VersionId": version} if version else {}
    text = str(client("secretsmanager").get_secret_value(SecretId=name, **asked)["SecretString"])
    if not key:
        return text
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        raise ResourceError(
            "InvalidRequest", f"Could not find a value associated with JSONKey {key}"
        ) from None
