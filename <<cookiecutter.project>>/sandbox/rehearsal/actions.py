"""A rehearsal's jobs as GitHub runs them: workflows, started by hand or by what was merged."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.stage import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.cast import Member
    from sandbox.rehearsal.github import OnGithub
    from sandbox.stage import Stage

WORKFLOWS = {
    "train": "Train",
    "propose": "Propose",
    "deploy-staging": "Deploy",
    "deploy-prod": "Deploy",
    "reconcile": "Reconcile",
    "rollback": "Roll back",
}


class ByActions:
    """See `sandbox.rehearsal.play.Engine`."""

    def __init__(self, stage: Stage, forge: OnGithub) -> None:
        self._stage, self._forge = stage, forge

    @property
    def _ada(self) -> Member:
        return self._forge.members["ada"]

    def start(self, job: str, **inputs: str) -> None:
        with self.following(job):
            self._ada.dispatch(f"{job}.yml", **inputs)

    @contextmanager
    def following(self, job: str) -> Iterator[None]:
        known = self._ada.known_runs()
        yield
        self._ada.await_run(WORKFLOWS[job], known)

    def await_check(self, number: int, fails: bool = False) -> None:
        self._ada.await_check(number, fails)

    def audit(self, begun: str) -> None:
        """As a person does it: from the trail's bucket, of the time since the story began."""
        self._stage.mlops(
            "audit", "--trail", f"s3://{self._stage.trail_bucket}", "--since", begun, ends=REFUSED
        )
