"""The phases of one build as its record has them: opened, closed, with a context that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.codebuild.logbook import Logbook
    from sandbox.codebuild.records import Record

SUCCEEDED, FAILED, FAULT, IN_PROGRESS = "SUCCEEDED", "FAILED", "FAULT", "IN_PROGRESS"
FROM_BUILDSPEC = ("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD")
TOLD = ("DOWNLOAD_SOURCE", *FROM_BUILDSPEC, "UPLOAD_ARTIFACTS")


class PhaseError(Exception):
    """A phase that fails; `code` becomes its context's status code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Phases:
    """A build's phases; `update` writes members of the build's record."""

    def __init__(self, clock: Clock, book: Logbook, update: Callable[..., None]) -> None:
        self._clock, self._book, self._update = clock, book, update
        self._list: list[Record] = []

    @property
    def all(self) -> list[Record]:
        return [dict(phase) for phase in self._list]

    @property
    def status(self) -> str:
        """The build's, from its phases'."""
        found = [phase.get("phaseStatus", SUCCEEDED) for phase in self._list]
        return next((each for each in found if each not in (SUCCEEDED, IN_PROGRESS)), SUCCEEDED)

    def open(self, name: str) -> None:
        if name in FROM_BUILDSPEC:
            self._book.say(f"Entering phase {name}")
        self._list.append({"phaseType": name, "phaseStatus": IN_PROGRESS, "startTime": self._clock.now()})
        self._update(phases=self.all, currentPhase=name)

    def close(self, status: str, code: str = "", message: str = "") -> None:
        phase, now = self._list[-1], self._clock.now()
        context = {"statusCode": code, "message": message}
        phase["phaseStatus"], phase["endTime"] = status, now
        phase["durationInSeconds"] = round((now - phase["startTime"]).total_seconds())
        phase["contexts"] = [context]
        if phase["phaseType"] in TOLD:
            self._book.end_phase(phase["phaseType"], status, context)
        self._update(phases=self.all)

    def complete(self) -> dict[str, Any]:
        """The last entry; what the build's record says when all is over."""
        self._list.append({"phaseType": "COMPLETED", "startTime": self._clock.now()})
        return {"phases": self.all, "currentPhase": "COMPLETED", "buildStatus": self.status}
