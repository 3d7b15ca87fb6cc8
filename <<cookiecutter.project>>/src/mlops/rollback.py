"""`mlops rollback MODEL --env ENV`: the release that was live before.

`--dry-run` prints its pin: committing that is the rollback. `--now` is break-glass: it points the endpoint at
a config that was once live, at once, and holds `deploy` until git says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.aws import Aws, is_missing
from mlops.endpoint import await_rest, confirm
from mlops.errors import MlopsError, UsageError
from mlops.hold import list_holds, put_hold
from mlops.live import describe_live
from mlops.pin import Pin, dump_pin, is_tombstone, parse_pin, pin_path
from mlops.project import ENVIRONMENTS
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
@click.option("--dry-run", is_flag=True, help="Print the pin to commit; change nothing.")
def command(model: str, environment: str, now: bool, dry_run: bool) -> None:
    """Go back to the release of MODEL that was live before the one that is."""
    workspace = open_workspace()
    aws, where = Aws(workspace.project.region), require_environment(environment)
    if not now and not dry_run:
        raise UsageError(
            "opening the revert pull request is not supported yet. Write the pin and commit it: "
            f"mlops rollback {model} --env {environment} --dry-run > {pin_path(environment, model)}"
        )
    target = choose_target(workspace, aws, where, model)
    if dry_run:
        click.echo(dump_pin(target.pin), nl=False)
        return
    flip(aws, target)
    click.echo(
        f"{target.endpoint} serves release {target.pin.release} again; `deploy` is held until git pins it:"
    )
    click.echo(f"  mlops rollback {model} --env {environment} --dry-run > {pin_path(environment, model)}")


def choose_target(workspace: Workspace, aws: Aws, environment: Environment, model: str) -> Target:
    """The newest pin of history that could be live again and is not what git pins now.

    After a flip by hand that is what the endpoint serves: then `--dry-run` prints the pin that ratifies it.
    """
    history = list(read_history(workspace.root, environment, model))
    if not history:
        raise MlopsError(
            f"{model!r} was never pinned in {environment}. See: git log -- {pin_path(environment, model)}"
        )
    targets = [Target(workspace.project, environment, pin) for pin in history]
    held = model in list_holds(aws.s3, workspace.project, environment)
    live = describe_live(aws.sagemaker, targets[0].endpoint)
    serving = next((target for target in targets if live and target.config == live.config), None)
    if held and serving:
        return serving
    current = targets[0].config
    for target in targets[1:]:
        if target.config != current and config_exists(aws.sagemaker, target.config):
            return target
    raise MlopsError(
        f"{model!r} has no earlier release in {environment} whose endpoint config still exists; "
        "pin another release instead"
    )


def read_history(root: Path, environment: Environment, model: str) -> Iterator[Pin]:
    """The pins of a model that were ever merged, newest first; each once though it returned."""
    path = pin_path(environment, model)
    for commit in git.last_versions(root, path):
        content = git.read_files(root, commit, [path])[path]
        if content is not None and not is_tombstone(content.decode()):
            yield parse_pin(content.decode(), environment, model)


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
    put_hold(aws.s3, target, f"rolled back by hand from {live.config!r} to {target.config!r}")
    if live.is_moving:
        live = await_rest(aws.sagemaker, target)
    if live is None or live.config != target.config:
        aws.sagemaker.update_endpoint(EndpointName=target.endpoint, EndpointConfigName=target.config)
    confirm(await_rest(aws.sagemaker, target), target)
