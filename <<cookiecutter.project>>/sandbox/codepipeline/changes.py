"""Changes of the forge's repository, as its events tell them, for pipelines that wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.codepipeline.triggers import Change
from sandbox.forge.events import ZERO

if TYPE_CHECKING:
    from sandbox.forge.events import Event
    from sandbox.forge.repository import Repository

ACTIONS = {"opened": "OPEN", "reopened": "OPEN", "synchronize": "UPDATED", "closed": "CLOSED"}


def read_change(event: Event, repository: Repository) -> Change | None:
    """What an event changed; None for one that starts no pipeline, as one that waits for a person."""
    if event.held:
        return None
    if event.name == "push":
        return _push(event, repository)
    if event.name == "pull_request" and event.action in ACTIONS:
        return _pull(event, repository)
    return None


def _push(event: Event, repository: Repository) -> Change:
    before = str(event.payload.get("before", ZERO))
    _, kind, name = event.ref.split("/", 2)
    paths = changed_paths(repository, None if before == ZERO else before, event.sha)
    return Change(repository.full_name, "tag" if kind == "tags" else "push", name, event.sha, paths)


def _pull(event: Event, repository: Repository) -> Change:
    pull = event.payload["pull_request"]
    base = repository.merge_base(repository.branch(event.base_ref) or event.sha, event.head_sha)
    return Change(
        repository.full_name,
        ACTIONS[event.action],
        event.base_ref,
        event.head_sha,
        changed_paths(repository, base, event.head_sha),
        int(pull["number"]),
        str(pull["title"]),
        event.head_ref,
    )


def changed_paths(repository: Repository, old: str | None, new: str) -> tuple[str, ...]:
    """The paths in which two commits differ; all of the second's where there is no first."""
    git: Any = repository.git
    tree = repository.commit(new).tree
    if old is None or repository.object(old) is None:
        diff = tree.diff_to_tree(swap=True)
    else:
        diff = git.diff(repository.commit(old).tree, tree)
    found = {file.path for delta in diff.deltas for file in (delta.old_file, delta.new_file)}
    return tuple(sorted(found))
