"""One attempt of a run at work: its record, its graph, what GitHub tells its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.forge.repository import Repository
    from sandbox.forge.runs.graph import Graph, Leg
    from sandbox.forge.runs.machines import Execute
    from sandbox.forge.runs.permissions import Permissions
    from sandbox.forge.runs.records import JobRecord, RunRecord


@dataclass(eq=False)
class Run:
    """What the engine moves on. `kept` are jobs of the attempt before that need not run again."""

    record: RunRecord
    graph: Graph
    permissions: Permissions  # of jobs that say nothing
    group: str = ""
    cancel_older: bool = False
    is_started: bool = False
    is_cancelled: bool = False
    kept: dict[str, JobRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """What the engine has done for it, so that it only decides."""

    execute: Execute
    call: Callable[[Run, Leg], Graph]  # reads the workflow that a job calls
    gate: Callable[[Run, Leg], str]  # pass, wait, or why the environment refuses
    permit: Callable[[Run, Leg], None]  # sets what the job's token may do
    now: Callable[[], str]


def ref_parts(ref: str) -> tuple[str, str]:
    """Its type and short name, as GITHUB_REF_TYPE and GITHUB_REF_NAME have them."""
    for kind, prefix in (("tag", "refs/tags/"), ("branch", "refs/heads/")):
        if ref.startswith(prefix):
            return kind, ref.removeprefix(prefix)
    return "branch", ref.removeprefix("refs/pull/")


def github_context(record: RunRecord, repository: Repository, url: str) -> dict[str, Any]:
    """The `github` context of a run; in steps act adds what only the runner knows."""
    event, full_name = record.event, repository.full_name
    kind, name = ref_parts(event.ref)
    return {
        "event": event.payload,
        "event_name": event.name,
        "ref": event.ref,
        "ref_name": name,
        "ref_type": kind,
        "sha": event.sha,
        "head_ref": event.head_ref,
        "base_ref": event.base_ref,
        "actor": record.actor,
        "actor_id": str(event.actor_id),
        "triggering_actor": record.triggering_actor,
        "repository": full_name,
        "repository_id": str(repository.id),
        "repository_owner": repository.owner,
        "repository_owner_id": str(repository.owner_id),
        "repositoryUrl": f"{url}/{full_name}.git",
        "run_id": str(record.id),
        "run_number": str(record.number),
        "run_attempt": str(record.attempt),
        "workflow": record.name,
        "workflow_ref": f"{full_name}/{record.workflow}@{event.ref}",
        "workflow_sha": event.sha,
        "server_url": url,
        "api_url": f"{url}/api/v3",
        "graphql_url": f"{url}/api/graphql",
    }
