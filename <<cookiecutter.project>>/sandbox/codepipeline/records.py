"""What a pipeline keeps of its executions, and how the API shows it."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.codepipeline.triggers import Change

Record = dict[str, Any]
IN_PROGRESS, SUCCEEDED, FAILED, SKIPPED = "InProgress", "Succeeded", "Failed", "Skipped"
STOPPING, STOPPED, SUPERSEDED, ABANDONED = "Stopping", "Stopped", "Superseded", "Abandoned"


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass
class ActionRun:
    """One run of one action."""

    stage: str
    action: Record
    started: datetime
    updated: datetime
    id: str = field(default_factory=new_id)
    status: str = IN_PROGRESS
    summary: str = ""
    token: str = ""
    by: str = ""
    external_id: str = ""
    external_url: str = ""
    error: tuple[str, str] | None = None
    configuration: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)  # artifact: key
    outputs: dict[str, str] = field(default_factory=dict)
    answered: threading.Event = field(default_factory=threading.Event)  # of an approval
    is_approved: bool = False

    @property
    def name(self) -> str:
        return str(self.action["name"])


@dataclass(frozen=True)
class RuleRun:
    """One run of one rule of a stage's conditions."""

    stage: str
    rule: Record
    started: datetime
    updated: datetime
    met: bool
    why: str
    configuration: dict[str, str]  # with each variable's value in its place
    id: str = field(default_factory=new_id)


@dataclass(frozen=True)
class Trigger:
    """What started an execution."""

    kind: str
    detail: str
    change: Change | None = None
    revisions: dict[str, str] = field(default_factory=dict)  # source action: commit


@dataclass
class Execution:
    """One execution of a pipeline, with the pipeline as it was when it began."""

    pipeline: Record
    trigger: Trigger
    started: datetime
    variables: dict[str, str]
    id: str = field(default_factory=new_id)
    status: str = IN_PROGRESS
    summary: str = ""
    updated: datetime | None = None
    rolls_back: str = ""  # the execution whose stage this one runs again
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)  # name: key in the store
    revisions: dict[str, Record] = field(default_factory=dict)  # source action: artifactRevision
    stages: dict[str, str] = field(default_factory=dict)  # name: status
    actions: list[ActionRun] = field(default_factory=list)
    retried: dict[str, int] = field(default_factory=dict)  # stage: attempts that its onFailure made
    retried_by_hand: dict[str, int] = field(default_factory=dict)
    overridden: set[tuple[str, str]] = field(default_factory=set)  # stage and moment of conditions set aside
    rules: list[RuleRun] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    abandon: bool = False
    stop_reason: str = ""
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def mode(self) -> str:
        return str(self.pipeline.get("executionMode", "SUPERSEDED"))

    @property
    def type(self) -> str:
        return "ROLLBACK" if self.rolls_back else "STANDARD"

    def values(self) -> dict[str, dict[str, str]]:
        """Every variable's value so far, by namespace."""
        own = {"PipelineExecutionId": self.id}
        return {**self.namespaces, "variables": self.variables, "codepipeline": own}

    def latest(self, stage: str, action: str) -> ActionRun | None:
        """The last run of an action."""
        found = (run for run in reversed(self.actions) if (run.stage, run.name) == (stage, action))
        return next(found, None)


def shown_execution(execution: Execution) -> Record:
    """As GetPipelineExecution has it."""
    return {
        "pipelineName": execution.pipeline["name"],
        "pipelineVersion": execution.pipeline["version"],
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "statusSummary": execution.summary,
        "artifactRevisions": list(execution.revisions.values()),
        "variables": [{"name": name, "resolvedValue": value} for name, value in execution.variables.items()],
        **_kind(execution),
    }


def _kind(execution: Execution) -> Record:
    rolled = {"rollbackTargetPipelineExecutionId": execution.rolls_back}
    return {
        "trigger": {"triggerType": execution.trigger.kind, "triggerDetail": execution.trigger.detail},
        "executionMode": execution.mode,
        "executionType": execution.type,
        **({"rollbackMetadata": rolled} if execution.rolls_back else {}),
    }


def shown_summary(execution: Execution) -> Record:
    """As ListPipelineExecutions has it."""
    sources = [
        {
            "actionName": name,
            "revisionId": found["revisionId"],
            "revisionSummary": found["revisionSummary"],
            "revisionUrl": found["revisionUrl"],
        }
        for name, found in execution.revisions.items()
    ]
    stopped = {"stopTrigger": {"reason": execution.stop_reason}} if execution.stop.is_set() else {}
    return {
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "statusSummary": execution.summary,
        "startTime": execution.started,
        "lastUpdateTime": execution.updated or execution.started,
        "sourceRevisions": sources,
        **stopped,
        **_kind(execution),
    }


def shown_run(run: ActionRun) -> Record:
    """As GetPipelineState has it."""
    found = {
        "actionExecutionId": run.id,
        "status": run.status,
        "summary": run.summary,
        "lastStatusChange": run.updated,
        "token": run.token,
        "lastUpdatedBy": run.by,
        "externalExecutionId": run.external_id,
        "externalExecutionUrl": run.external_url,
    }
    error = {"errorDetails": {"code": run.error[0], "message": run.error[1]}} if run.error else {}
    return {**{name: value for name, value in found.items() if value}, **error}


def shown_detail(execution: Execution, run: ActionRun) -> Record:
    """As ListActionExecutions has it."""
    bucket = execution.pipeline["artifactStore"]["location"]
    result = {
        "externalExecutionId": run.external_id,
        "externalExecutionSummary": run.summary,
        "externalExecutionUrl": run.external_url,
    }
    if run.error:
        result["errorDetails"] = {"code": run.error[0], "message": run.error[1]}  # type: ignore[assignment]
    return {
        "pipelineExecutionId": execution.id,
        "actionExecutionId": run.id,
        "pipelineVersion": execution.pipeline["version"],
        "stageName": run.stage,
        "actionName": run.name,
        "startTime": run.started,
        "lastUpdateTime": run.updated,
        "updatedBy": run.by or None,
        "status": run.status,
        "input": {
            "actionTypeId": run.action["actionTypeId"],
            "configuration": run.action.get("configuration", {}),
            "resolvedConfiguration": run.configuration,
            "region": run.action.get("region"),
            "inputArtifacts": _artifacts(bucket, run.inputs),
            "namespace": run.action.get("namespace"),
        },
        "output": {
            "outputArtifacts": _artifacts(bucket, run.outputs),
            "executionResult": {name: value for name, value in result.items() if value},
            "outputVariables": run.variables,
        },
    }


def shown_rule(execution: Execution, run: RuleRun) -> Record:
    """As ListRuleExecutions has it."""
    return {
        "pipelineExecutionId": execution.id,
        "ruleExecutionId": run.id,
        "pipelineVersion": execution.pipeline["version"],
        "stageName": run.stage,
        "ruleName": run.rule["name"],
        "startTime": run.started,
        "lastUpdateTime": run.updated,
        "status": SUCCEEDED if run.met else FAILED,
        "input": {
            "ruleTypeId": run.rule["ruleTypeId"],
            "configuration": run.rule.get("configuration", {}),
            "resolvedConfiguration": run.configuration,
        },
        "output": {"executionResult": {"externalExecutionSummary": run.why}},
    }


def _artifacts(bucket: str, keys: dict[str, str]) -> list[Record]:
    return [{"name": name, "s3location": {"bucket": bucket, "key": key}} for name, key in keys.items()]
