"""What each job of a graph may do, called workflows within what their caller may hand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.permissions import Permissions, exceeding, for_fork, read_permissions

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.forge.runs.workflow import Job, Workflow

DEEPEST = 10


def workflow_grant(workflow: Workflow, otherwise: Permissions) -> Permissions:
    """What jobs get that say nothing: the workflow's, the caller's, or the repository's default."""
    written = read_permissions(workflow.path, workflow.raw.get("permissions"))
    return otherwise if written is None else written


def job_grant(workflow: Workflow, job: Job, otherwise: Permissions) -> Permissions:
    """What one job asks for."""
    written = read_permissions(f"{workflow.path}: job {job.id!r}", job.raw.get("permissions"))
    return workflow_grant(workflow, otherwise) if written is None else written


def final_grant(asked: Permissions, is_fork: bool) -> Permissions:
    """What a token is minted with."""
    return {"metadata": "read", **(for_fork(asked) if is_fork else asked)}


def check_grants(
    workflow: Workflow,
    otherwise: Permissions,
    called: Callable[[str], Workflow],
    limit: Permissions | None = None,
    depth: int = 0,
) -> None:
    """Refuse, before anything starts, a called job that asks for more than its caller has."""
    if depth == DEEPEST:
        raise WorkflowError(f"{workflow.path}: workflows call each other more than {DEEPEST} deep")
    for job in workflow.jobs.values():
        granted = job_grant(workflow, job, otherwise)
        over = exceeding(granted, limit) if limit is not None else []
        if over:
            asked = ", ".join(f"{scope}: {level}" for scope, level, _ in over)
            allowed = ", ".join(f"{scope}: {level}" for scope, _, level in over)
            raise WorkflowError(
                f"{workflow.path}: the nested job '{job.id}' is requesting '{asked}', "
                f"but is only allowed '{allowed}'"
            )
        if job.calls:
            check_grants(called(job.calls), granted, called, granted, depth + 1)
