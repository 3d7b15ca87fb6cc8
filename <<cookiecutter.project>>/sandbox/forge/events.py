"""What happened in a repository, as workflows see it: made by the forge, consumed by the runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ZERO = "0" * 40


@dataclass(frozen=True)
class Event:
    """One occurrence that may start workflows.

    `sha` is GITHUB_SHA, the commit whose workflow files run; `head_sha` is where checks land. Of a pull
    request the first is its test merge (refs/pull/N/merge), the second its head.
    """

    name: str  # push, pull_request, pull_request_review, workflow_dispatch, repository_dispatch, schedule
    ref: str  # GITHUB_REF
    sha: str
    head_sha: str
    actor: str
    actor_id: int
    action: str = ""
    head_ref: str = ""
    base_ref: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    workflow: str = ""  # the file's name, of a workflow_dispatch
    inputs: dict[str, str] = field(default_factory=dict)
    is_fork: bool = False
    held: bool = False  # its runs wait for a writer's approval
