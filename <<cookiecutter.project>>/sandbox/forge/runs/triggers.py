"""Which workflows an event starts: `on:` with its branches, tags, paths and types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.forge.events import Event
    from sandbox.forge.runs.workflow import Workflow

TYPES = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "merge_group": ("checks_requested",),
}
FILTERS = {
    "push": {"branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore"},
    "pull_request": {"types", "branches", "branches-ignore", "paths", "paths-ignore"},
    "pull_request_review": {"types"},
    "merge_group": {"types"},
    "workflow_dispatch": {"inputs"},
    "workflow_call": {"inputs", "secrets", "outputs"},
    "repository_dispatch": {"types"},
    "schedule": {"entries"},
}
SKIPPING = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


def check_filters(workflow: Workflow) -> None:
    """Refuse a filter that its event does not have, and pairs that GitHub forbids."""
    for name, found in workflow.on.items():
        for key in found:
            if key not in FILTERS[name]:
                known = ", ".join(sorted(FILTERS[name])) or "none"
                raise WorkflowError(f"{workflow.path}: `on.{name}` has {key!r}. Known: {known}")
        for kind in ("branches", "tags", "paths"):
            if kind in found and f"{kind}-ignore" in found:
                raise WorkflowError(
                    f"{workflow.path}: `on.{name}` has both {kind!r} and '{kind}-ignore'. "
                    f"Keep one; '!' in {kind!r} excludes"
                )


def starts(workflow: Workflow, event: Event, changed: Callable[[], Sequence[str]]) -> bool:
    """Whether an event starts a workflow; `changed` names the files, asked only where `paths` matter."""
    if event.name not in workflow.on:
        return False
    found = workflow.on[event.name]
    if event.name == "workflow_dispatch":
        return event.workflow == workflow.file
    if event.name == "schedule":
        return event.workflow in ("", workflow.file)
    if not _fits_type(event, found):
        return False
    if event.name == "push" and not _fits_ref(event.ref, found):
        return False
    if event.name == "pull_request" and not _fits(found, "branches", event.base_ref):
        return False
    return _fits_paths(found, changed)


def _fits_type(event: Event, found: dict[str, Any]) -> bool:
    wanted = found.get("types", TYPES.get(event.name))
    if wanted is None:
        return True
    return event.action in ([wanted] if isinstance(wanted, str) else wanted)


def _fits_ref(ref: str, found: dict[str, Any]) -> bool:
    """A push that filters by branches alone ignores tags, and the other way about."""
    kind, other = ("tags", "branches") if ref.startswith("refs/tags/") else ("branches", "tags")
    mine, theirs = ({key for key in (name, f"{name}-ignore") if key in found} for name in (kind, other))
    if theirs and not mine:
        return False
    return _fits(found, kind, ref.split("/", 2)[2])


def _fits(found: dict[str, Any], kind: str, name: str) -> bool:
    if kind in found:
        return matches(_listed(found[kind]), name)
    return not matches(_listed(found.get(f"{kind}-ignore")), name)


def _fits_paths(found: dict[str, Any], changed: Callable[[], Sequence[str]]) -> bool:
    if "paths" in found:
        return any(matches(_listed(found["paths"]), path) for path in changed())
    if "paths-ignore" in found:
        ignored = _listed(found["paths-ignore"])
        return any(not matches(ignored, path) for path in changed())
    return True


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def asks_to_skip(event: Event, message: str) -> bool:
    """Whether a commit's message keeps a push or a pull request from starting anything."""
    return event.name in ("push", "pull_request") and any(word in message for word in SKIPPING)
