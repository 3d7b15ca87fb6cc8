"""Which changes of a repository start a pipeline: branches, tags, pull requests, by the paths they touch."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Record = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What happened in a repository; `branch` is that of a push, or the one a pull request goes into."""

    repository: str
    kind: str  # push, tag, OPEN, UPDATED, CLOSED
    branch: str
    commit: str
    paths: tuple[str, ...]
    pull: int = 0
    title: str = ""
    source_branch: str = ""

    @property
    def is_pull(self) -> bool:
        return self.kind in ("OPEN", "UPDATED", "CLOSED")


def sources_to_start(pipeline: Record, change: Change) -> list[str]:
    """The source actions that a change wakes; empty where it does not concern the pipeline."""
    triggers = {
        trigger["gitConfiguration"]["sourceActionName"]: trigger["gitConfiguration"]
        for trigger in pipeline.get("triggers", [])
    }
    return [
        action["name"]
        for action in pipeline["stages"][0]["actions"]
        if _is_of(action, change)
        and (
            _wakes(triggers[action["name"]], change)
            if action["name"] in triggers
            else not triggers and _is_followed(action, change)
        )
    ]


def _is_of(action: Record, change: Change) -> bool:
    configuration = action["configuration"]
    return bool(
        action["actionTypeId"]["provider"] == "CodeStarSourceConnection"
        and configuration["FullRepositoryId"] == change.repository
    )


def _is_followed(action: Record, change: Change) -> bool:
    """Without triggers of its own, a pipeline follows its branch, unless it is told not to."""
    configuration = action["configuration"]
    detects = configuration.get("DetectChanges", "true").lower() != "false"
    return detects and change.kind == "push" and change.branch == configuration["BranchName"]


def _wakes(trigger: Record, change: Change) -> bool:
    if change.is_pull:
        return any(
            change.kind in (one.get("events") or ("OPEN", "UPDATED", "CLOSED"))
            and _chosen(one.get("branches"), [change.branch])
            and _chosen(one.get("filePaths"), change.paths)
            for one in trigger.get("pullRequest", [])
        )
    return any(_push_wakes(one, change) for one in trigger.get("push", []))


def _push_wakes(one: Record, change: Change) -> bool:
    if change.kind == "tag":
        return "tags" in one and _chosen(one["tags"], [change.branch])
    if "tags" in one:
        return False
    return _chosen(one.get("branches"), [change.branch]) and _chosen(one.get("filePaths"), change.paths)


def _chosen(criteria: Record | None, names: Iterable[str]) -> bool:
    """Whether one of the names is included and not excluded; no criteria choose all."""
    if not criteria:
        return True
    includes, excludes = criteria.get("includes", []), criteria.get("excludes", [])
    return any(
        (not includes or any(matches(pattern, name) for pattern in includes))
        and not any(matches(pattern, name) for pattern in excludes)
        for name in names
    )


def matches(pattern: str, name: str) -> bool:
    """A glob of CodePipeline: `*` stays within a folder, `**` does not."""
    return _compiled(pattern).fullmatch(name) is not None


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    said = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(said.get(part, re.escape(part)) for part in parts), re.DOTALL)
