"""What an account's CodeCommit knows beside git: pull requests, rules, comments, templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.forge.repository import Repository

HEADS = "refs/heads/"


@dataclass
class Holding:
    """A repository: git, and what CodeCommit says of it."""

    name: str
    id: str
    arn: str
    git: Repository
    created: datetime
    modified: datetime
    description: str = ""
    default_branch: str = ""
    key: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    templates: list[str] = field(default_factory=list)


@dataclass
class Template:
    """An approval rule template of the account."""

    id: str
    name: str
    content: str
    description: str
    created: datetime
    modified: datetime
    by: str


@dataclass
class Rule:
    """An approval rule of one pull request; `template` is the one that it came from."""

    id: str
    name: str
    content: str
    created: datetime
    modified: datetime
    by: str
    template: Template | None = None


@dataclass
class Comment:
    """A comment, where it stands, and whom it answers."""

    id: str
    place: dict[str, Any]
    content: str
    author: str
    created: datetime
    modified: datetime
    token: str = ""
    reply_to: str = ""
    deleted: bool = False


@dataclass
class Pull:
    """A pull request; `revision` names what its source branch held when it last moved."""

    id: str
    holding: Holding
    title: str
    description: str
    source: str
    destination: str
    source_commit: str
    destination_commit: str
    merge_base: str | None
    author: str
    created: datetime
    active: datetime
    revision: str
    token: str
    is_open: bool = True
    merge: dict[str, Any] = field(default_factory=lambda: {"isMerged": False})
    rules: list[Rule] = field(default_factory=list)
    approvals: dict[str, dict[str, str]] = field(default_factory=dict)  # by revision, by who
    overrides: dict[str, str] = field(default_factory=dict)  # by revision, who
    events: list[dict[str, Any]] = field(default_factory=list)
