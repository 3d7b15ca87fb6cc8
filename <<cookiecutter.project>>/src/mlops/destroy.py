"""`mlops destroy ENV`: takes away all that the project made in an account, and proves it by looking again.

State decides, as everywhere: a run lists what is there and removes it, so one that was cut short is carried
on by the next, and the last one finds nothing to do.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mlops.aws import Aws, error_code, is_missing
from mlops.errors import MlopsError, UsageError
from mlops.foundation import DUTIES, read_templates
from mlops.foundation.account import choose_duties, read_caller
from mlops.teardown.catalogue import KINDS
from mlops.teardown.forge import find_leaving, open_github, prove_left, remove_leaving, show_leaving
from mlops.teardown.inventory import explain, hold_locked, left_over, make_scope, sort_out, survey
from mlops.teardown.item import Clients
from mlops.teardown.stacks import KINDS as STACK_KINDS
from mlops.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path

    from mlops.github_settings import GithubSettings
    from mlops.project import Project
    from mlops.teardown.forge import Leaving
    from mlops.teardown.inventory import Inventory, Scope
    from mlops.teardown.item import Item, Kind

PARALLEL = 8
GONE = ("NotFound", "NoSuch", "DoesNotExist")


@dataclass(frozen=True)
class Failure:
    """A thing that could not be removed, and why."""

    item: Item
    reason: str


@click.command("destroy")
@click.argument("environment", type=click.Choice(DUTIES), metavar="ENV")
@click.option("--yes", "typed", metavar="NAME", help="The project's name, in place of typing it.")
@click.option("--dry-run", is_flag=True, help="Show what would go and what would stay; remove nothing.")
@click.option(
    "--gone", multiple=True, metavar="ENV", help="This environment's account is empty; said once each."
)
@click.option(
    "--forge",
    "with_forge",
    is_flag=True,
    help="Also ENV's environments of the forge; with training, the ruleset.",
)
@click.option("--json", "as_json", is_flag=True, help="The inventory as JSON.")
def command(
    environment: str, typed: str | None, dry_run: bool, gone: tuple[str, ...], with_forge: bool, as_json: bool
) -> int:
    """Take away all that the project made for ENV (training, staging or prod), but for what is locked.

    Acts in the account that is signed in to. Training goes last: it has what the others use.
    """
    workspace = open_workspace()
    project, aws = workspace.project, Aws(workspace.project.region)
    caller = read_caller(aws)
    choose_duties(project, caller, environment)
    scope = make_scope(project, read_templates(workspace.root), environment)
    clients = Clients(aws, caller.account)
    settings = open_github(project) if with_forge else None
    leaving = find_leaving(settings, workspace.root, environment) if settings else None
    found = look(clients, scope)
    show(found, scope, as_json)
    show_leaving(leaving.requests if leaving else (), quiet=as_json)
    if dry_run:
        return 0
    refuse_early(project, scope, found, gone)
    if found.going or (leaving and leaving.requests):
        confirm(scope, typed)
    failures = remove_all(clients, scope, found) if found.going else []
    code = prove(look(clients, scope) if found.going else found, failures, scope)
    if code or not (settings and leaving):
        return code
    return take_settings(settings, leaving, workspace.root, environment)


def take_settings(settings: GithubSettings, leaving: Leaving, root: Path, duty: str) -> int:
    """The forge's settings go last: main stays guarded while anything that it deploys is there."""
    code = remove_leaving(settings, leaving)
    if not code:
        prove_left(settings, root, duty)
    return code


def look(clients: Clients, scope: Scope) -> Inventory:
    """The inventory as it is now."""
    return hold_locked(clients, sort_out(survey(clients, scope), scope))


def refuse_early(project: Project, scope: Scope, found: Inventory, gone: Sequence[str]) -> None:
    """Raise where training would go before those who stand on it."""
    if scope.duty != "training":
        return
    here = sorted({str(item) for item in found.others})
    if here:
        more = f" and {len(here) - 5} more" if len(here) > 5 else ""
        raise MlopsError(
            "training has what the other environments use, and they are still here: "
            f"{', '.join(here[:5])}{more}. First: mlops destroy prod, mlops destroy staging"
        )
    for duty in DUTIES[1:]:
        if duty not in scope.duties and duty not in gone:
            raise MlopsError(
                f"{duty} is in account {getattr(project.accounts, duty)}, which these credentials do not see."
                f" Signed in there: mlops destroy {duty}; then here: mlops destroy training --gone {duty}"
            )


