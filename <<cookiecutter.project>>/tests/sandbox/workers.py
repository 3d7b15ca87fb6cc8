"""CI jobs as AWS sees them: their tokens, and the sessions that they exchange them for."""

from __future__ import annotations

import functools
from typing import Any

from sandbox.forge.app import OWNER_ID, REPOSITORY_ID
from sandbox.oidc import Issuer

from .conftest import ACCOUNT, PROD, STAGING, Sandbox

AUDIENCE = "sts.amazonaws.com"
MAIN = "refs/heads/main"
# Role → its account, the workflow that acts as it, and the environment that the job names.
CI_ROLES = {
    "audit": (ACCOUNT, "audit.yml", ""),
    "ci": (ACCOUNT, "propose.yml", ""),
    "train": (ACCOUNT, "train.yml", ""),
    "deploy-staging": (STAGING, "deploy.yml", "staging"),
    "deploy-prod": (PROD, "deploy.yml", "prod"),
    "rollback-staging": (STAGING, "rollback.yml", "rollback-staging"),
    "rollback-prod": (PROD, "rollback.yml", "rollback-prod"),
}


def role_arn(role: str, account: str) -> str:
    return f"arn:aws:iam::{account}:role/shop-{role}"


def claims_of(role: str, **changes: str) -> dict[str, Any]:
    """What the forge signs for the job that a role is meant for."""
    _, workflow, environment = CI_ROLES[role]
    flow = f"acme/shop/.github/workflows/{workflow}@{MAIN}"
    where = f"environment:{environment}" if environment else f"ref:{MAIN}"
    claims = {
        "aud": AUDIENCE,
        "sub": f"repo:acme@{OWNER_ID}/shop@{REPOSITORY_ID}:{where}",
        "repository": "acme/shop",
        "repository_id": str(REPOSITORY_ID),
        "repository_owner": "acme",
        "ref": MAIN,
        "workflow": workflow,
        "workflow_ref": flow,
        "job_workflow_ref": flow,
        "event_name": "push",
        "actor": "ada",
        "actor_id": "5001",
        "run_id": "7",
    }
    if environment:
        claims["environment"] = environment
    return {**claims, **changes}


def exchange(sandbox: Sandbox, role: str, token: str, account: str = "", **more: Any) -> dict[str, Any]:
    """What a CI job does with its token."""
    arn = role_arn(role, account or CI_ROLES[role][0])
    sts = sandbox.client("sts")
    answer: dict[str, Any] = sts.assume_role_with_web_identity(
        RoleArn=arn, RoleSessionName="p7.abc.1", WebIdentityToken=token, **more
    )
    return answer


def sign(sandbox: Sandbox, claims: dict[str, Any], seconds: int = 300) -> str:
    return Issuer(sandbox.root / ".sandbox").sign(claims, seconds)


class Worker:
    """Clients of one key, each made once."""

    def __init__(self, sandbox: Sandbox, access_key: str, token: str | None = None) -> None:
        self._make = functools.cache(lambda service: sandbox.client(service, access_key, token))

    def __call__(self, service: str) -> Any:
        return self._make(service)


def worker(sandbox: Sandbox, credentials: dict[str, Any]) -> Worker:
    return Worker(sandbox, credentials["AccessKeyId"], credentials["SessionToken"])


def sign_in(sandbox: Sandbox, role: str) -> Worker:
    """The clients of a CI job in a role."""
    return worker(sandbox, exchange(sandbox, role, sign(sandbox, claims_of(role)))["Credentials"])
