"""`mlops approve MODEL… --env ENV`: confirm, in the pipeline that waits for it, what it is about to deploy.

A manual approval of CodePipeline says neither commit nor release, so it would confirm whatever comes. This
verb writes the releases that the waiting execution pins into its summary, and `mlops deploy --confirmed-in`
refuses what is not named there; the audit finds an approval that names none.
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutApprovalResult.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mlops import codebuild_job, git
from mlops.errors import MlopsError, UsageError
from mlops.pin import Tombstone, parse_pin_file, pin_path
from mlops.project import ENVIRONMENTS
from mlops.workspace import open_workspace, require_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlops.approvals import Approved, Move
    from mlops.project import Environment, Project
    from mlops.workspace import Workspace

STAGE = "Approve"  # of the stage and of its one action, in infra/pipeline.yml
LONGEST = 512  # characters of a summary
HOW = "Ask for it: mlops bootstrap training --set ManualApproval=prod"


@dataclass(frozen=True)
class Confirmation:
    """How the approval of a pipeline stands: which execution came to it last, and what was said."""

    execution: str
    status: str
    summary: str
    token: str


@click.command("approve")
@click.argument("models", nargs=-1, required=True, metavar="MODEL…")
@click.option("--env", "environment", required=True, type=click.Choice(ENVIRONMENTS), help="Where.")
@click.option("--reject", is_flag=True, help="Say no: nothing of this execution is deployed.")
def command(models: tuple[str, ...], environment: str, reject: bool) -> None:
    """Confirm the releases of MODELs that the pipeline of ENVIRONMENT waits to deploy."""
    workspace, where = open_workspace(), require_environment(environment)
    client = connect(workspace.project)
    pipeline = pipeline_name(workspace.project, where)
    waiting = read_confirmation(client, pipeline)
    if not waiting.token:
        raise UsageError(f"{pipeline} waits for nobody now; what it did: mlops status {environment}")
    found = client.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=waiting.execution)
    commit = found["pipelineExecution"]["artifactRevisions"][0]["revisionId"]
    summary = summarise(read_releases(workspace, commit, where, models))
    status = "Rejected" if reject else "Approved"
    client.put_approval_result(
        pipelineName=pipeline,
        stageName=STAGE,
        actionName=STAGE,
        result={"summary": summary, "status": status},
        token=waiting.token,
    )
    click.echo(f"{status.lower()} in {pipeline}, commit {commit[:12]}: {summary}")


def connect(project: Project) -> Any:
    """CodePipeline where the pipelines are: a build comes as its own role, whichever it has taken since."""
    from mlops.aws import Aws
    from mlops.foundation.account import client

    if codebuild_job.is_here():
        session: Any = codebuild_job.own_session(project.region)
        return session.client("codepipeline")
    return client(Aws(project.region), "codepipeline")


def pipeline_name(project: Project, environment: Environment) -> str:
    """The pipeline that deploys to an environment."""
    if project.ci != "codepipeline":
        raise UsageError(f"project.yml: ci {project.ci!r} has no pipelines; only 'codepipeline' has")
    return f"{project.project}-deploy-{environment}"


def read_confirmation(client: Any, pipeline: str) -> Confirmation:
    """How the approval of a pipeline stands."""
    stages = client.get_pipeline_state(name=pipeline)["stageStates"]
    stage: Mapping[str, Any] = next((each for each in stages if each["stageName"] == STAGE), {})
    if not stage:
        raise UsageError(f"{pipeline} asks nobody for a confirmation. {HOW}")
    latest = stage["actionStates"][0].get("latestExecution", {})
    execution = stage.get("latestExecution", {}).get("pipelineExecutionId", "")
    is_open = latest.get("status") == "InProgress"
    return Confirmation(
        execution,
        latest.get("status", ""),
        latest.get("summary", ""),
        latest.get("token", "") if is_open else "",
    )


def read_releases(
    workspace: Workspace, commit: str, environment: Environment, models: Sequence[str]
) -> dict[str, str]:
    """The releases that a commit pins."""
    paths = {model: pin_path(environment, model) for model in models}
    texts = git.read_files(workspace.root, commit, list(paths.values()))
    found = {}
    for model, path in paths.items():
        text = texts[path]
        if text is None:
            raise UsageError(f"{path} is not in commit {commit[:12]}, which the pipeline waits to deploy")
        pin = parse_pin_file(text.decode(), environment, model)
        if isinstance(pin, Tombstone):
            raise UsageError(
                f"{path} retires {model} in commit {commit[:12]}: there is no release to confirm"
            )
        found[model] = pin.release
    return found


def summarise(releases: Mapping[str, str]) -> str:
    """What the summary of an approval says."""
    summary = "; ".join(f"{model} {release}" for model, release in releases.items())
    if len(summary) > LONGEST:
        raise UsageError(
            f"{len(releases)} releases do not fit into {LONGEST} characters; merge fewer at a time"
        )
    return summary


def require_confirmation(
    count: Callable[[Move], Approved], confirmation: Confirmation, execution: str
) -> Callable[[Move], Approved]:
    """Count approvals as before, of those releases alone that somebody confirmed in an execution."""

    def confirm(move: Move) -> Approved:
        refuse_unconfirmed(move, confirmation, execution)
        return count(move)

    return confirm


def refuse_unconfirmed(move: Move, confirmation: Confirmation, execution: str) -> None:
    """Raise unless the approval is this execution's, was given, and names the release."""
    again = f"mlops approve {move.model} --env {move.environment}, when the pipeline asks again"
    if confirmation.execution != execution or confirmation.status != "Succeeded":
        raise MlopsError(
            f"nobody confirmed execution {execution!r}: the approval stands as "
            f"{confirmation.status or 'unasked'!r} for {confirmation.execution or 'none'!r}. {again}"
        )
    if f"{move.model} {move.release}" not in confirmation.summary:
        said = repr(confirmation.summary) if confirmation.summary else "nothing"
        raise MlopsError(f"the approval says {said}, not '{move.model} {move.release}'. {again}")
