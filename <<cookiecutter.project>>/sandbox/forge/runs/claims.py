"""What the OIDC token of a job says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.forge.repository import Repository
    from sandbox.forge.runs.records import JobRecord, RunRecord

COPIED = (
    "actor",
    "actor_id",
    "base_ref",
    "event_name",
    "head_ref",
    "ref",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "run_attempt",
    "run_id",
    "run_number",
    "sha",
    "workflow",
    "workflow_ref",
    "workflow_sha",
)


@dataclass(frozen=True)
class Bearer:
    """A job that may ask for tokens, while it runs."""

    run: RunRecord
    job: JobRecord
    github: dict[str, Any]
    workflow_path: str  # the file the job is written in


def subject_prefix(repository: Repository) -> str:
    """How `sub` begins for a repository made after July 2026: a name that is used again is another."""
    return f"repo:{repository.owner}@{repository.owner_id}/{repository.name}@{repository.id}"


def subject(repository: Repository, github: dict[str, Any], environment: str) -> str:
    """An environment takes the ref's place; so does a pull request."""
    if environment:
        kind = f"environment:{environment.replace(':', '%3A')}"
    elif github["event_name"] == "pull_request":
        kind = "pull_request"
    else:
        kind = f"ref:{github['ref']}"
    return f"{subject_prefix(repository)}:{kind}"


def make_claims(repository: Repository, bearer: Bearer, audience: str) -> dict[str, Any]:
    github, environment = bearer.github, bearer.job.environment
    file = f"{github['repository']}/{bearer.workflow_path}@{github['ref']}"
    return {
        **{name: github[name] for name in COPIED},
        "aud": audience,
        "sub": subject(repository, github, environment),
        "job_workflow_ref": file,
        "job_workflow_sha": github["sha"],
        "check_run_id": str(bearer.job.id),
        "repository_visibility": "private",
        "runner_environment": "github-hosted",
        **({"environment": environment} if environment else {}),
    }
