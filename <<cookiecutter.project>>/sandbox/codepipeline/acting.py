"""Runs one action to its end, whatever its provider, and writes down how it ended."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.codepipeline.hands import Hands
from sandbox.codepipeline.records import ABANDONED, FAILED, SUCCEEDED
from sandbox.codepipeline.references import UnresolvedError, resolve_all
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.codebuild.reach import Reach
    from sandbox.codepipeline.records import ActionRun, Execution
    from sandbox.world import World

log = logging.getLogger("sandbox")
LOOK = 0.05


class ActionError(Exception):
    """An action that failed; `code` stands in its error details."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AbandonedError(Exception):
    """The execution was stopped and does not wait for the action."""


class Actor:
    """Runs actions of an account's pipelines."""

    def __init__(self, world: World, reach: Reach) -> None:
        self.world, self.reach = world, reach

    def run(self, execution: Execution, run: ActionRun) -> None:
        """Run an action; its record says how it ended."""
        try:
            run.configuration = resolve_all(run.action.get("configuration", {}), execution.values())
            self._do(execution, run)
            run.status = SUCCEEDED
        except AbandonedError:
            run.status = ABANDONED
        except UnresolvedError as error:
            self._fail(run, "InvalidVariableReference", str(error))
        except ActionError as error:
            self._fail(run, error.code, str(error))
        except ServiceError as error:
            self._fail(run, "PermissionError" if error.status == 403 else "ConfigurationError", error.message)
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            self._fail(run, "PermissionError" if code.startswith("AccessDenied") else "JobFailed", str(error))
        except Exception as error:
            log.exception("action %s/%s", run.stage, run.name)
            self._fail(run, "InternalError", f"sandbox fault: {error!r}")
        run.updated = self.world.clock.now()
        execution.artifacts |= run.outputs
        if namespace := run.action.get("namespace"):
            execution.namespaces[namespace] = dict(run.variables)

    def _do(self, execution: Execution, run: ActionRun) -> None:
        from sandbox.codepipeline import approvals, building, sources

        hands = Hands(self.world, execution)
        provider = run.action["actionTypeId"]["provider"]
        if provider == "CodeBuild":
            building.build(self, hands, execution, run)
        elif provider == "Manual":
            approvals.ask(self, hands, execution, run)
        else:
            sources.bring(self.reach, hands, execution, run)

    @staticmethod
    def _fail(run: ActionRun, code: str, message: str) -> None:
        run.status, run.error = FAILED, (code, message)
        if not run.token:  # an approval's summary is what a person said
            run.summary = message[:500]

    def processing_time(self) -> float:
        """What a build counts by: the wall's time, and by how much the clock was moved."""
        return time.monotonic() + self.world.clock.moved

    def wait(
        self,
        execution: Execution,
        run: ActionRun,
        answered: object,
        default_minutes: float,
        now: Callable[[], float] | None = None,
    ) -> None:
        """Wait for what ends an action; raises when it is abandoned, or when its time is over. Time is the
        sandbox's, unless `now` tells another."""
        now = now or self.world.clock.time
        minutes = run.action.get("timeoutInMinutes") or default_minutes
        deadline = now() + minutes * 60
        while not answered.wait(LOOK):  # type: ignore[attr-defined]
            if execution.stop.is_set() and execution.abandon:
                raise AbandonedError
            if now() > deadline:
                raise ActionError(
                    "ActionExecutionTimeout", f"the action had no answer within {minutes:g} minutes"
                )
