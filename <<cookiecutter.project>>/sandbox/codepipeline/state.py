"""GetPipelineState: each stage with who is in it, who waits, and how its actions and conditions stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.codepipeline.records import FAILED, IN_PROGRESS, SUCCEEDED, ActionRun, Execution, shown_run

if TYPE_CHECKING:
    from sandbox.codepipeline.engine import Line

Record = dict[str, Any]
MOMENTS = ("beforeEntry", "onSuccess", "onFailure")


def shown_stage(line: Line, stage: Record, is_first: bool) -> Record:
    """One stage, as the API has it."""
    name = stage["name"]
    found: Record = {
        "stageName": name,
        "actionStates": [_action(line, name, each) for each in stage["actions"]],
    }
    waiting = [_execution(each, IN_PROGRESS) for each in line.waiting.get(name, [])]
    if waiting:
        found |= {"inboundExecution": waiting[0], "inboundExecutions": waiting}
    if not is_first:
        found["inboundTransitionState"] = line.closed.get(name, {"enabled": True})
    latest = line.entered.get(name)
    if latest:
        found["latestExecution"] = _execution(latest, latest.stages[name])
        if retried := _retries(latest, name):
            found["retryStageMetadata"] = retried
    for moment in MOMENTS:
        if (name, moment) in line.verdicts:
            found[f"{moment}ConditionState"] = _condition(*line.verdicts[(name, moment)])
    return found


def _retries(execution: Execution, stage: str) -> Record:
    """How often a stage was tried again, and at whose word last."""
    own, by_hand = execution.retried.get(stage, 0), execution.retried_by_hand.get(stage, 0)
    counts = {"autoStageRetryAttempt": own, "manualStageRetryAttempt": by_hand}
    found: Record = {name: count for name, count in counts.items() if count}
    if found:
        found["latestRetryTrigger"] = "ManualStageRetry" if by_hand else "AutomatedStageRetry"
    return found


def _execution(execution: Execution, status: str) -> Record:
    return {"pipelineExecutionId": execution.id, "status": status, "type": execution.type}


def _action(line: Line, stage: str, action: Record) -> Record:
    """The last run of an action, whichever execution it was of."""
    latest: ActionRun | None = None
    for execution in line.executions:
        run = execution.latest(stage, action["name"])
        if run and (latest is None or run.started >= latest.started):
            latest = run
    found: Record = {"actionName": action["name"]}
    if latest:
        found["latestExecution"] = shown_run(latest)
        if action["actionTypeId"]["category"] == "Source" and latest.external_id:
            found["currentRevision"] = {
                "revisionId": latest.external_id,
                "revisionChangeId": latest.external_id,
                "created": latest.updated,
            }
    return found


def _condition(execution: Execution, verdict: Any) -> Record:
    status = verdict.status or (FAILED if verdict.result else SUCCEEDED)
    moment = execution.updated or execution.started
    rules = [
        {
            "ruleName": name,
            "latestExecution": {
                "status": SUCCEEDED if met else FAILED,
                "summary": why,
                "lastStatusChange": moment,
            },
        }
        for name, met, why in verdict.rules
    ]
    whole = {"status": status, "summary": verdict.summary}
    return {
        "latestExecution": whole,
        "conditionStates": [{"latestExecution": {**whole, "lastStatusChange": moment}, "ruleStates": rules}],
    }
