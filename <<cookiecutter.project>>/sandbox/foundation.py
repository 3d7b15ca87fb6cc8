"""Applies infra/*.yml through the sandbox's own CloudFormation, as a team does to its account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.project import Project

OPERATOR = "AKIASANDBOXOPERATOR0"


def apply(folder: Path, project: Project, endpoint: str) -> list[str]:
    """Create one stack for each template; the stacks' names."""
    templates = sorted(folder.glob("*.yml"))
    if not templates:
        raise SandboxError(f"no templates in {str(folder)!r}. Run this from the root of a generated project")
    create: Any = boto3.session.Session().client
    client = create(
        "cloudformation",
        endpoint_url=endpoint,
        region_name=project.region,
        aws_access_key_id=OPERATOR,
        aws_secret_access_key="sandbox",  # noqa: S106  # the sandbox checks no signature
        config=Config(proxies={}),
    )
    return [_create(client, path, project.name) for path in templates]


def _create(client: Any, path: Path, project: str) -> str:
    name = f"{project}-{path.stem}"
    try:
        client.create_stack(
            StackName=name,
            TemplateBody=path.read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": "Project", "ParameterValue": project}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        client.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
    except (ClientError, WaiterError) as error:
        raise SandboxError(f"{path}: {error}") from None
    return name
