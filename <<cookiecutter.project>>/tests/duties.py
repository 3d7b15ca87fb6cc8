"""Sessions of the project's roles, opened as CI jobs and people open them, for tests of verbs."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from mlops import cli
from sandbox.forge.app import OWNER_ID, REPOSITORY_ID
from sandbox.oidc import Issuer
from tests.conftest import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Acting = Callable[[str], AbstractContextManager[None]]

MAIN = "refs/heads/main"
# Role → the workflow that acts as it, and the environment that its job names.
JOBS = {
    "ci": ("propose.yml", ""),
    "train": ("train.yml", ""),
    "audit": ("audit.yml", ""),
    "deploy-staging": ("deploy.yml", "staging"),
    "deploy-prod": ("deploy.yml", "prod"),
    "rollback-staging": ("rollback.yml", "rollback-staging"),
    "rollback-prod": ("rollback.yml", "rollback-prod"),
}


@contextmanager
def acting(project: Path, endpoint: str, role: str) -> Iterator[None]:
    """Let this process's AWS tools be a role, as a job or a person would be; root again afterwards."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/acme-{role}"
    keys = sign_in(endpoint, arn, token(project, role)) if role in JOBS else assume(endpoint, arn)
    settings = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    kept = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def run(acting: Acting, role: str, *words: str) -> int:
    """A verb as a role; its exit code."""
    with acting(role):
        return cli.run(list(words))


def token(project: Path, role: str) -> str:
    """What the forge signs for a job of a role's workflow."""
    workflow, environment = JOBS[role]
    where = f"environment:{environment}" if environment else f"ref:{MAIN}"
    claims = {
        "aud": "sts.amazonaws.com",
        "sub": f"repo:acme@{OWNER_ID}/models@{REPOSITORY_ID}:{where}",
        "repository_id": str(REPOSITORY_ID),
        "ref": MAIN,
        "job_workflow_ref": f"acme/models/.github/workflows/{workflow}@{MAIN}",
        **({"environment": environment} if environment else {}),
    }
    return Issuer(project / ".sandbox").sign(claims)


def sign_in(endpoint: str, arn: str, text: str) -> dict[str, Any]:
    """Exchange a job's token."""
    sts: Any = boto3.session.Session().client("sts", endpoint_url=endpoint, region_name=REGION)
    answer = sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="test", WebIdentityToken=text)
    return dict(answer["Credentials"])


def assume(endpoint: str, arn: str) -> dict[str, Any]:
    """Assume a role as a user who may do only that."""
    create: Any = boto3.session.Session().client
    iam = create("iam", endpoint_url=endpoint, region_name=REGION)
    name = f"user-of-{arn.rpartition('/')[2]}"
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}
    try:
        iam.create_user(UserName=name)
    except iam.exceptions.EntityAlreadyExistsException:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="assume", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    sts = create(
        "sts",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    return dict(sts.assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"])
