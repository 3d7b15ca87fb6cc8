"""The machines that jobs run on: a few at a time, each job on a thread of its own, the rest in a queue."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.execution import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.forge.runs.graph import Leg
    from sandbox.forge.runs.run import Run

    Report = Callable[[list[dict[str, Any]]], None]
    Execute = Callable[[Run, Leg, threading.Event, Report], Outcome]

log = logging.getLogger("sandbox")
JOBS_AT_A_TIME = 2


class Machines:
    """Jobs that wait for a machine, and those that have one. Whoever calls holds the engine's lock."""

    def __init__(
        self,
        execute: Execute,
        started: Callable[[Run, Leg], None],
        reported: Callable[[Leg, list[dict[str, Any]]], None],
        ended: Callable[[Run, Leg, Outcome], None],
    ) -> None:
        self._execute = execute
        self._started = started
        self._reported = reported
        self._ended = ended
        self._queue: list[tuple[Run, Leg]] = []
        self._stops: dict[Leg, threading.Event] = {}
        self._is_closed = False

    def ask(self, run: Run, leg: Leg) -> None:
        self._queue.append((run, leg))

    def start(self) -> None:
        """Give free machines to those that have waited longest."""
        while self._queue and len(self._stops) < JOBS_AT_A_TIME and not self._is_closed:
            run, leg = self._queue.pop(0)
            if leg.is_over:
                continue
            self._stops[leg] = threading.Event()
            self._started(run, leg)
            threading.Thread(target=self._work, args=(run, leg), name=f"job-{leg.key}", daemon=True).start()

    def stop(self, leg: Leg) -> bool:
        """Tell a job to end; false if it has no machine."""
        if leg not in self._stops:
            return False
        self._stops[leg].set()
        return True

    def close(self) -> None:
        self._is_closed = True
        for stop in self._stops.values():
            stop.set()

    def leave(self, leg: Leg) -> None:
        """A job has ended; its machine is free."""
        del self._stops[leg]

    def _work(self, run: Run, leg: Leg) -> None:
        try:
            outcome = self._execute(run, leg, self._stops[leg], lambda steps: self._reported(leg, steps))
        except WorkflowError as error:
            outcome = Outcome("failure", str(error))
        except Exception as error:  # the job must end, whatever went wrong here
            log.exception("sandbox fault in job %s of run %s", leg.key, run.record.id)
            outcome = Outcome("failure", f"sandbox fault: {error!r}")
        self._ended(run, leg, outcome)
