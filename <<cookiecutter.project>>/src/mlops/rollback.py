"""`mlops rollback MODEL --env ENV`: the release that was live before.

It opens the pull request that pins it; merging that is the rollback. `--now` is break-glass: it points the
endpoint at a config that was once live, at once, and holds `deploy` until git says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.aws import Aws, is_missing
from mlops.endpoint import await_rest, confirm
from mlops.errors import MlopsError, UsageError
from mlops.evidence import has_stayed
from mlops.forge import open_forge
from mlops.hold import list_holds, put_hold, read_hold
from mlops.live import describe_live
from mlops.pin import Pin, dump_pin, is_tombstone, pin_path, read_past_pin
from mlops.project import ENVIRONMENTS
from mlops.pulls import publish
from mlops.target import Target
from mlops.workspace import open_workspace, require_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_sagemaker import SageMakerClient

    from mlops.project import Environment
    from mlops.workspace import Workspace


@click.command("rollback")
@click.argument("model")
@click.option("--env", "environment", required=True, type=click.Choice(ENVIRONMENTS), help="Where.")
@click.option(
    "--now", is_flag=True, help="Break-glass: flip the endpoint first, ratify by pull request after."
)
@click.option("--dry-run", is_flag=True, help="Print the pin; open and change nothing.")
def command(model: str, environment: str, now: bool, dry_run: bool) -> None:
    """Go back to the release of MODEL that was live before the one that is."""
    workspace = open_workspace()
    aws, where = Aws(workspace.project.region), require_environment(environment)
    if now and dry_run:
        raise UsageError("--now changes the endpoint, --dry-run changes nothing; give one of them")
    if now:
        target = choose_target(workspace, aws, where, model)
        flip(aws, target)
        click.echo(f"{target.endpoint} serves release {target.pin.release} again, and `deploy` is held.")
        click.echo(f"Make git say so: mlops rollback {model} --env {environment}")
        return
    pin = choose_pin(workspace, aws, where, model)
    if dry_run:
        click.echo(dump_pin(pin), nl=False)
        return
    from mlops.promotion import describe_pin

    change = describe_pin(workspace, aws, where, pin, "rollback")
    click.echo(publish(open_forge(workspace.project), change, asked=True))


def choose_pin(workspace: Workspace, aws: Aws, environment: Environment, model: str) -> Pin:
    """The pin to go back to: what a hand or an alarm brought back, else the newest other that was live."""
    commits = list(read_versions(workspace.root, environment, model))
    if not commits:
        raise MlopsError(
            f"{model!r} was never pinned in {environment}. See: git log -- {pin_path(environment, model)}"
        )
    if model in list_holds(aws.s3, workspace.project, environment):
        hold = read_hold(aws.s3, workspace.project, environment, model)
        restored = restored_pin(workspace, environment, model, hold.live)
        if restored:
            return restored
    newest, bucket = commits[0][1], workspace.project.releases_bucket
    current = newest.config_hex if newest else ""
    for commit, pin in commits:
        if pin and pin.config_hex != current and has_stayed(aws.s3, bucket, environment, model, commit):
            return pin
    raise MlopsError(
        f"{model!r} has no earlier release that was live in {environment}; promote another one: "
        f"mlops propose {model} --to {environment}"
    )


def restored_pin(workspace: Workspace, environment: Environment, model: str, config: str) -> Pin | None:
    """The newest pin of history whose endpoint config has that name."""
    history = read_history(workspace.root, environment, model)
    return next((pin for pin in history if pin.config_name(workspace.project, environment) == config), None)


def choose_target(workspace: Workspace, aws: Aws, environment: Environment, model: str) -> Target:
    """The newest pin of history that is not what git pins now and whose endpoint config still exists."""
    history = list(read_history(workspace.root, environment, model))
    if not history:
        raise MlopsError(
            f"{model!r} was never pinned in {environment}. See: git log -- {pin_path(environment, model)}"
        )
    targets = [Target(workspace.project, environment, pin) for pin in history]
    current = targets[0].config
    for target in targets[1:]:
        if target.config != current and config_exists(aws.sagemaker, target.config):
            return target
    raise MlopsError(
        f"{model!r} has no earlier release in {environment} whose endpoint config still exists; "
        "pin another release instead"
    )


def read_history(root: Path, environment: Environment, model: str) -> Iterator[Pin]:
    """The pins of a model that were ever merged, newest first."""
    return (pin for _, pin in read_versions(root, environment, model) if pin)


def read_versions(root: Path, environment: Environment, model: str) -> Iterator[tuple[str, Pin | None]]:
    """The commits that moved a model's pin, newest first, and the pin of each; None for one that was never
    deployed because it cannot be read: it must not bar the way back for good."""
    path = pin_path(environment, model)
    for commit in git.last_versions(root, path):
        content = git.read_files(root, commit, [path])[path]
        if content is not None and not is_tombstone(content.decode(errors="replace")):
            yield commit, read_past_pin(content, environment, model)


def config_exists(sagemaker: SageMakerClient, config: str) -> bool:
    """Whether an endpoint config is still there: `deploy` made it once, and pruned only the oldest."""
    try:
        sagemaker.describe_endpoint_config(EndpointConfigName=config)
    except sagemaker.exceptions.ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def flip(aws: Aws, target: Target) -> None:
    """Hold `deploy`, then point the endpoint at the config, all at once and without a bake."""
    live = describe_live(aws.sagemaker, target.endpoint)
    if live is None:
        raise MlopsError(
            f"endpoint {target.endpoint!r} does not exist; deploy it: mlops deploy {target.environment}"
        )
    why = f"rolled back by hand from {live.config!r} to {target.config!r}"
    put_hold(aws.s3, target, why, target.config)
    if live.is_moving:
        live = await_rest(aws.sagemaker, target)
    if live is None or live.config != target.config:
        aws.sagemaker.update_endpoint(EndpointName=target.endpoint, EndpointConfigName=target.config)
    confirm(await_rest(aws.sagemaker, target), target)
