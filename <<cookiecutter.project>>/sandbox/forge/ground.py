"""What the forge's parts stand on, handed to the runs as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.forge.calls import Route
    from sandbox.forge.events import Event
    from sandbox.forge.people import People
    from sandbox.forge.repository import Repository
    from sandbox.forge.tokens import Tokens
    from sandbox.oidc import Issuer


class Answers(Protocol):
    """What the forge needs of project.yml."""

    @property
    def repository(self) -> str: ...
    @property
    def owner_team(self) -> str: ...


@dataclass(frozen=True)
class Environment:
    """What a job that names an environment has to pass."""

    name: str
    reviewers: tuple[str, ...]  # logins; empty: nobody is asked
    prevent_self_review: bool
    branches: tuple[str, ...] | None  # patterns; None: every branch
    wait_minutes: int = 0
    id: int = field(default=0, compare=False)


@dataclass
class Ground:
    """Shared by the routes and the runs. None of its members waits for a lock of the forge's."""

    home: Path  # <state>/forge; the runs keep theirs below home/runs
    repository: Repository
    people: People
    tokens: Tokens
    issuer: Issuer
    clock: Clock
    aws_endpoint: str
    url: str  # of the forge, known once it serves
    environment: Callable[[str], Environment | None]
    default_permissions: Callable[[], str]  # of GITHUB_TOKEN without `permissions:`: read | write


class Runner(Protocol):
    """What the forge asks of the runs. Called without a lock; `routes` are served as the forge's own."""

    @property
    def routes(self) -> list[Route]: ...
    def handle(self, event: Event) -> list[int]: ...
    def checks(self, sha: str) -> list[dict[str, Any]]: ...
    def close(self) -> None: ...
