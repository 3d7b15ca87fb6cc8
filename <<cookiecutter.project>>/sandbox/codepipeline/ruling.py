"""Runs the rules of a stage's conditions; one that waits for its hour can be stopped, or set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.codepipeline.conditions import check_variable
from sandbox.codepipeline.window import read_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.codepipeline.records import Execution

LOOK = 0.1
Record = dict[str, Any]


class SetAsideError(Exception):
    """Somebody overrode the condition while a rule of it waited."""


class StoppedError(Exception):
    """The execution was stopped while a rule waited."""


def run_rule(clock: Clock, execution: Execution, place: tuple[str, str], rule: Record) -> tuple[bool, str]:
    """Run one rule of the conditions at `place`, a stage and a moment; whether it is met, and why."""
    configuration = rule.get("configuration", {})
    if rule["ruleTypeId"]["provider"] == "DeploymentWindow":
        minutes = rule.get("timeoutInMinutes")
        deadline = clock.time() + minutes * 60 if minutes else None
        return _await_window(clock, configuration, deadline, lambda: _ended(execution, place))
    return check_variable(configuration, execution.values())


def _ended(execution: Execution, place: tuple[str, str]) -> bool:
    """Whether a wait is over before its time; raises for a stop."""
    if place in execution.overridden:
        raise SetAsideError
    if execution.stop.wait(LOOK):
        raise StoppedError
    return False


def _await_window(
    clock: Clock, configuration: Record, deadline: float | None, ended: Callable[[], bool]
) -> tuple[bool, str]:
    """Wait until the window is open.

    CodePipeline waits for it: the reference of the rule says that what was checked beside it is not checked
    again once the window opens.
    """
    window = read_window(configuration["Cron"], configuration.get("TimeZone", ""))
    opens = window.opens(clock.now())
    said = f"{configuration['Cron']!r} {configuration.get('TimeZone', 'UTC')}"
    if opens is None:
        return False, f"the window {said} does not open within a year"
    while clock.time() < opens.timestamp():
        if deadline is not None and clock.time() >= deadline:
            return False, f"the window {said} did not open in time"
        ended()
    return True, f"the window {said} is open"
