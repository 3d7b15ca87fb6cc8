"""The forge's settings that bootstrap made, rulesets and environments, taken away with `--forge`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from mlops.errors import MlopsError, UsageError
from mlops.forge import ForgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlops.forge_settings import Request
    from mlops.github_settings import GithubSettings
    from mlops.project import Project


@dataclass(frozen=True)
class Leaving:
    """What a duty has at the forge: each setting, and the call that removes it."""

    repository: str
    may_write: bool  # whether the token is an administrator's
    requests: Mapping[str, Request]


def open_github(project: Project) -> GithubSettings:
    """The settings of the project's repository. Raises where the forge keeps none of its own."""
    if project.forge != "github":
        raise UsageError(
            f"--forge: forge {project.forge!r} keeps its rules in AWS, where they go without it. "
            "Type the same command without --forge"
        )
    from mlops.github_settings import connect_settings

    return connect_settings(project.repository)


def find_leaving(settings: GithubSettings, root: Path, duty: str) -> Leaving:
    """What there is at the forge of a duty. Training goes last, and takes all that is left."""
    repository, found = settings.identify(), settings.removals(root)
    mine = {name: request for name, request in found.items() if duty == "training" or is_of(name, duty)}
    return Leaving(repository.name, repository.is_admin, mine)


def is_of(name: str, duty: str) -> bool:
    """Whether a setting is an environment of a duty: `staging` and `rollback-staging` are staging's."""
    kind, _, quoted = name.partition(" ")
    return kind == "environment" and quoted.strip("'").rpartition("-")[2] == duty


def show_leaving(names: Iterable[str], quiet: bool) -> None:
    """A line each; where the answer is JSON, beside it."""
    for name in names:
        click.echo(f"goes   {name} of the forge", err=quiet)


def remove_leaving(settings: GithubSettings, leaving: Leaving) -> int:
    """Remove them; what the token may not, as commands for somebody who may. 1 where any are left."""
    left = {name: remove_one(settings, leaving, name) for name in leaving.requests}
    refused = {name: reason for name, reason in left.items() if reason}
    for name, reason in refused.items():
        click.echo(f"left   {name} of the forge: {reason}. An administrator types:")
        click.echo(f"  {leaving.requests[name].command(leaving.repository)}")
    return 1 if refused else 0


def remove_one(settings: GithubSettings, leaving: Leaving, name: str) -> str:
    """Remove one setting, and say so; why not, if it cannot be."""
    if not leaving.may_write:
        return "the token is no administrator's"
    try:
        settings.write(leaving.requests[name])
    except ForgeError as error:
        return str(error)
    click.echo(f"removed {name} of the forge", err=True)
    return ""


def prove_left(settings: GithubSettings, root: Path, duty: str) -> None:
    """Raise where the forge still has any, by looking again."""
    again = find_leaving(settings, root, duty).requests
    if again:
        raise MlopsError(f"the forge still has {', '.join(again)}. Run the same command again")
