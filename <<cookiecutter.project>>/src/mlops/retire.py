"""`mlops retire MODEL --env ENV`: the pull request of the tombstone that takes a model out.

A pin is never deleted. Its tombstone says since when the model is on its way out; `deploy` takes the endpoint
away when it has drained, and never before.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.alarms import alarm_prefix, list_alarms
from mlops.errors import MlopsError
from mlops.forge import open_forge
from mlops.live import describe_live, is_foreign
from mlops.pin import Tombstone, dump_pin
from mlops.project import ENVIRONMENTS
from mlops.pulls import publish
from mlops.workspace import open_workspace, read_pins_at, require_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.aws import Aws
    from mlops.project import Environment, Project
    from mlops.workspace import Workspace

DRAIN_DAYS = 14


@click.command("retire")
@click.argument("model")
@click.option("--env", "environment", required=True, type=click.Choice(ENVIRONMENTS), help="Where.")
@click.option("--drain-days", default=DRAIN_DAYS, show_default=True, type=click.IntRange(0, 365))
@click.option("--dry-run", is_flag=True, help="Print the tombstone; open nothing.")
def command(model: str, environment: str, drain_days: int, dry_run: bool) -> None:
    """Open the pull request that takes MODEL out of ENVIRONMENT."""
    workspace, where = open_workspace(), require_environment(environment)
    today = datetime.now(UTC).date()
    tombstone = make_tombstone(workspace, where, model, today, drain_days)
    if dry_run:
        click.echo(dump_pin(tombstone), nl=False)
        return
    from mlops.promotion import describe_tombstone

    change = describe_tombstone(workspace, where, tombstone)
    click.echo(publish(open_forge(workspace.project), change, asked=True))


def make_tombstone(
    workspace: Workspace, environment: Environment, model: str, today: date, drain_days: int
) -> Tombstone:
    """The tombstone of what is pinned at HEAD."""
    pins = read_pins_at(workspace.root, git.head_commit(workspace.root), environment, model)
    if not pins:
        raise MlopsError(f"{model!r} is not pinned in {environment} at HEAD; there is nothing to retire")
    return Tombstone.model_validate(
        {
            "schema": 1,
            "model": model,
            "retired": {"since": today.isoformat(), "drain_days": drain_days},
            "last_release": pins[0].release,
        }
    )


def bury(
    aws: Aws,
    project: Project,
    environment: Environment,
    tombstone: Tombstone,
    today: date,
    approve: Callable[[], None],
) -> str:
    """Take away the endpoint of a retired model once it has drained; what was done, in a word or two.

    `approve` raises unless people approved the tombstone.
    """
    endpoint = project.endpoint(environment, tombstone.model)
    live = describe_live(aws.sagemaker, endpoint)
    if live is None or is_foreign(aws.sagemaker, project, live):
        return "nothing"
    if not tombstone.retired.is_over(today):
        return f"drains since {tombstone.retired.since} for {tombstone.retired.drain_days} days"
    approve()
    names = sorted(list_alarms(aws.cloudwatch, alarm_prefix(endpoint)))
    if names:
        aws.cloudwatch.delete_alarms(AlarmNames=names)
    aws.sagemaker.delete_endpoint(EndpointName=endpoint)
    return "retire"
