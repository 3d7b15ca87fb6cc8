"""Moves executions through the stages of a pipeline; each runs on a thread of its own.

One condition guards what executions share: who is in a stage, who waits before it, what is closed.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.codepipeline import conditions
from sandbox.codepipeline.declaration import in_order
from sandbox.codepipeline.happenings import RESUMED, STARTED, execution_event
from sandbox.codepipeline.records import (
    ABANDONED,
    FAILED,
    IN_PROGRESS,
    SKIPPED,
    STOPPED,
    SUCCEEDED,
    SUPERSEDED,
    ActionRun,
    Execution,
    RuleRun,
    Trigger,
)
from sandbox.codepipeline.references import resolve_known
from sandbox.codepipeline.ruling import SetAsideError, StoppedError, run_rule

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sandbox.codepipeline.acting import Actor
    from sandbox.codepipeline.conditions import Verdict

log = logging.getLogger("sandbox")
Record = dict[str, Any]
LOOK = 0.2
OVER = (SUCCEEDED, FAILED, STOPPED, SUPERSEDED)


@dataclass
class Line:
    """One pipeline, and what happens in it."""

    pipeline: Record
    created: datetime
    updated: datetime
    tags: list[Record] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    inside: dict[str, Execution] = field(default_factory=dict)  # by stage
    entered: dict[str, Execution] = field(default_factory=dict)  # the last one, by stage
    waiting: dict[str, list[Execution]] = field(default_factory=dict)
    closed: dict[str, Record] = field(default_factory=dict)  # inbound transitions, by stage
    verdicts: dict[tuple[str, str], tuple[Execution, Verdict]] = field(default_factory=dict)

    def stage(self, name: str) -> Record | None:
        return next((stage for stage in self.pipeline["stages"] if stage["name"] == name), None)

    def find(self, number: str) -> Execution | None:
        return next((each for each in self.executions if each.id == number), None)

    def last_good(self, stage: str, before: Execution) -> Execution | None:
        """The last execution that succeeded in a stage, as the pipeline is now."""
        version = self.pipeline["version"]
        return next(
            (
                each
                for each in reversed(self.executions)
                if each is not before
                and each.stages.get(stage) == SUCCEEDED
                and each.pipeline["version"] == version
                and not each.rolls_back
            ),
            None,
        )


class Engine:
    """Runs the executions of an account's pipelines."""

    def __init__(self, actor: Actor) -> None:
        self._actor, self._clock = actor, actor.world.clock
        self.changed = threading.Condition(threading.RLock())

    def start(self, line: Line, trigger: Trigger, variables: dict[str, str]) -> Execution:
        """Begin an execution at the first stage."""
        execution = Execution(line.pipeline, trigger, self._clock.now(), variables)
        self._begin(line, execution, line.pipeline["stages"], ())
        return execution

    def retry(self, line: Line, execution: Execution, stage: str, kept: Collection[str]) -> None:
        """Go on at a stage that failed; `kept` names the actions that need not run again."""
        stages = execution.pipeline["stages"]
        place = next(number for number, each in enumerate(stages) if each["name"] == stage)
        execution.retried_by_hand[stage] = execution.retried_by_hand.get(stage, 0) + 1
        self._resume(line, execution, stages[place:], kept)

    def _resume(self, line: Line, execution: Execution, stages: list[Record], kept: Collection[str]) -> None:
        execution.status, execution.summary = IN_PROGRESS, ""
        execution.stop.clear()
        execution.done.clear()
        self._begin(line, execution, stages, kept)

    def override(self, line: Line, execution: Execution, stage: str, moment: str) -> None:
        """Set conditions aside: what waits for them goes on, and so does what has failed of them."""
        execution.overridden.add((stage, moment))
        if not execution.done.is_set():
            return
        stages = execution.pipeline["stages"]
        place = next(number for number, each in enumerate(stages) if each["name"] == stage)
        if moment == "onSuccess":  # the actions have run: only what comes after them is left
            execution.stages[stage] = SUCCEEDED
            place += 1
        line.verdicts[(stage, moment)] = execution, conditions.ASIDE
        self._resume(line, execution, stages[place:], ())

    def roll_back(self, line: Line, stage: Record, target: Execution, trigger: Trigger) -> Execution:
        """Run one stage again, with what an earlier execution brought there."""
        execution = Execution(
            line.pipeline,
            trigger,
            self._clock.now(),
            dict(target.variables),
            rolls_back=target.id,
            namespaces={name: dict(values) for name, values in target.namespaces.items()},
            artifacts=dict(target.artifacts),
            revisions=dict(target.revisions),
        )
        self._begin(line, execution, [stage], ())
        return execution

    def _begin(self, line: Line, execution: Execution, stages: list[Record], kept: Collection[str]) -> None:
        with self.changed:
            is_new = execution not in line.executions
            if is_new:
                line.executions.append(execution)
        self._tell(execution, STARTED if is_new else RESUMED)
        arguments = (line, execution, stages, kept)
        threading.Thread(target=self._drive, args=arguments, name=execution.id, daemon=True).start()

    def _drive(self, line: Line, execution: Execution, stages: list[Record], kept: Collection[str]) -> None:
        status = SUCCEEDED
        try:
            for stage in stages:
                status = self._enter(line, execution, stage["name"])
                if status != SUCCEEDED:
                    break
                try:
                    status = self._stage(line, execution, stage, kept)
                finally:
                    self._leave(line, execution, stage["name"])
                kept = ()
                if status not in (SUCCEEDED, SKIPPED):
                    break
        except StoppedError:
            status = execution.stages[stage["name"]] = STOPPED
        except Exception:  # a fault of the sandbox's own must not leave an execution that never ends
            log.exception("execution %s", execution.id)
            status = FAILED
        self._end(execution, SUCCEEDED if status == SKIPPED else status)

    def _end(self, execution: Execution, status: str) -> None:
        with self.changed:
            execution.status, execution.updated = status, self._clock.now()
            execution.done.set()
            self.changed.notify_all()
        self._tell(execution, status)

    def _tell(self, execution: Execution, state: str) -> None:
        world = self._actor.world
        self._actor.reach.tell(execution_event(world, execution, state))

    def _enter(self, line: Line, execution: Execution, stage: str) -> str:
        """Wait before a stage until it is free and open; SUCCEEDED once the execution is inside."""
        with self.changed:
            queue = line.waiting.setdefault(stage, [])
            queue.append(execution)
            if execution.mode == "SUPERSEDED" and not execution.rolls_back:
                queue[:] = [max(queue, key=line.executions.index)]  # the newest goes on alone
            self.changed.notify_all()
            while execution in queue:
                if execution.stop.is_set():
                    queue.remove(execution)
                    return STOPPED
                is_free = stage not in line.inside and queue[0] is execution
                if (is_free or execution.mode == "PARALLEL") and stage not in line.closed:
                    queue.remove(execution)
                    line.inside[stage] = line.entered[stage] = execution
                    execution.stages[stage] = IN_PROGRESS
                    return SUCCEEDED
                self.changed.wait(LOOK)
        return SUPERSEDED

    def _leave(self, line: Line, execution: Execution, stage: str) -> None:
        with self.changed:
            if line.inside.get(stage) is execution:
                del line.inside[stage]
            execution.updated = self._clock.now()
            self.changed.notify_all()

    def _stage(self, line: Line, execution: Execution, stage: Record, kept: Collection[str]) -> str:
        name = stage["name"]
        status = self._attempt(line, execution, stage, kept)
        on_failure = stage.get("onFailure", {})
        if status == FAILED and on_failure.get("result") == "RETRY":
            mode = on_failure.get("retryConfiguration", {}).get("retryMode", "ALL_ACTIONS")
            done = finished(execution, stage) if mode == "FAILED_ACTIONS" else ()
            execution.retried[name] = execution.retried.get(name, 0) + 1
            status = self._attempt(line, execution, stage, done)
        execution.stages[name] = status
        if status == FAILED:
            self._react(line, execution, stage, on_failure)
        return status

    def _react(self, line: Line, execution: Execution, stage: Record, on_failure: Record) -> None:
        """What a stage's failure engages."""
        verdict = self._judge(line, execution, stage, "onFailure")
        if "ROLLBACK" in (on_failure.get("result"), verdict.result):
            self._automatic(line, execution, stage)

    def _automatic(self, line: Line, execution: Execution, stage: Record) -> None:
        target = line.last_good(stage["name"], execution)
        if execution.rolls_back or target is None:
            execution.summary = "no earlier execution of this pipeline's version to roll back to"
            return
        detail = f"stage {stage['name']} of execution {execution.id} failed"
        self.roll_back(line, stage, target, Trigger("AutomatedRollback", detail))

    def _judge(self, line: Line, execution: Execution, stage: Record, moment: str) -> Verdict:
        asked, place = stage.get(moment, {}).get("conditions", []), (stage["name"], moment)
        if not asked:
            return conditions.MET
        line.verdicts[place] = execution, conditions.RUNNING
        try:
            if place in execution.overridden:
                raise SetAsideError
            verdict = conditions.judge(asked, lambda rule: self._rule(execution, place, rule))
        except SetAsideError:
            verdict = conditions.ASIDE
        line.verdicts[place] = execution, verdict
        return verdict

    def _rule(self, execution: Execution, place: tuple[str, str], rule: Record) -> tuple[bool, str]:
        began, values = self._clock.now(), execution.values()
        met, why = run_rule(self._clock, execution, place, rule)
        given = {key: resolve_known(text, values) for key, text in rule.get("configuration", {}).items()}
        execution.rules.append(RuleRun(place[0], rule, began, self._clock.now(), met, why, given))
        return met, why

    def _attempt(self, line: Line, execution: Execution, stage: Record, kept: Collection[str]) -> str:
        """Run a stage once, between its conditions."""
        before = self._judge(line, execution, stage, "beforeEntry")
        if before.result:
            execution.summary = before.summary
            return SKIPPED if before.result == "SKIP" else FAILED
        for group in in_order(stage):
            status = self._side_by_side(
                execution, stage, [each for each in group if each["name"] not in kept]
            )
            if status != SUCCEEDED:
                return status
        after = self._judge(line, execution, stage, "onSuccess")
        if after.result == "ROLLBACK":
            self._automatic(line, execution, stage)
        if after.result:
            execution.summary = execution.summary or after.summary
        return FAILED if after.result else SUCCEEDED

    def _side_by_side(self, execution: Execution, stage: Record, group: list[Record]) -> str:
        if execution.stop.is_set():
            return STOPPED
        runs = [self._open(execution, stage, action) for action in group]
        threads = [
            threading.Thread(target=self._actor.run, args=(execution, run), name=run.id, daemon=True)
            for run in runs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = {run.status for run in runs}
        if ABANDONED in found or (execution.stop.is_set() and FAILED not in found):
            return STOPPED
        return FAILED if FAILED in found else SUCCEEDED

    def _open(self, execution: Execution, stage: Record, action: Record) -> ActionRun:
        now = self._clock.now()
        run = ActionRun(stage["name"], action, now, now)
        with self.changed:
            execution.actions.append(run)
        return run


def finished(execution: Execution, stage: Record) -> tuple[str, ...]:
    """The actions of a stage that succeeded the last time."""
    latest = (
        (action["name"], execution.latest(stage["name"], action["name"])) for action in stage["actions"]
    )
    return tuple(name for name, run in latest if run and run.status == SUCCEEDED)
