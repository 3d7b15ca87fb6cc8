"""What the acts of a rehearsal ask of the forge and of the engine, whichever a project has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sandbox.stage import Stage


class Person(Protocol):
    """Somebody who works in the repository, with credentials of their own."""

    @property
    def login(self) -> str: ...

    def open_pull(self, branch: str, title: str) -> int:
        """Open a pull request into main; its number."""

    def approve(self, number: int) -> None:
        """Review what stands there, and approve it."""

    def merge(self, number: int) -> object:
        """Merge a pull request into main."""

    def find_pull(self, title: str) -> int | None:
        """The number of the open pull request whose title begins so."""


class Forge(Protocol):
    """Where the repository lives."""

    options: tuple[str, ...]  # of `python -m sandbox up`
    desk: Stage  # where ada types

    @property
    def people(self) -> dict[str, Person]: ...

    def begin(self) -> None:
        """Push the project's first commit, let the people in, and make what `up` leaves to be made."""

    def refuse(self, number: int, branch: str) -> None:
        """Show that main does not take a pull request whose check failed, and close it."""


class Engine(Protocol):
    """What runs the jobs of the loop: `train`, `propose`, `deploy-<env>`, `reconcile`, `rollback`."""

    def start(self, job: str, **inputs: str) -> None:
        """Start a job by hand, and wait for its end."""

    def following(self, job: str) -> AbstractContextManager[None]:
        """Wait for the end of the job that what happens inside starts."""

    def await_check(self, number: int, fails: bool = False) -> None:
        """Wait until a pull request is checked."""

    def audit(self, begun: str) -> None:
        """Run the audit, which has findings; `begun` is when the story did."""


@dataclass(frozen=True)
class Play:
    """A model on stage: ada writes, ben and cleo review."""

    stage: Stage
    model: str
    forge: Forge
    engine: Engine

    @property
    def ada(self) -> Person:
        return self.forge.people["ada"]

    @property
    def ben(self) -> Person:
        return self.forge.people["ben"]

    def reviewers(self, environment: str) -> list[Person]:
        """Who approves: one in staging, two in prod."""
        return [self.ben] if environment == "staging" else [self.ben, self.forge.people["cleo"]]
