"""What builds and pipelines reach beyond their own account's records: policies, git, credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.codebuild.credentials import Vending
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.codepipeline.connections import Connections
    from sandbox.codepipeline.triggers import Change
    from sandbox.identity import Caller
    from sandbox.world import World


class Judge(Protocol):
    """Decides calls that no request stands for: what a service does by a role's leave."""

    def require(self, caller: Caller, action: str, resource: str) -> None:
        """Raise AccessDenied unless the caller may."""


@dataclass(frozen=True)
class Repository:
    """A bare repository, and where a clone of it fetches from later."""

    path: Path
    url: str


@dataclass
class Reach:
    """Filled in while the server starts; complete before the first build."""

    vending: Vending = field(default_factory=Vending)
    judge: Judge | None = None
    # all of these by account
    worlds: dict[str, World] = field(default_factory=dict)
    connections: dict[str, Connections] = field(default_factory=dict)
    pipelines: dict[str, Callable[[Change], list[str]]] = field(default_factory=dict)
    # the event that a build, given by its id, ends with
    builds: dict[str, Callable[[str], threading.Event]] = field(default_factory=dict)
    forge: Callable[[str], Repository | None] = lambda name: None
    codecommit: Callable[[str, str], Repository | None] = lambda account, name: None
    # hands an event of a service's own to EventBridge's rules
    tell: Callable[[dict[str, Any]], None] = lambda event: None
    # variables that every build has, as where the forge's API is
    settings: Callable[[], dict[str, str]] = dict

    def require(self, caller: Caller, action: str, resource: str) -> None:
        """Ask the policies of a role for an action of a service's own."""
        if self.judge is None:
            raise ServiceError("InternalFailure", "the sandbox has not started yet", 500)
        self.judge.require(caller, action, resource)

    def through_connection(self, caller: Caller, connection: str, name: str) -> Repository:
        """A repository of the forge, if the role may use the connection and that is authorised."""
        service = connection.split(":")[2] if connection.count(":") >= 5 else ""
        if service not in ("codeconnections", "codestar-connections"):
            raise ServiceError("InvalidInputException", f"{connection!r} is not the ARN of a connection")
        self.require(caller, f"{service}:UseConnection", connection)
        owner = self.connections.get(connection.split(":")[4])
        if owner is None:
            raise ServiceError("ResourceNotFoundException", f"no connection {connection!r}")
        owner.check(connection)
        found = self.forge(name)
        if found is None:
            raise ServiceError("ResourceNotFoundException", f"the sandbox's forge has no repository {name!r}")
        return found

    def through_codecommit(self, caller: Caller, region: str, name: str) -> Repository:
        """A repository of CodeCommit in the role's own account, if the role may pull."""
        self.require(caller, "codecommit:GitPull", f"arn:aws:codecommit:{region}:{caller.account}:{name}")
        found = self.codecommit(caller.account, name)
        if found is None:
            raise ServiceError("RepositoryDoesNotExistException", f"{name} does not exist")
        return found
