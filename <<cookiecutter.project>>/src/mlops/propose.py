"""`mlops propose MODEL --to ENV --dry-run`: write the pin that would promote the newest release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlops import git
from mlops.aws import Aws, is_missing
from mlops.errors import MlopsError, UsageError
from mlops.pin import Origin, Pin, dump_pin, make_pin
from mlops.project import ENVIRONMENTS
from mlops.release import read_package
from mlops.spec import read_spec
from mlops.workspace import open_workspace, read_pins_at, require_environment, require_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ModelPackageSummaryTypeDef

    from mlops.project import Environment
    from mlops.workspace import Workspace


@click.command("propose")
@click.argument("model")
@click.option(
    "--to", "environment", required=True, type=click.Choice(ENVIRONMENTS), help="Where it would go live."
)
@click.option("--dry-run", is_flag=True, help="Print the pin; open nothing.")
def command(model: str, environment: str, dry_run: bool) -> None:
    """Write the pin that would promote MODEL's newest release."""
    if not dry_run:
        raise UsageError(
            "opening the pull request is not supported yet. Write the pin and commit it: "
            f"mlops propose {model} --to {environment} --dry-run > releases/{environment}/{model}.yml"
        )
    workspace = open_workspace()
    require_model(workspace.root, model)
    pin = propose(workspace, Aws(workspace.project.region).sagemaker, model, require_environment(environment))
    click.echo(dump_pin(pin), nl=False)


def propose(workspace: Workspace, sagemaker: SageMakerClient, model: str, environment: Environment) -> Pin:
    """The next pin: staging takes the newest package, prod takes what staging pins, byte for byte."""
    serving = read_spec(workspace.root, model).serve.resolve(environment)
    if environment == "prod":
        commit = git.head_commit(workspace.root)
        source = staging_pin(workspace, model, commit)
        return make_pin(model, source.artifact, serving, Origin(environment="staging", commit=commit))
    package = newest_package(sagemaker, workspace.project.group(model))
    if package is None:
        raise MlopsError(f"{model}: no release is registered. Train one: mlops train {model} --wait")
    return make_pin(model, read_package(package), serving)


def staging_pin(workspace: Workspace, model: str, commit: str) -> Pin:
    """What staging pins at a commit."""
    pins = read_pins_at(workspace.root, commit, "staging", model)
    if not pins:
        raise MlopsError(
            f"{model}: nothing is pinned in staging at {commit[:12]}. Promote it there first: mlops "
            f"propose {model} --to staging"
        )
    return pins[0]


def newest_package(sagemaker: SageMakerClient, group: str) -> Mapping[str, Any] | None:
    """The newest package of a group that nobody rejected; None when there is none."""
    for summary in list_packages(sagemaker, group):
        if summary.get("ModelApprovalStatus") != "Rejected":
            return sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
    return None


def list_packages(sagemaker: SageMakerClient, group: str) -> Iterator[ModelPackageSummaryTypeDef]:
    """The packages of a group, newest first; none where there is no such group."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    try:
        for page in pages:
            yield from page["ModelPackageSummaryList"]
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
