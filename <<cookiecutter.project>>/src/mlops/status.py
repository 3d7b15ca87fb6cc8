"""`mlops status`: what git pins against what is live. Exit 1 on drift."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.aws import Aws
from mlops.errors import UsageError
from mlops.live import Live, describe_all, is_foreign, list_endpoints
from mlops.project import ENVIRONMENTS
from mlops.workspace import open_workspace, read_pins_at, require_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_sagemaker import SageMakerClient

    from mlops.pin import Pin
    from mlops.project import Environment, Project
    from mlops.workspace import Workspace


@dataclass(frozen=True)
class Row:
    """One endpoint: what git pins, what is live, and what is wrong (empty when they agree)."""

    environment: str
    model: str
    endpoint: str
    pinned: str
    live: str
    status: str
    drift: str


@click.command("status")
@click.argument("environment", required=False, type=click.Choice(ENVIRONMENTS))
@click.option("--json", "as_json", is_flag=True, help="The rows as JSON.")
def command(environment: str | None, as_json: bool) -> int:
    """Compare what git pins at HEAD with what is live, in ENVIRONMENT or in all.

    Environments in accounts of their own are looked at one by one: a sign-in reaches one account.
    """
    workspace = open_workspace()
    environments = [require_environment(environment)] if environment else one_account(workspace.project)
    rows = read_rows(workspace, Aws(workspace.project.region).sagemaker, environments)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        show(rows)
    return 1 if any(row.drift for row in rows) else 0


def one_account(project: Project) -> Sequence[Environment]:
    """All environments. Raises where they lie in several accounts."""
    accounts = project.accounts
    if accounts.staging != accounts.prod:
        raise UsageError(
            f"staging lies in account {accounts.staging}, prod in {accounts.prod}; a sign-in reaches one of "
            "them. Say which: mlops status staging"
        )
    return ENVIRONMENTS


def read_rows(
    workspace: Workspace, sagemaker: SageMakerClient, environments: Sequence[Environment] = ENVIRONMENTS
) -> list[Row]:
    """Every pin of HEAD and every endpoint of the project in some environments."""
    commit = git.head_commit(workspace.root)
    rows: list[Row] = []
    for environment in environments:
        pins = read_pins_at(workspace.root, commit, environment)
        prefix = workspace.project.endpoint(environment, "")
        names = {workspace.project.endpoint(environment, pin.model) for pin in pins}
        live = describe_all(sagemaker, sorted(names.union(list_endpoints(sagemaker, prefix))))
        own = {
            name: state
            for name, state in live.items()
            if name in names or is_own(sagemaker, workspace.project, state)
        }
        rows += compare(workspace.project, environment, pins, own)
    return rows


def is_own(sagemaker: SageMakerClient, project: Project, live: Live | None) -> bool:
    """Whether an endpoint that no pin names is nobody else's; gone meanwhile, it is nobody's."""
    return live is not None and not is_foreign(sagemaker, project, live)


def compare(
    project: Project, environment: Environment, pins: Iterable[Pin], live: Mapping[str, Live | None]
) -> list[Row]:
    """The rows of one environment: a pin each, then the endpoints that nothing pins."""
    pinned = {project.endpoint(environment, pin.model): pin for pin in pins}
    rows = [compare_pin(project, environment, pin, live.get(name)) for name, pin in pinned.items()]
    return [*rows, *unpinned_rows(project, environment, pinned, live)]


def compare_pin(project: Project, environment: Environment, pin: Pin, live: Live | None) -> Row:
    """One pin against its endpoint."""
    wanted = pin.config_name(project, environment)
    row = (environment, pin.model, project.endpoint(environment, pin.model), pin.release_hex[:12])
    if live is None:
        return Row(*row, "", "", "pinned, but there is no endpoint")
    if live.config != wanted:
        return Row(*row, live.config, live.status, f"serves config {live.config!r}, pinned is {wanted!r}")
    return Row(*row, live.config, live.status, "" if live.status == "InService" else describe_trouble(live))


def describe_trouble(live: Live) -> str:
    """Why an endpoint with the right config is not in service."""
    return f"is {live.status}" + (f": {live.reason}" if live.reason else "")


def unpinned_rows(
    project: Project, environment: Environment, pinned: Mapping[str, Pin], live: Mapping[str, Live | None]
) -> Iterator[Row]:
    """Endpoints of this environment that no pin asks for: drift, never a reason to delete."""
    prefix = project.endpoint(environment, "")
    for name, state in live.items():
        if state and name not in pinned:
            model = name.removeprefix(prefix)
            yield Row(
                environment, model, name, "", state.config, state.status, "live, but no pin asks for it"
            )


def show(rows: list[Row]) -> None:
    """The rows as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("environment", "model", "pinned release", "status", "drift", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.environment, row.model, row.pinned or "-", row.status or "-", row.drift or "none")
    Console().print(table if rows else "Nothing is pinned and nothing is live.")
