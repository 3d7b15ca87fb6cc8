"""What people confirmed in a pipeline: `mlops approve` writes it, `deploy --confirmed-in` holds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.aws import error_code
from mlops.errors import MlopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops.approvals import Approved, Move
    from mlops.project import Environment, Project

STAGE = "Approve"  # of the stage and of its one action, in infra/pipeline.yml
UNKNOWN = ("PipelineExecutionNotFoundException", "ValidationException")
HOW = "Ask for it: mlops bootstrap training --set ManualApproval=prod"


@dataclass(frozen=True)
class Confirmation:
    """How the approval of an execution stands, what was said, and which execution waits `behind`."""

    execution: str
    status: str
    summary: str = ""
    token: str = ""
    why: str = ""
    behind: str = ""

    def names(self, model: str, release: str) -> bool:
        """Whether it says a model's release."""
        return f"{model} {release}" in self.summary

    def said(self) -> str:
        """What was said, as messages tell it."""
        return f"says {self.summary!r}" if self.summary else "says nothing"


def pipeline_name(project: Project, environment: Environment) -> str:
    """The pipeline that deploys to an environment."""
    if project.ci != "codepipeline":
        raise UsageError(f"project.yml: ci {project.ci!r} has no pipelines; only 'codepipeline' has")
    return f"{project.project}-deploy-{environment}"


def start_again(pipeline: str) -> str:
    """What has a pipeline ask again."""
    return f"To be asked again: aws codepipeline start-pipeline-execution --name {pipeline}"


def read_confirmation(client: Any, pipeline: str) -> Confirmation:
    """How the approval of a pipeline stands: of the execution that came to it last."""
    stages = client.get_pipeline_state(name=pipeline)["stageStates"]
    stage: Mapping[str, Any] = next((each for each in stages if each["stageName"] == STAGE), {})
    if not stage:
        raise UsageError(f"{pipeline} asks nobody for a confirmation. {HOW}")
    latest = stage.get("latestExecution", {})
    run = stage["actionStates"][0].get("latestExecution", {})
    if latest.get("status") in ("Skipped", None):  # the action's last run is of an execution before
        run = {"status": latest.get("status", "")}
    is_open = run.get("status") == "InProgress"
    return Confirmation(
        latest.get("pipelineExecutionId", ""),
        run.get("status", ""),
        run.get("summary", ""),
        run.get("token", "") if is_open else "",
        run.get("errorDetails", {}).get("message", ""),
        stage.get("inboundExecution", {}).get("pipelineExecutionId", ""),
    )


def find_confirmation(client: Any, pipeline: str, execution: str) -> Confirmation:
    """How the approval of one execution stands, also when the next has come to the stage since."""
    found = read_confirmation(client, pipeline)
    if found.execution == execution:
        return found
    runs = list_runs(client, pipeline, execution)
    own = next((run for run in runs if (run["stageName"], run["actionName"]) == (STAGE, STAGE)), None)
    if own is None:
        return Confirmation(execution, "")
    result = own.get("output", {}).get("executionResult", {})
    return Confirmation(execution, own["status"], result.get("externalExecutionSummary", ""))


def list_runs(client: Any, pipeline: str, execution: str) -> list[dict[str, Any]]:
    """The actions of an execution, the newest first; none of one that there is not."""
    from botocore.exceptions import ClientError

    try:
        found = client.list_action_executions(
            pipelineName=pipeline, filter={"pipelineExecutionId": execution}
        )
    except ClientError as error:
        if error_code(error) not in UNKNOWN:
            raise
        return []
    return list(found["actionExecutionDetails"])


def require_confirmation(
    count: Callable[[Move], Approved], confirmation: Confirmation
) -> Callable[[Move], Approved]:
    """Count approvals as before, of those releases alone that somebody confirmed in an execution."""

    def confirm(move: Move) -> Approved:
        refuse_unconfirmed(move, confirmation)
        return count(move)

    return confirm


def refuse_unconfirmed(move: Move, confirmation: Confirmation) -> None:
    """Raise unless the approval was given and names the release."""
    again = f"mlops approve {move.model} --env {move.environment}, when the pipeline asks again"
    if confirmation.status != "Succeeded":
        raise MlopsError(
            f"nobody confirmed execution {confirmation.execution!r}: its approval is "
            f"{confirmation.status or 'unasked'!r}. {again}"
        )
    if not confirmation.names(move.model, move.release):
        raise MlopsError(f"the approval {confirmation.said()}, not '{move.model} {move.release}'. {again}")
