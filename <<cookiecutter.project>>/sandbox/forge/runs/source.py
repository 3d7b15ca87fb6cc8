"""The workflows of a commit, which an event starts, and what they call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pygit2

from sandbox.forge.changes import changed_paths
from sandbox.forge.events import ZERO
from sandbox.forge.repository import DEFAULT_BRANCH, entry_at
from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.triggers import asks_to_skip, check_filters, starts
from sandbox.forge.runs.workflow import FOLDER, Workflow, read_workflow

if TYPE_CHECKING:
    from sandbox.forge.events import Event
    from sandbox.forge.repository import Repository


@dataclass(frozen=True)
class Broken:
    """A workflow file that cannot be read: shown as a run that failed to start."""

    path: str
    reason: str


def list_files(repository: Repository, sha: str) -> list[str]:
    """The workflow files of a commit."""
    folder = entry_at(repository.commit(sha).tree, FOLDER)
    if not isinstance(folder, pygit2.Tree):
        return []
    names = [str(entry.name) for entry in folder if isinstance(entry, pygit2.Blob)]
    return [f"{FOLDER}/{name}" for name in sorted(names) if name.endswith((".yml", ".yaml"))]


def load(repository: Repository, sha: str, path: str) -> Workflow:
    """One workflow of a commit."""
    data = repository.file(sha, path)
    if data is None:
        raise WorkflowError(f"{path} is not in commit {sha[:12]}")
    workflow = read_workflow(path, data.decode("utf-8", "replace"))
    check_filters(workflow)
    return workflow


def select(repository: Repository, event: Event) -> list[Workflow | Broken]:
    """What an event starts."""
    if asks_to_skip(event, repository.commit(event.head_sha).message):
        return []
    found: list[Workflow | Broken] = []
    for path in list_files(repository, event.sha):
        try:
            workflow = load(repository, event.sha, path)
        except WorkflowError as error:
            if event.name in ("push", "pull_request") or path.endswith(f"/{event.workflow}"):
                found.append(Broken(path, str(error)))
            continue
        if starts(workflow, event, lambda: changed(repository, event)):
            found.append(workflow)
    return found


def changed(repository: Repository, event: Event) -> list[str]:
    """The files that a push or a pull request changes."""
    if event.name == "push":
        before = str(event.payload.get("before") or ZERO)
        if before == ZERO:
            main = repository.branch(DEFAULT_BRANCH)
            known = main if main and main != event.sha else None
            before = (repository.merge_base(known, event.sha) if known else None) or ZERO
        return sorted(changed_paths(repository, None if before == ZERO else before, event.sha))
    base = repository.branch(event.base_ref)
    common = repository.merge_base(base, event.head_sha) if base else None
    return sorted(changed_paths(repository, common, event.head_sha))


def called(repository: Repository, sha: str, uses: str) -> Workflow:
    """A workflow of the same commit that a job calls."""
    if not uses.startswith(f"./{FOLDER}/"):
        raise WorkflowError(
            f"a job uses {uses!r}. The sandbox calls workflows of this repository: ./{FOLDER}/x.yml"
        )
    workflow = load(repository, sha, uses.removeprefix("./"))
    if "workflow_call" not in workflow.on:
        raise WorkflowError(f"{workflow.path} is called by a job, and its `on` has no workflow_call")
    return workflow
