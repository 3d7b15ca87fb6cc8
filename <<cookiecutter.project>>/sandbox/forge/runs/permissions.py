"""What a job's GITHUB_TOKEN may do: `permissions:` as they are written, and the repository's default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge.runs.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPES = (
    "actions",
    "artifact-metadata",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "models",
    "packages",
    "pages",
    "pull-requests",
    "security-events",
    "statuses",
)
RANK = {"none": 0, "read": 1, "write": 2}
RESTRICTED = {"contents": "read", "packages": "read"}
Permissions = dict[str, str]


def read_permissions(path: str, raw: Any) -> Permissions | None:
    """What `permissions:` says; None where it is not written. A scope that is not named gets nothing."""
    if raw is None:
        return None
    if raw in ("read-all", "write-all"):
        level = str(raw).removesuffix("-all")
        # id-token has no level `read`
        return {scope: level for scope in SCOPES if scope != "id-token" or level == "write"}
    if not isinstance(raw, dict):
        raise WorkflowError(f"{path}: `permissions` is {raw!r}. Allowed: read-all, write-all, or a mapping")
    for scope, level in raw.items():
        if scope not in SCOPES or level not in RANK or (scope, level) == ("id-token", "read"):
            raise WorkflowError(
                f"{path}: `permissions` has {scope!r}: {level!r}. Scopes: {', '.join(SCOPES)}; "
                "levels: read, write, none (id-token: write, none)"
            )
    return {scope: level for scope, level in raw.items() if level != "none"}


def default_permissions(setting: str) -> Permissions:
    """What a job gets whose workflow says nothing: the repository's setting, read or write."""
    if setting == "write":
        return {scope: "write" for scope in SCOPES if scope not in ("id-token", "models")}
    return dict(RESTRICTED)


def for_fork(permissions: Mapping[str, str]) -> Permissions:
    """What is left for a pull request from a fork: reading, and no identity."""
    return {scope: "read" for scope, level in permissions.items() if level != "none" and scope != "id-token"}


def exceeding(asked: Mapping[str, str], allowed: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What a called job asks for beyond its caller: scope, asked, allowed."""
    return [
        (scope, level, allowed.get(scope, "none"))
        for scope, level in sorted(asked.items())
        if RANK[level] > RANK[allowed.get(scope, "none")]
    ]
