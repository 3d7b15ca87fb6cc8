"""`mlops doctor`: is everything that the loop stands on there, and as it should be? Exit 1 on a finding."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mlops.aws import Aws
from mlops.checkup.catalogue import CHECKS
from mlops.checkup.finding import run_check
from mlops.checkup.reads import Reads
from mlops.checkup.site import Site
from mlops.errors import MlopsError
from mlops.foundation import DUTIES, read_templates
from mlops.workspace import open_workspace

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from mlops.checkup.finding import Check, Line
    from mlops.project import Project
    from mlops.workspace import Workspace

PARALLEL = 8
WORDS = {"ok": "ok", "finding": "FINDING", "untold": "could not be told", "none": "nothing there"}


@click.command("doctor")
@click.argument("environment", required=False, type=click.Choice(DUTIES), metavar="[ENV]")
@click.option("--json", "as_json", is_flag=True, help="The lines as JSON.")
@click.option("--strict", is_flag=True, help="Exit 1 also where something could not be told.")
@click.option("--only", "ids", multiple=True, metavar="ID", help="Run this check alone; may be repeated.")
def command(environment: str | None, as_json: bool, strict: bool, ids: tuple[str, ...]) -> int:
    """Look at all that the loop stands on: the account, its stacks, roles, trail, buckets, the forge.

    Looks in the account that is signed in to: at ENV (training, staging or prod), or at every duty it has.
    """
    site = open_site(open_workspace(), environment)
    lines = examine(site, choose(ids))
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines], indent=1))
    else:
        show(lines)
    failing = {"finding", "untold"} if strict else {"finding"}
    return 1 if any(line.verdict in failing for line in lines) else 0


def open_site(workspace: Workspace, environment: str | None) -> Site:
    """What is looked at, and how it is read; nothing is read yet."""
    reads = Reads(Aws(workspace.project.region), lambda: connect(workspace.project))
    today, templates = datetime.now(UTC).date(), read_templates(workspace.root)
    return Site(workspace.root, workspace.project, environment, today, templates, reads)


def connect(project: Project) -> Callable[[str], Any]:
    """What answers GET below the repository, with the token that the environment holds."""
    if project.forge != "github":
        raise MlopsError(f"settings of forge {project.forge!r} are not looked at; only those of 'github'")
    from mlops.github_forge import connect as connect_hub

    return connect_hub(project.repository).read


def choose(ids: Sequence[str]) -> Sequence[Check]:
    """The checks of these ids, or all."""
    known = {check.id: check for check in CHECKS}
    unknown = next((each for each in ids if each not in known), None)
    if unknown is not None:
        raise click.UsageError(f"--only {unknown!r} is no check; there are: {', '.join(known)}")
    return [check for check in CHECKS if not ids or check.id in ids]


def examine(site: Site, checks: Sequence[Check] = CHECKS) -> list[Line]:
    """The lines of all checks, in their order."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        return [line for lines in pool.map(lambda check: run_check(check, site), checks) for line in lines]


def show(lines: Sequence[Line]) -> None:
    """A line for each check that is well, for each thing that is not; remedies below, to be copied."""
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    table = Table("check", "", "what", "found", box=None, pad_edge=False)
    for check in CHECKS:
        own = [line for line in lines if line.check == check.id]
        well = [line for line in own if line.verdict == "ok"]
        if well:
            table.add_row(check.id, WORDS["ok"], check.about, f"{len(well)} looked at")
        for line in own:
            if line.verdict != "ok":
                table.add_row(check.id, WORDS[line.verdict], line.subject or check.about, line.said)
    Console().print(table)
    for line in lines:
        if line.verdict == "finding":
            click.echo(f"\n{line.check} {line.subject}: {line.said}\n  {line.remedy}")
    click.echo(f"\n{summarise(Counter(line.verdict for line in lines))}")


def summarise(counts: Counter[str]) -> str:
    """How many lines there are of each kind."""
    return (
        f"{counts['finding']} findings, {counts['ok']} ok, {counts['untold']} could not be told, "
        f"{counts['none']} have nothing to look at"
    )
