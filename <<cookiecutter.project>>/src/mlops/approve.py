"""`mlops approve MODEL… --env ENV`: confirm, in the pipeline that waits for it, what it is about to deploy.

A manual approval of CodePipeline says neither commit nor release, so it would confirm whatever comes. This
verb writes the releases that the waiting execution pins into its summary, and `mlops deploy --confirmed-in`
refuses what is not named there; the audit finds an approval that names none.
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutApprovalResult.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlops import codebuild_job, git
from mlops.aws import error_code
from mlops.confirmation import STAGE, Confirmation, pipeline_name, read_confirmation, start_again
from mlops.errors import MlopsError, UsageError
from mlops.pin import Tombstone, parse_pin_file, pin_path
from mlops.project import ENVIRONMENTS
from mlops.workspace import open_workspace, require_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops.project import Environment

LONGEST = 512  # characters of a summary
ANSWERED = ("ApprovalAlreadyCompletedException", "InvalidApprovalTokenException")
STATUSES = {"Approved": "Succeeded", "Rejected": "Failed"}  # what is answered: how the action then stands


@click.command("approve")
@click.argument("models", nargs=-1, required=True, metavar="MODEL…")
@click.option("--env", "environment", required=True, type=click.Choice(ENVIRONMENTS), help="Where.")
@click.option("--reject", is_flag=True, help="Say no: nothing of this execution is deployed.")
def command(models: tuple[str, ...], environment: str, reject: bool) -> None:
    """Confirm the releases of MODELs that the pipeline of ENVIRONMENT waits to deploy."""
    workspace, where = open_workspace(), require_environment(environment)
    project = workspace.project
    pipeline, client = pipeline_name(project, where), codebuild_job.client(project.region, "codepipeline")
    answer = "Rejected" if reject else "Approved"
    asked = read_confirmation(client, pipeline)
    if not asked.execution:
        raise UsageError(f"{pipeline} has asked nobody yet. {start_again(pipeline)}")
    commit = read_commit(client, pipeline, asked.execution)
    releases = read_releases(workspace.root, commit, where, models)
    said = f"{answer.lower()} in {pipeline}, commit {commit[:12]}: {summarise(releases)}"
    if not asked.token:
        require_answered(asked, answer, releases, pipeline)
        click.echo(f"already {said}")
        return
    if not reject:
        refuse_overtaken(client, workspace.root, where, releases, asked, pipeline)
    put(client, pipeline, asked.token, answer, summarise(releases))
    click.echo(said)


def read_commit(client: Any, pipeline: str, execution: str) -> str:
    """The commit that an execution is about."""
    found = client.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=execution)
    revisions = found["pipelineExecution"].get("artifactRevisions", [])
    if not revisions:
        raise MlopsError(f"execution {execution} of {pipeline} names no commit. {start_again(pipeline)}")
    return str(revisions[0]["revisionId"])


def require_commit(root: Path, commit: str) -> None:
    """Raise where a clone is older than what the pipeline is about."""
    try:
        git.resolve_commit(root, commit)
    except MlopsError:
        raise UsageError(
            f"this clone has no commit {commit[:12]}, which the pipeline is about: git fetch"
        ) from None


def read_releases(root: Path, commit: str, environment: Environment, models: Sequence[str]) -> dict[str, str]:
    """The releases that a commit pins."""
    require_commit(root, commit)
    paths = {model: pin_path(environment, model) for model in models}
    texts = git.read_files(root, commit, list(paths.values()))
    found = {}
    for model, path in paths.items():
        text = texts[path]
        if text is None:
            raise UsageError(f"{path} is not in commit {commit[:12]}, which the pipeline is about")
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
            f"{len(releases)} releases do not fit into {LONGEST} characters; confirm some of them now, and "
            "the others when the pipeline asks again"
        )
    return summary


def require_answered(asked: Confirmation, answer: str, releases: Mapping[str, str], pipeline: str) -> None:
    """Raise unless what is to be said has been said: a second run is no failure."""
    named = all(asked.names(model, release) for model, release in releases.items())
    if asked.status != STATUSES[answer] or not named:
        why = f": {asked.why}" if asked.why else ""
        raise MlopsError(
            f"{pipeline} waits for nobody now: its last approval, of execution {asked.execution}, is "
            f"{asked.status!r}, {asked.said()}{why}. {start_again(pipeline)}"
        )


def refuse_overtaken(
    client: Any,
    root: Path,
    environment: Environment,
    releases: Mapping[str, str],
    asked: Confirmation,
    pipeline: str,
) -> None:
    """Raise when an execution waits behind this one that pins another release: `deploy` would refuse this."""
    if not asked.behind:
        return
    newer = read_commit(client, pipeline, asked.behind)
    later = read_releases(root, newer, environment, list(releases))
    moved = [model for model in releases if releases[model] != later[model]]
    if moved:
        raise MlopsError(
            f"commit {newer[:12]}, which waits behind in {pipeline}, moves {moved[0]} again: deploy would "
            f"refuse what is confirmed now. Say no to it, then yes to what comes: "
            f"mlops approve {moved[0]} --env {environment} --reject"
        )


def put(client: Any, pipeline: str, token: str, answer: str, summary: str) -> None:
    """Answer; somebody may have been faster."""
    from botocore.exceptions import ClientError

    try:
        client.put_approval_result(
            pipelineName=pipeline,
            stageName=STAGE,
            actionName=STAGE,
            result={"summary": summary, "status": answer},
            token=token,
        )
    except ClientError as error:
        if error_code(error) not in ANSWERED:
            raise
        raise MlopsError(
            f"{pipeline}: the approval was answered, or is over, since it was looked at; nothing was "
            "changed. The same command says how it stands"
        ) from None
