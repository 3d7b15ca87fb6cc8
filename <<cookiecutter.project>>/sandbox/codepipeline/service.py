"""The table of CodePipeline's operations: what is here is served, everything else is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.codepipeline import records, triggers
from sandbox.codepipeline.acting import Actor
from sandbox.codepipeline.conditions import MET
from sandbox.codepipeline.connections import SERVICES, Connections
from sandbox.codepipeline.engine import Engine, Line, finished
from sandbox.codepipeline.pipelines import Pipelines, page
from sandbox.codepipeline.records import (
    FAILED,
    IN_PROGRESS,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    Execution,
    Trigger,
)
from sandbox.codepipeline.state import shown_stage
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.codebuild.reach import Reach
    from sandbox.codepipeline.records import ActionRun
    from sandbox.codepipeline.triggers import Change
    from sandbox.world import Call, World

Record = dict[str, Any]
MOMENTS = {"BEFORE_ENTRY": "beforeEntry", "ON_SUCCESS": "onSuccess"}
WHAT_TRIGGERED = {
    "push": "Push",
    "tag": "Tag",
    "OPEN": "PullRequest",
    "UPDATED": "PullRequest",
    "CLOSED": "PullRequest",
}


class CodePipeline:
    """One account's CodePipeline."""

    def __init__(self, world: World, reach: Reach) -> None:
        self._world = world
        self._engine = Engine(Actor(world, reach))
        self._pipelines = Pipelines(world, self._first)
        self._tokens: dict[str, str] = {}
        reach.worlds[world.account] = world
        reach.pipelines[world.account] = self.hear
        reach.connections[world.account] = self.connections = Connections(world)
        self.operations: dict[str, Callable[[Call], Record]] = {
            **self._pipelines.operations,
            "StartPipelineExecution": self.start,
            "StopPipelineExecution": self.stop,
            "GetPipelineExecution": self.get_execution,
            "GetPipelineState": self.get_state,
            "ListPipelineExecutions": self.list_executions,
            "ListActionExecutions": self.list_actions,
            "PutApprovalResult": self.answer,
            "RetryStageExecution": self.retry,
            "RollbackStage": self.roll_back,
            "EnableStageTransition": self.enable,
            "DisableStageTransition": self.disable,
            "OverrideStageCondition": self.override,
            "ListRuleExecutions": self.list_rules,
        }

    def tables(self) -> dict[str, dict[str, Callable[[Call], Record]]]:
        """What each service serves: pipelines, and connections under two names."""
        found = {service: self.connections.operations(service) for service in SERVICES}
        return {"codepipeline": self.operations, **found}

    def _first(self, line: Line, who: str) -> None:
        self._begin(line, Trigger("CreatePipeline", who), {})

    def start(self, call: Call) -> Record:
        line, params = self._pipelines.find(call.params["name"]), call.params
        token = params.get("clientRequestToken", "")
        if token and token in self._tokens:
            return {"pipelineExecutionId": self._tokens[token]}
        given = {each["name"]: each["value"] for each in params.get("variables", [])}
        sources = {action["name"] for action in line.pipeline["stages"][0]["actions"]}
        revisions = {}
        for each in params.get("sourceRevisions", []):
            if each["revisionType"] != "COMMIT_ID" or each["actionName"] not in sources:
                raise _invalid(f"sourceRevisions: {each}: a COMMIT_ID of one of {', '.join(sorted(sources))}")
            revisions[each["actionName"]] = each["revisionValue"]
        session = call.caller.session
        by_rule = session is not None and session.opening.service == "events.amazonaws.com"
        kind = "CloudWatchEvent" if by_rule else "StartPipelineExecution"
        trigger = Trigger(kind, call.caller.principal.arn, revisions=revisions)
        execution = self._begin(line, trigger, given)
        if token:
            self._tokens[token] = execution.id
        return {"pipelineExecutionId": execution.id}

    def _begin(self, line: Line, trigger: Trigger, given: dict[str, str]) -> Execution:
        declared = {each["name"]: each for each in line.pipeline.get("variables", [])}
        if unknown := sorted(set(given) - set(declared)):
            raise _invalid(f"the pipeline has no variable {', '.join(unknown)}; it has {', '.join(declared)}")
        values = {
            name: given.get(name, each.get("defaultValue", ""))
            for name, each in declared.items()
            if name in given or "defaultValue" in each
        }
        missing = sorted(set(declared) - set(values))
        if missing and trigger.kind == "StartPipelineExecution":
            raise _invalid(f"the variables {', '.join(missing)} have neither a value nor a default")
        return self._engine.start(line, trigger, values)

    def hear(self, change: Change) -> list[str]:
        """Start the pipelines that a change of the forge's repository concerns; their executions."""
        started = []
        for line in list(self._pipelines.lines.values()):
            sources = triggers.sources_to_start(line.pipeline, change)
            if sources:
                detail = f"{WHAT_TRIGGERED[change.kind]} {change.repository} {change.branch} {change.commit}"
                trigger = Trigger("WebhookV2", detail, change, dict.fromkeys(sources, change.commit))
                started.append(self._begin(line, trigger, {}).id)
        return started

    def stop(self, call: Call) -> Record:
        execution, abandon = self._execution(call.params), call.params.get("abandon", False)
        if execution.status == STOPPING and (execution.abandon or not abandon):
            raise ServiceError("DuplicatedStopRequestException", f"execution {execution.id} is being stopped")
        if execution.status not in (IN_PROGRESS, STOPPING):
            raise ServiceError(
                "PipelineExecutionNotStoppableException",
                f"execution {execution.id} is {execution.status} and cannot be stopped",
            )
        with self._engine.changed:
            execution.abandon = abandon
            execution.stop_reason = call.params.get("reason", "")
            execution.status = STOPPING
            execution.stop.set()
            self._engine.changed.notify_all()
        return {"pipelineExecutionId": execution.id}

    def _execution(self, params: Record, member: str = "pipelineExecutionId") -> Execution:
        found = self._pipelines.find(params["pipelineName"]).find(params[member])
        if found is None:
            raise ServiceError(
                "PipelineExecutionNotFoundException",
                f"The pipeline execution '{params[member]}' does not exist in pipeline "
                f"'{params['pipelineName']}'",
            )
        return found

    def get_execution(self, call: Call) -> Record:
        return {"pipelineExecution": records.shown_execution(self._execution(call.params))}

    def get_state(self, call: Call) -> Record:
        line = self._pipelines.find(call.params["name"])
        with self._engine.changed:
            stages = [
                shown_stage(line, stage, number == 0) for number, stage in enumerate(line.pipeline["stages"])
            ]
        return {
            "pipelineName": line.pipeline["name"],
            "pipelineVersion": line.pipeline["version"],
            "stageStates": stages,
            "created": line.created,
            "updated": line.updated,
        }

    def list_executions(self, call: Call) -> Record:
        line = self._pipelines.find(call.params["pipelineName"])
        stage = call.params.get("filter", {}).get("succeededInStage", {}).get("stageName")
        shown = [
            records.shown_summary(each)
            for each in reversed(line.executions)
            if stage is None or each.stages.get(stage) == SUCCEEDED
        ]
        return page(shown, call.params, "pipelineExecutionSummaries")

    def list_actions(self, call: Call) -> Record:
        line = self._pipelines.find(call.params["pipelineName"])
        wanted = call.params.get("filter", {}).get("pipelineExecutionId")
        if wanted is not None:
            self._execution({**call.params, "pipelineExecutionId": wanted})
        shown = [
            records.shown_detail(execution, run)
            for execution in reversed(line.executions)
            if wanted in (None, execution.id)
            for run in reversed(execution.actions)
        ]
        return page(shown, call.params, "actionExecutionDetails")

    def answer(self, call: Call) -> Record:
        params = call.params
        run = self._asked(params)
        with self._engine.changed:
            if run.answered.is_set() or run.status != IN_PROGRESS:
                raise ServiceError(
                    "ApprovalAlreadyCompletedException", f"{params['actionName']} has had its answer"
                )
            run.summary = params["result"]["summary"]
            run.by = call.caller.principal.arn
            run.is_approved = params["result"]["status"] == "Approved"
            run.updated = self._world.clock.now()
            run.answered.set()
        return {"approvedAt": run.updated}

    def _asked(self, params: Record) -> ActionRun:
        line = self._pipelines.find(params["pipelineName"])
        stage = self._stage(line, params["stageName"])
        if not any(action["name"] == params["actionName"] for action in stage["actions"]):
            raise ServiceError("ActionNotFoundException", f"{stage['name']} has no {params['actionName']!r}")
        place = (params["stageName"], params["actionName"])
        for execution in line.executions:
            for run in execution.actions:
                if (run.stage, run.name) == place and run.token == params["token"]:
                    return run
        raise ServiceError(
            "InvalidApprovalTokenException", "the approval request already received a response or has expired"
        )

    @staticmethod
    def _stage(line: Line, name: str) -> Record:
        found = line.stage(name)
        if found is None:
            raise ServiceError("StageNotFoundException", f"the pipeline has no stage {name!r}")
        return found

    def retry(self, call: Call) -> Record:
        params = call.params
        line, execution = self._pipelines.find(params["pipelineName"]), self._execution(params)
        stage = self._stage(line, params["stageName"])
        if not execution.done.is_set() or execution.stages.get(stage["name"]) not in (FAILED, STOPPED):
            raise ServiceError(
                "StageNotRetryableException",
                f"stage {stage['name']} of {execution.id} has neither failed nor been stopped",
            )
        _require_latest(line, execution, stage["name"])
        kept = finished(execution, stage) if params["retryMode"] == "FAILED_ACTIONS" else ()
        self._engine.retry(line, execution, stage["name"], kept)
        return {"pipelineExecutionId": execution.id}

    def override(self, call: Call) -> Record:
        params = call.params
        line, execution = self._pipelines.find(params["pipelineName"]), self._execution(params)
        stage, moment = self._stage(line, params["stageName"]), MOMENTS[params["conditionType"]]
        _require_latest(line, execution, stage["name"])
        of, verdict = line.verdicts.get((stage["name"], moment), (None, MET))
        waits = verdict.status == IN_PROGRESS and not execution.done.is_set()
        has_failed = verdict.result not in ("", "SKIP") and execution.done.is_set()
        if of is not execution or not (waits or has_failed):
            raise ServiceError(
                "ConditionNotOverridableException",
                f"{moment} of stage {stage['name']} neither waits nor has failed in {execution.id}"
                + (": it was skipped" if verdict.result == "SKIP" else ""),
            )
        self._engine.override(line, execution, stage["name"], moment)
        return {}

    def list_rules(self, call: Call) -> Record:
        line = self._pipelines.find(call.params["pipelineName"])
        wanted = call.params.get("filter", {}).get("pipelineExecutionId")
        shown = [
            records.shown_rule(execution, run)
            for execution in reversed(line.executions)
            if wanted in (None, execution.id)
            for run in reversed(execution.rules)
        ]
        return page(shown, call.params, "ruleExecutionDetails")

    def roll_back(self, call: Call) -> Record:
        params = call.params
        line = self._pipelines.find(params["pipelineName"])
        stage = self._stage(line, params["stageName"])
        target = self._execution(params, "targetPipelineExecutionId")
        if target.pipeline["version"] != line.pipeline["version"]:
            raise ServiceError(
                "PipelineExecutionOutdatedException", "the pipeline has changed since that execution"
            )
        first = line.pipeline["stages"][0]["name"] == stage["name"]
        if (
            first
            or target.rolls_back
            or target.stages.get(stage["name"]) != SUCCEEDED
            or target.mode == "PARALLEL"
        ):
            raise ServiceError(
                "UnableToRollbackStageException",
                f"stage {stage['name']} cannot roll back to execution {target.id}: it is "
                f"{target.stages.get(stage['name'], 'not run')} there, {target.type}, {target.mode}",
            )
        trigger = Trigger("ManualRollback", call.caller.principal.arn)
        return {"pipelineExecutionId": self._engine.roll_back(line, stage, target, trigger).id}

    def enable(self, call: Call) -> Record:
        line, stage = self._transition(call.params)
        with self._engine.changed:
            line.closed.pop(stage, None)
            self._engine.changed.notify_all()
        return {}

    def disable(self, call: Call) -> Record:
        line, stage = self._transition(call.params)
        line.closed[stage] = {
            "enabled": False,
            "lastChangedBy": call.caller.principal.arn,
            "lastChangedAt": self._world.clock.now(),
            "disabledReason": call.params["reason"],
        }
        return {}

    def _transition(self, params: Record) -> tuple[Line, str]:
        """The stage whose way in is meant: a stage's way out is the way into the next."""
        line = self._pipelines.find(params["pipelineName"])
        names = [stage["name"] for stage in line.pipeline["stages"]]
        self._stage(line, params["stageName"])
        place = names.index(params["stageName"]) + (params["transitionType"] == "Outbound")
        if not 0 < place < len(names):
            raise _invalid(f"stage {params['stageName']} has no {params['transitionType']} transition")
        return line, names[place]


def _require_latest(line: Line, execution: Execution, stage: str) -> None:
    is_latest = line.entered.get(stage) is execution or execution.mode == "PARALLEL"
    if not is_latest or execution.pipeline["version"] != line.pipeline["version"]:
        raise ServiceError(
            "NotLatestPipelineExecutionException",
            f"execution {execution.id} is not the latest one of stage {stage}",
        )


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
