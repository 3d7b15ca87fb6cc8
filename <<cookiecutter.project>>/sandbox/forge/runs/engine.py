"""Moves runs on: whenever something changed, starts what may start and ends what has ended.

One lock guards all of it. A job's process runs on a thread of its own, outside the lock; everything else,
waiting for a group, for a reviewer, for a free machine, is a status and holds no thread.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from sandbox.forge.runs import graph as plan
from sandbox.forge.runs.entries import close_entry, open_entry, repeat_entry
from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.execution import Outcome
from sandbox.forge.runs.expressions import Scope
from sandbox.forge.runs.groups import Groups
from sandbox.forge.runs.machines import Machines

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.forge.runs.graph import Leg, Node
    from sandbox.forge.runs.records import Records
    from sandbox.forge.runs.run import Run, Work

log = logging.getLogger("sandbox")
REJECTED = "The deployment was rejected or didn't satisfy other protection rules."


class Engine:
    """The runs that have not ended."""

    def __init__(self, records: Records, work: Work) -> None:
        self.lock = threading.RLock()
        self.runs: dict[int, Run] = {}
        self._records = records
        self._work = work
        self._groups = Groups(self._supersede)
        self._machines = Machines(work.execute, self._started, self._reported, self._ended)
        self._is_closed = False
        self._touched = False  # something changed that a run already looked at may wait for
        self._settled = threading.Condition(self.lock)

    def add(self, run: Run) -> None:
        """Take a run; it starts at once unless its group is taken."""
        with self.lock:
            self.runs[run.record.id] = run
            self.pump()

    def pump(self) -> None:
        """Move every run as far as it goes."""
        with self.lock:
            self._touched = True
            while self._touched:
                self._touched = False
                moved = [self._try_advance(run) for run in list(self.runs.values())]
                self._touched |= any(moved)
            self._machines.start()
            self._settled.notify_all()

    def cancel(self, run: Run) -> None:
        """End what runs; jobs that have not started follow their `if:`."""
        with self.lock:
            self._cancel_run(run)
            self.pump()

    def review(self, run: Run, legs: list[Leg], approved: bool) -> None:
        """What a reviewer said of the environment that these jobs wait for."""
        with self.lock:
            for leg in legs:
                leg.approval = "approved" if approved else "rejected"
            self.pump()

    def wait(self, ended: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds, looked at on every change."""
        with self._settled:
            return self._settled.wait_for(ended, seconds)

    def close(self) -> None:
        """End every job's process; runs stay as they are and are read as cancelled next time."""
        with self.lock:
            self._is_closed = True
            self._machines.close()

    def _try_advance(self, run: Run) -> bool:
        try:
            return self._advance(run)
        except Exception as error:  # one run that cannot go on must not hold up the others
            log.exception("sandbox fault in run %s", run.record.id)
            run.record.message = f"sandbox fault: {error!r}"
            self._finish(run, "failure")
            return True

    def _advance(self, run: Run) -> bool:
        """One round over a run; whether anything changed."""
        if not run.is_started:
            return self._begin(run)
        changed = False
        for node in list(plan.walk(run.graph)):
            changed |= self._advance_node(run, node)
        if run.graph.is_over:
            self._finish(run, plan.conclusion(run.graph, run.is_cancelled))
            return True
        self._show(run)
        return changed

    def _begin(self, run: Run) -> bool:
        if run.is_cancelled:
            self._finish(run, "cancelled")
            return True
        if run.group and not self._groups.ask(run.group, run, run.cancel_older):
            self._show(run)
            return False
        run.is_started = True
        run.record.status = "in_progress"
        return True

    def _advance_node(self, run: Run, node: Node) -> bool:
        if plan.is_ready(node):
            self._open(run, node)
            return True
        changed = False
        for leg in node.legs:
            changed |= self._advance_leg(run, leg)
        if node.legs and not node.result:
            plan.settle(node)
            changed |= bool(node.result)
        return changed

    def _open(self, run: Run, node: Node) -> None:
        """Decide whether a job runs, and as what."""
        try:
            if plan.should_run(node, run.is_cancelled or node.graph.is_cancelled):
                node.legs = plan.split(node)
                return
            node.legs = [plan.skip(node)]
            self._end(run, node.legs[0], Outcome("skipped"))
        except WorkflowError as error:
            node.legs = [plan.skip(node)]
            self._end(run, node.legs[0], Outcome("failure", str(error)))

    def _advance_leg(self, run: Run, leg: Leg) -> bool:
        if leg.is_over:
            return False
        if leg.called is not None:
            return self._finish_call(run, leg)
        if leg.record is None:
            if plan.may_keep(leg, run.kept):
                self._end(run, leg, repeat_entry(self._records, run, leg, self._work.now()))
                return True
            if plan.room(leg.node) == 0 and not leg.cancelling:
                return False
            open_entry(self._records, run, leg, self._work.now())
        return self._admit(run, leg)

    def _finish_call(self, run: Run, leg: Leg) -> bool:
        if leg.called is None or not leg.called.is_over:
            return False
        try:
            leg.outputs = plan.call_outputs(leg.called)
            leg.result = plan.call_result(leg.called)
        except WorkflowError as error:
            leg.result = "failure"
            run.record.message = str(error)
        self._release(leg)
        return True

    def _release(self, leg: Leg) -> None:
        self._groups.release(leg)
        if leg.opening:
            self._groups.release(leg.opening)

    def _admit(self, run: Run, leg: Leg) -> bool:
        """Bring a job through its group and its environment to a machine."""
        record = leg.record
        if record is None or (record.status in ("queued", "in_progress") and record.started_at):
            return False
        before = record.status
        try:
            if leg.cancelling:
                self._end(run, leg, Outcome("cancelled", "Cancelled before it started."))
                return True
            said = self._pass(run, leg)
        except WorkflowError as error:
            self._end(run, leg, Outcome("failure", str(error)))
            return True
        if said in ("pending", "waiting"):
            record.status = said
            return record.status != before
        if said:
            self._end(run, leg, Outcome("failure", said))
        return True

    def _pass(self, run: Run, leg: Leg) -> str:
        """Empty when a job got through: it is queued then, or its call opened."""
        leg.group, cancel_older = plan.group_of(leg.node.job.raw.get("concurrency"), plan.scope(leg))
        if not self._take(run, leg.group, leg, plan.outer_groups(leg), cancel_older):
            return "pending"
        if leg.node.job.calls:
            return self._open_call(run, leg)
        gate = self._work.gate(run, leg)
        if gate == "wait" and not leg.approval:
            return "waiting"
        if gate not in ("pass", "wait"):
            return gate
        if leg.approval == "rejected":
            return REJECTED
        self._work.permit(run, leg)
        self._enqueue(run, leg)
        return ""

    def _open_call(self, run: Run, leg: Leg) -> str:
        """Put a called workflow to work, once its own group lets it."""
        leg.opening = called = leg.opening or self._work.call(run, leg)
        scope = Scope({"github": called.github, "inputs": called.inputs, "vars": {}}, {})
        called.group, cancel_older = plan.group_of(called.workflow.raw.get("concurrency"), scope)
        around = [leg.group, *plan.outer_groups(leg)]
        if not self._take(run, called.group, called, around, cancel_older):
            return "pending"
        leg.called, leg.record = called, None
        return ""

    def _take(self, run: Run, group: str, who: Any, around: list[str], cancel_older: bool) -> bool:
        """Whether a job or a call has its group; one that is held around it can never be had."""
        if group and group.lower() in (name.lower() for name in (run.group, *around)):
            raise WorkflowError(
                f"a deadlock was detected for concurrency group {group!r}: what calls this holds it. "
                "Give one of the two another group"
            )
        return not group or self._groups.ask(group, who, cancel_older)

    def _enqueue(self, run: Run, leg: Leg) -> None:
        if leg.record:
            leg.record.status = "queued"
            leg.record.started_at = self._work.now()
            self._machines.ask(run, leg)

    def _started(self, run: Run, leg: Leg) -> None:
        if leg.record:
            leg.record.status = "in_progress"
            leg.record.started_at = self._work.now()
        self._show(run)

    def _reported(self, leg: Leg, steps: list[dict[str, Any]]) -> None:
        with self._settled:
            if leg.record:
                leg.record.steps = [dict(step) for step in steps]
            self._settled.notify_all()

    def _ended(self, run: Run, leg: Leg, outcome: Outcome) -> None:
        with self.lock:
            self._machines.leave(leg)
            self._end(run, leg, outcome)
            self.pump()

    def _end(self, run: Run, leg: Leg, outcome: Outcome) -> None:
        close_entry(self._records, run, leg, outcome, self._work.now())
        self._release(leg)
        self._touched = True
        if not self._is_closed:
            self._records.keep(run.record)
        if outcome.conclusion == "failure" and leg.node.fails_fast and not leg.is_forgiven:
            for other in leg.node.legs:
                if other is not leg and not other.is_over:
                    self._cancel_leg(run, other)

    def _supersede(self, who: Any) -> None:
        """End a run or a job for a newer one of its group."""
        self._touched = True
        for run in self.runs.values():
            if run is who:
                self._cancel_run(run)
                return
            for leg in plan.legs_of(run.graph):
                if who in (leg, leg.opening):
                    self._cancel_leg(run, leg)
                    return

    def _cancel_run(self, run: Run) -> None:
        run.is_cancelled = True
        for leg in plan.legs_of(run.graph):
            if not leg.is_over:
                self._cancel_leg(run, leg)

    def _cancel_leg(self, run: Run, leg: Leg) -> None:
        leg.cancelling = self._touched = True
        if leg.called is not None:
            leg.called.is_cancelled = True
            for inner in plan.legs_of(leg.called):
                if not inner.is_over:
                    self._cancel_leg(run, inner)
            return
        record = leg.record
        if record is None:
            return
        if not self._machines.stop(leg) and record.started_at:  # it waits for a machine
            self._end(run, leg, Outcome("cancelled", "Cancelled before it started."))

    def _show(self, run: Run) -> None:
        """The run's status from its jobs', as GitHub sums them up."""
        record = run.record
        found = {job.status for job in record.latest if job.status != "completed"}
        if not run.is_started:
            status = "pending"
        elif "in_progress" in found or not found:
            status = "in_progress"
        else:
            status = next(name for name in ("queued", "waiting", "pending") if name in found)
        if status != record.status or not (self._records.folder(record.id) / "run.json").exists():
            record.status = status
            self._keep_record(run)

    def _finish(self, run: Run, conclusion: str) -> None:
        self._touched = True
        run.record.status, run.record.conclusion = "completed", conclusion
        self._groups.release(run)
        self.runs.pop(run.record.id, None)
        self._keep_record(run)

    def _keep_record(self, run: Run) -> None:
        run.record.updated_at = self._work.now()
        if not self._is_closed:
            self._records.keep(run.record)
