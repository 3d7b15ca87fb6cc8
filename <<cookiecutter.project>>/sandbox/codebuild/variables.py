"""The environment of a build: CodeBuild's own variables, the project's, the buildspec's, and its secrets."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.codebuild.buildspec import Buildspec

# of the server's own environment: how to reach a package index, and nothing else
KEPT = ("LANG", "TZ", "UV_CACHE_DIR")
KEPT_PREFIXES = ("LC_", "PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "HTTP", "http", "SANDBOX_NO")


class SecretsError(Exception):
    """A parameter or secret that the build may not have, or that is not there."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Declared:
    """Variables before anything secret is read: texts, and what to ask two services for."""

    plain: dict[str, str]
    parameters: dict[str, str]
    secrets: dict[str, str]


def declare(spec: Buildspec, project: Iterable[dict[str, Any]]) -> Declared:
    """Put the project's variables, overrides included, over the buildspec's."""
    found = Declared(dict(spec.variables), dict(spec.parameters), dict(spec.secrets))
    kinds = {"PARAMETER_STORE": found.parameters, "SECRETS_MANAGER": found.secrets}
    for variable in project:
        name = variable["name"]
        for kind in (found.plain, found.parameters, found.secrets):
            kind.pop(name, None)
        kinds.get(variable.get("type", "PLAINTEXT"), found.plain)[name] = variable["value"]
    return found


def merge(lower: Iterable[dict[str, Any]], upper: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A project's variables with those that StartBuild puts in their place."""
    found = {variable["name"]: variable for variable in (*lower, *upper)}
    return list(found.values())


def read_parameters(ssm: Any, wanted: dict[str, str]) -> dict[str, str]:
    """Values of the parameter store, decrypted."""
    names = sorted(set(wanted.values()))
    values: dict[str, str] = {}
    for start in range(0, len(names), 10):
        part = names[start : start + 10]
        try:
            answer = ssm.get_parameters(Names=part, WithDecryption=True)
        except ClientError as error:
            raise SecretsError("Decrypted Variables Error", _said(error)) from None
        if missing := answer["InvalidParameters"]:
            said = f"parameter does not exist: {', '.join(missing)}"
            raise SecretsError("Decrypted Variables Error", said)
        values |= {_asked(found, part): found["Value"] for found in answer["Parameters"]}
    return {variable: values[name] for variable, name in wanted.items()}


def _asked(found: dict[str, Any], names: list[str]) -> str:
    """The name or ARN under which a parameter was asked for."""
    return str(found["Name"] if found["Name"] in names else found["ARN"])


def read_secrets(client: Any, wanted: dict[str, str]) -> dict[str, str]:
    """Values of Secrets Manager: `secret-id:json-key:version-stage:version-id`."""
    return {variable: _secret(client, reference) for variable, reference in wanted.items()}


def _secret(client: Any, reference: str) -> str:
    secret, key, stage, version = split_reference(reference)
    chosen = {"VersionStage": stage} if stage else {"VersionId": version} if version else {}
    try:
        text: str = client.get_secret_value(SecretId=secret, **chosen)["SecretString"]
    except (ClientError, KeyError) as error:
        said = _said(error) if isinstance(error, ClientError) else f"{secret} holds no text"
        raise SecretsError("Secrets Manager Error Message", said) from None
    if not key:
        return text
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        raise SecretsError(
            "Secrets Manager Error Message", f"{secret} is no JSON object with the key {key!r}"
        ) from None


def split_reference(reference: str) -> tuple[str, str, str, str]:
    """A secret's id, which may be an ARN with colons of its own, and what may follow it."""
    parts = reference.split(":")
    length = 7 if reference.startswith("arn:") else 1
    rest = [*parts[length:], "", "", ""]
    return ":".join(parts[:length]), rest[0], rest[1], rest[2]


def _said(error: ClientError) -> str:
    found = error.response["Error"]
    return f"{found['Code']}: {found['Message']}"


def machine(home: Path) -> dict[str, str]:
    """What the build image has: a home, the sandbox's Python, tools on the path."""
    binaries = Path(sys.executable).parent
    kept = {
        name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    for folder in ("home", "tmp"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        "PATH": f"{binaries}:{os.environ.get('PATH', os.defpath)}",
        "VENV": str(binaries.parent),
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "tmp"),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "GIT_TERMINAL_PROMPT": "0",
        "CI": "true",
        "CODEBUILD_CI": "true",
    }


def of_build(build: dict[str, Any], project: str, source: Path) -> dict[str, str]:
    """The variables that tell a build what it is."""
    found = {
        "CODEBUILD_BUILD_ARN": build["arn"],
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_IMAGE": build["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_INITIATOR": build["initiator"],
        "CODEBUILD_KMS_KEY_ID": build.get("encryptionKey", ""),
        "CODEBUILD_LOG_PATH": build["id"].partition(":")[2],
        "CODEBUILD_PROJECT_ARN": project,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": build.get("resolvedSourceVersion", ""),
        "CODEBUILD_SOURCE_REPO_URL": build["source"].get("location", ""),
        "CODEBUILD_SOURCE_VERSION": build.get("sourceVersion", ""),
        "CODEBUILD_SRC_DIR": str(source),
        "CODEBUILD_START_TIME": str(int(build["startTime"].timestamp() * 1000)),
    }
    return {name: value for name, value in found.items() if value}
