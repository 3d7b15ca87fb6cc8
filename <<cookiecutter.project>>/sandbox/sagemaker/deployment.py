"""Carries one update out: new fleets, traffic in stages, a watch on alarms, and back again if one trips."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.sagemaker.rollout import Rollout, Stage
    from sandbox.sagemaker.traffic import Router, Version
    from sandbox.world import World

LOOK_SECONDS = 0.05


class RolledBackError(SandboxError):
    """The deployment must be taken back; says why."""


@dataclass
class Deployment:
    """One update of one endpoint; `note` publishes where it stands, `is_wanted` ends it when deleted."""

    world: World
    router: Router
    new: Version
    rollout: Rollout
    note: Callable[[str], None]
    is_wanted: Callable[[], bool]

    def carry_out(self) -> None:
        """Raise unless the new version ends up serving alone; traffic is then as it was."""
        old = self.router.serving
        started = self.world.clock.time()
        counts = {name: len(fleet.instances) for name, fleet in old.fleets.items()} if old else {}
        try:
            if old is None:
                self._start(1.0)
            elif self.rollout.kind == "ROLLING":
                self._roll(old, counts, started)
            else:
                self._start(1.0)
                for stage in self.rollout.stages:
                    self._shift(stage, started)
                self._wait(self.rollout.termination_wait)
        except BaseException:
            self._take_back(old, counts)
            raise
        self.router.settle(self.new)
        if old:
            old.stop()

    def _start(self, share: float) -> None:
        """Bring the new fleets to a share of their size, at least one instance each."""
        self.note("Creating")
        for fleet in self.new.fleets.values():
            fleet.scale(math.ceil(fleet.variant["InitialInstanceCount"] * share))

    def _shift(self, stage: Stage, started: float) -> None:
        self.note("ActivatingTraffic")
        self.router.shift(self.new, stage.share)
        self.note("Baking")
        self._bake(stage.bake, started)

    def _roll(self, old: Version, counts: dict[str, int], started: float) -> None:
        """Batch by batch: new instances come, take their share, and as many old ones go."""
        for stage in self.rollout.stages:
            self._start(stage.share / 100)
            self._shift(stage, started)
            for name, fleet in old.fleets.items():
                kept = counts[name] - math.floor(counts[name] * stage.share / 100)
                if kept:
                    fleet.scale(kept)

    def _bake(self, seconds: float, started: float) -> None:
        clock, rollout = self.world.clock, self.rollout
        end = clock.time() + seconds
        while True:
            left = end - clock.time()
            if tripped := self.world.watch.tripped(list(rollout.alarms)):
                said = "; ".join(f"{name}: {reason}" for name, reason in tripped)
                raise RolledBackError(
                    f"One or more configured alarms for the deployment tripped, it was rolled back. {said}"
                )
            if rollout.limit is not None and clock.time() - started > rollout.limit:
                raise RolledBackError(
                    f"The deployment exceeded MaximumExecutionTimeoutInSeconds ({rollout.limit}), "
                    "it was rolled back."
                )
            self._check_wanted()
            if left <= 0:
                return
            time.sleep(max(0.001, min(LOOK_SECONDS, clock.real(left))))

    def _wait(self, seconds: float) -> None:
        """Keep the old fleet for a while; alarms count no more, as the shift is complete."""
        self.note("Deleting")
        end = self.world.clock.time() + seconds
        while (left := end - self.world.clock.time()) > 0:
            self._check_wanted()
            time.sleep(max(0.001, min(LOOK_SECONDS, self.world.clock.real(left))))

    def _check_wanted(self) -> None:
        if not self.is_wanted():
            raise SandboxError("The endpoint was deleted during its deployment.")

    def _take_back(self, old: Version | None, counts: dict[str, int]) -> None:
        """All requests to the old fleets at full size; the new ones end."""
        try:
            if old and self.is_wanted():
                self.note("RollingBack")
                for name, fleet in old.fleets.items():
                    fleet.scale(counts[name])
        finally:
            if self.is_wanted():
                self.router.settle(old)
            self.new.stop()