def confirm(scope: Scope, typed: str | None) -> None:
    """Raise unless somebody types the project's name."""
    if typed is None:
        typed = click.prompt(
            f"Type the project's name to destroy {scope.duty}", default="", show_default=False
        )
    if typed != scope.project:
        raise UsageError(f"typed {typed!r}, the project is {scope.project!r}; nothing was removed")


def remove_all(clients: Clients, scope: Scope, found: Inventory) -> list[Failure]:
    """Remove what uses the foundation, then its stacks, then what these have left or nobody ever listed."""
    last = KINDS.index(STACK_KINDS[-1]) + 1
    failures = remove(clients, KINDS[:last], found)
    return failures + remove(clients, KINDS[last:], look(clients, scope))


def remove(clients: Clients, kinds: Sequence[Kind], found: Inventory) -> list[Failure]:
    """Remove the things of some kinds, a kind after the other; one that fails leaves the others to go."""
    failures: list[Failure] = []
    kept = {held.item for held in found.staying}
    for kind in kinds:
        items = [item for item in found.going if item.kind == kind.name]
        with ThreadPoolExecutor(1 if kind in STACK_KINDS else PARALLEL) as pool:
            done = list(pool.map(lambda item: remove_one(clients, kind, item, kept), items))  # noqa: B023
        failures += [failure for failure in done if failure]
    return failures


def remove_one(clients: Clients, kind: Kind, item: Item, kept: Container[Item]) -> Failure | None:
    """Remove one thing, and say so; why not, if it cannot be. What is gone meanwhile is removed."""
    try:
        kind.remove(clients, item)
    except Exception as error:  # noqa: BLE001 - becomes part of the answer; a bug is raised by explain()
        if is_missing(error) or any(word in error_code(error) for word in GONE):
            return None
        return Failure(item, explain(error))
    done = "emptied, as far as it is not locked," if item in kept else "removed"
    click.echo(f"{done} {item}", err=True)
    return None


def show(found: Inventory, scope: Scope, as_json: bool) -> None:
    """What goes, what stays and what that costs."""
    if as_json:
        click.echo(json.dumps(describe(found), indent=1))
        return
    for item in left_over(found):
        click.echo(f"goes   {item}")
    for held in found.staying:
        click.echo(f"stays  {held.item}: {held.reason}{price(held.usd_per_month)}")
    for unseen in found.unseen:
        click.echo(f"not looked at  {unseen.kind}: {unseen.reason}")
    usd = sum(held.usd_per_month for held in found.staying)
    counts = f"{len(left_over(found))} go, {len(found.staying)} stay{price(usd)}"
    click.echo(f"{scope.duty} of {scope.project!r}: {counts}")


def price(usd: float) -> str:
    """An order of magnitude, where there is one."""
    return f", about {usd:.2f} USD a month" if usd >= 0.01 else ""


def describe(found: Inventory) -> dict[str, Any]:
    """The inventory as JSON has it."""
    return {
        "going": [{"kind": item.kind, "id": item.id} for item in left_over(found)],
        "staying": [
            {
                "kind": held.item.kind,
                "id": held.item.id,
                "reason": held.reason,
                "usd_per_month": round(held.usd_per_month, 4),
            }
            for held in found.staying
        ],
        "unseen": [{"kind": each.kind, "reason": each.reason} for each in found.unseen],
    }


def prove(found: Inventory, failures: Sequence[Failure], scope: Scope) -> int:
    """Say what is left, by the inventory and not by what was done; 0 when only what is locked is."""
    left = left_over(found)
    reasons = {failure.item.id: failure.reason for failure in failures}
    for item in left:
        click.echo(f"left   {item}: {reasons.get(item.id, 'it was removed, and is listed again')}")
    for unseen in found.unseen:
        click.echo(f"not looked at  {unseen.kind}: {unseen.reason}")
    for held in found.staying:
        click.echo(f"stays  {held.item}: {held.reason}{price(held.usd_per_month)}")
    if left or found.unseen:
        click.echo(f"{len(left)} left, {len(found.unseen)} kinds not looked at. Run the same command again")
        return 1
    click.echo(f"nothing else of {scope.project!r} for {scope.duty} is left in this account and region")
    return 0
