"""Gather what the body of a pull request needs: evaluations from S3, commits from git, the soak's dates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mlops import git
from mlops.approvals import source_paths
from mlops.aws import is_missing
from mlops.body import render_body, render_tombstone_body
from mlops.errors import MlopsError
from mlops.evaluation import Evaluation
from mlops.pin import dump_pin, pin_path
from mlops.proposal import Proposal, Retirement
from mlops.pulls import Change, branch_name
from mlops.soak import soak_key
from mlops.verify import read_evaluation
from mlops.workspace import read_pins_at

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from mlops.aws import Aws
    from mlops.pin import Pin, Tombstone
    from mlops.project import Environment, Project
    from mlops.proposal import Kind
    from mlops.workspace import Workspace

TITLES = {
    "promote": "Promote {model} {release} to {environment}",
    "rollback": "Roll {model} back to {release} in {environment}",
    "serving": "Serve {model} {release} differently in {environment}",
}


def describe_pin(workspace: Workspace, aws: Aws, environment: Environment, pin: Pin, kind: Kind) -> Change:
    """The change that a pin is, with a body that a reviewer can decide from."""
    live = live_pin(workspace, environment, pin.model)
    proposal = Proposal(
        project=workspace.project,
        environment=environment,
        model=pin.model,
        pin=pin,
        live=live,
        evaluation=require_evaluation(aws, pin),
        live_evaluation=find_evaluation(aws, live) if live else None,
        soak=describe_soak(aws.s3, workspace.project, pin) if environment == "prod" else None,
        commits=list_commits(workspace, live, pin),
        kind=kind,
        required_approvals=getattr(workspace.project.approvals, environment),
    )
    title = TITLES[kind].format(model=pin.model, release=pin.release_hex[:12], environment=environment)
    return make_change(workspace, kind, environment, pin, title, render_body(proposal))


def describe_tombstone(workspace: Workspace, environment: Environment, tombstone: Tombstone) -> Change:
    """The change that takes a model out of an environment."""
    live = live_pin(workspace, environment, tombstone.model)
    if live is None:
        raise MlopsError(f"{tombstone.model!r} is not pinned in {environment} at HEAD; nothing is to retire")
    required = getattr(workspace.project.approvals, environment)
    body = render_tombstone_body(Retirement(workspace.project, environment, tombstone, live, required))
    title = f"Retire {tombstone.model} from {environment}"
    return make_change(workspace, "retire", environment, tombstone, title, body)


def make_change(
    workspace: Workspace, kind: str, environment: Environment, pin: Pin | Tombstone, title: str, body: str
) -> Change:
    """A pin's file on the branch of its kind."""
    branch = branch_name("promote" if kind == "serving" else kind, environment, pin.model)
    path = git.project_prefix(workspace.root) + pin_path(environment, pin.model)
    return Change(environment, pin.model, branch, path, dump_pin(pin), title, body)


def live_pin(workspace: Workspace, environment: Environment, model: str) -> Pin | None:
    """What HEAD pins now."""
    pins = read_pins_at(workspace.root, git.head_commit(workspace.root), environment, model)
    return pins[0] if pins else None


def require_evaluation(aws: Aws, pin: Pin) -> Evaluation:
    """The candidate's evaluation, whole: nobody should judge a release without it."""
    try:
        package = aws.sagemaker.describe_model_package(ModelPackageName=pin.artifact.package)
        return Evaluation.model_validate_json(json.dumps(read_evaluation(aws.s3, pin, package)))
    except ValidationError as error:
        raise MlopsError(
            f"{pin.model}: the evaluation of release {pin.release} is not one that this version reads "
            f"({error.error_count()} problems). Train it again: mlops train {pin.model}"
        ) from None


def find_evaluation(aws: Aws, pin: Pin) -> Evaluation | None:
    """The live release's evaluation; None where it is gone or older than this version reads."""
    try:
        return require_evaluation(aws, pin)
    except MlopsError:
        return None
    except aws.sagemaker.exceptions.ClientError as error:
        if is_missing(error):
            return None
        raise


def describe_soak(s3: S3Client, project: Project, pin: Pin) -> str | None:
    """How the release did in staging, in words; None where it never soaked."""
    key = soak_key("staging", pin.model, pin.release_hex)
    try:
        found = json.loads(s3.get_object(Bucket=project.releases_bucket, Key=key)["Body"].read())
    except s3.exceptions.ClientError as error:
        if is_missing(error):
            return None
        raise
    return f"in service in staging from {found['since']} to {found['until']} without an alarm"


def list_commits(workspace: Workspace, live: Pin | None, pin: Pin) -> list[tuple[str, str, str]]:
    """(commit, subject, author) of what the release brings beyond the live one, newest first."""
    wanted = f"{live.artifact.commit}..{pin.artifact.commit}" if live else pin.artifact.commit
    paths = source_paths(workspace.root, pin.model, pin.artifact.commit)
    lines = git.git(workspace.root, "log", "-z", "--format=%H%x1f%s%x1f%an", wanted, "--", *paths).decode()
    fields = (line.split("\x1f") for line in lines.split("\0") if line)
    return [(commit, subject, author) for commit, subject, author in fields]
