"""`mlops bootstrap [ENV]`: from a fresh project to a real account.

It acts in the account that one is signed in to: shows what it would make and change, and why, asks, then has
CloudFormation do it by change sets, stack by stack, and sets the forge up. It decides from what is there, so
the next run carries on from one that was stopped, refused or killed (docs/bootstrap.md).
"""

from __future__ import annotations

import functools
import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from rich.console import Console

from mlops.aws import Aws, describe_failure
from mlops.errors import AwsError, MlopsError, UsageError
from mlops.forge import ForgeError
from mlops.forge_settings import open_settings
from mlops.foundation.changesets import Cloud
from mlops.foundation.connecting import tell_connections
from mlops.foundation.making import bring
from mlops.foundation.networking import STEM, offered_network, tell_network
from mlops.foundation.stacks import DUTIES
from mlops.foundation.survey import Request, survey
from mlops.foundation.telling import describe, tell_plan
from mlops.foundation.templates import read_templates
from mlops.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.status import Status

    from mlops.forge_settings import Repository, Setting, Settings
    from mlops.foundation.failures import Event
    from mlops.foundation.survey import Planned, Survey
    from mlops.network import Network
    from mlops.project import Project


@dataclass(frozen=True)
class Manner:
    """How to go about it."""

    is_agreed: bool  # --yes
    is_dry: bool
    is_json: bool


@dataclass(frozen=True)
class Narrator:
    """Tells lines with the time that has passed; on a terminal also what is being made right now."""

    started: float
    console: Console

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def at(self, text: str) -> None:
        """One line with the time that has passed."""
        self.say(f"{self.elapsed():>12}  {text}")

    def elapsed(self) -> str:
        """The time since the start, as people say it."""
        minutes, seconds = divmod(round(time.monotonic() - self.started), 60)
        return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def tell_event(narrator: Narrator, status: Status, event: Event) -> None:
    """What a stack that is worked on says: what is begun for those who watch, what is done for all."""
    what = f"{event.resource} ({event.type})"
    if event.status.endswith("_IN_PROGRESS"):
        status.update(f"{event.status.lower().replace('_', ' ')}: {what}")
        return
    reason = f": {event.reason}" if event.is_failure and event.reason else ""
    narrator.at(f"{event.status:<16}  {what}{reason}")


@click.command("bootstrap")
@click.argument("duty", required=False, metavar="[ENV]", type=click.Choice(DUTIES))
@click.option("--with", "wanted", multiple=True, metavar="TEMPLATE", help="Also an optional one: network, …")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of infra/; it is kept."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the plan and end.")
@click.option("--json", "as_json", is_flag=True, help="The plan for machines.")
def command(
    duty: str | None,
    wanted: tuple[str, ...],
    settings: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Create or update the AWS foundation and the forge's settings; ENV is training, staging or prod."""
    manner = Manner(yes, dry_run, as_json)
    refuse_silence(manner)
    workspace = open_workspace()
    return bootstrap(workspace.root, workspace.project, manner, duty, wanted, parse_settings(settings))


def refuse_silence(manner: Manner) -> None:
    """Raise where nobody could answer: for machines, and without a terminal."""
    if manner.is_agreed or manner.is_dry:
        return
    if manner.is_json or not sys.stdin.isatty():
        raise UsageError("there is nobody to ask here: add --yes to agree beforehand, or --dry-run to look")


def parse_settings(given: Sequence[str]) -> dict[str, str]:
    """`Name=Value` as a mapping; raises for what has no `=` and for a name given twice."""
    settings: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {each!r}: write it as Name=Value")
        if name in settings:
            raise UsageError(f"--set {name} is given twice: {settings[name]!r} and {value!r}")
        settings[name] = value
    return settings


def bootstrap(
    root: Path,
    project: Project,
    manner: Manner,
    duty: str | None = None,
    wanted: tuple[str, ...] = (),
    settings: dict[str, str] | None = None,
) -> int:
    """Survey, show, ask, act; the exit code."""
    narrator = Narrator(time.monotonic(), Console(stderr=manner.is_json))
    aws, forge = Aws(project.region), open_settings(project)
    with narrator.console.status("reading what there is") as status:
        cloud = Cloud(aws.cloudformation, functools.partial(tell_event, narrator, status))
        repository = forge.identify()
        request = Request(project, read_templates(root), repository.parameters, duty, wanted, settings or {})
        found = survey(aws, cloud, request, is_patient=not manner.is_dry)
        missing = forge.compare(root)
    for line in tell_plan(found, repository, missing, project.region):
        narrator.say(line)
    result = describe(found, repository, missing)
    is_wanted = not manner.is_dry and (manner.is_agreed or is_agreed(cloud, found, missing))
    left: list[str] = []
    if is_wanted:
        status.update("beginning")
        with status:
            act(cloud, found, narrator)
        left = set_forge(forge, repository, missing, narrator)
        for line in tell_network(project, found.duties, read_network(aws, found)):
            narrator.say(line)
        for line in tell_connections(aws, found):
            narrator.say(f"left to you: {line}")
        narrator.say(farewell(project, found, narrator))
    else:
        discard(cloud, found)
    if manner.is_json:
        click.echo(json.dumps({**result, "settings_left": left, "done": is_wanted}, indent=2))
    return 1 if left else 0


def is_agreed(cloud: Cloud, found: Survey, missing: Sequence[Setting]) -> bool:
    """Whether whoever sits there wants what there is to do."""
    if not any(planned.changes for planned in found.planned) and not missing:
        return True
    try:
        return click.confirm("Make it so?")
    except click.Abort:
        discard(cloud, found)
        raise


def discard(cloud: Cloud, found: Survey) -> None:
    """Leave no change set behind that nobody wants."""
    for planned in found.planned:
        if planned.change_set:
            cloud.discard(planned.change_set.arn)


def act(cloud: Cloud, found: Survey, narrator: Narrator) -> None:
    """Bring every stack to where it should be, in order; the first that fails ends it."""
    pending = [planned for planned in found.planned if planned.changes]
    for number, planned in enumerate(pending, start=1):
        narrator.at(f"{planned.step.act} {planned.stack.name} ({number} of {len(pending)})")
        try:
            bring(cloud, planned)
        except MlopsError as error:
            raise type(error)(f"{error}{tell_rest(pending[number:])}") from None
        except Exception as error:
            said = describe_failure(error)
            if said is None:
                raise
            raise AwsError(f"{planned.stack.name}: {said}{tell_rest(pending[number:])}") from None


def tell_rest(rest: Sequence[Planned]) -> str:
    """What was not begun."""
    return f". Not begun: {', '.join(each.stack.name for each in rest)}" if rest else ""


def set_forge(
    forge: Settings, repository: Repository, missing: Sequence[Setting], narrator: Narrator
) -> list[str]:
    """Write the settings, or say what to type where the token may not; the names of those left to people."""
    left = []
    for setting in missing:
        refusal = "" if repository.is_admin else "the token is no administrator's"
        refusal = refusal or write(forge, setting)
        if not refusal:
            narrator.at(f"set {setting.name}")
            continue
        narrator.say(f"not set: {setting.name}: {refusal}")
        narrator.say(f"    without it {setting.without}")
        if is_of_plan(refusal):
            continue
        left.append(setting.name)
        for each in setting.requests:
            narrator.say(f"    {each.command(repository.name)}")
    return left


def write(forge: Settings, setting: Setting) -> str:
    """Make the calls of a setting; why not, or nothing."""
    try:
        for each in setting.requests:
            forge.write(each)
    except ForgeError as error:
        return str(error)
    return ""


def is_of_plan(refusal: str) -> bool:
    """Whether it is the forge's price list that refuses: no token and no command changes that."""
    said = refusal.lower()
    return "upgrade to" in said or "billing plan" in said


def read_network(aws: Aws, found: Survey) -> Network | None:
    """What the account's stack of subnets made; None without one."""
    names = [planned.stack.name for planned in found.planned if planned.stack.template.stem == STEM]
    for name in names:
        return offered_network(dict(aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]))
    return None


def farewell(project: Project, found: Survey, narrator: Narrator) -> str:
    """How long it took, and what to type next; accounts come in the order of duties."""
    order = list(dict.fromkeys(getattr(project.accounts, duty) for duty in DUTIES))
    later = order[order.index(found.caller.account) + 1 :]
    then = f"mlops bootstrap with the credentials of account {', then of '.join(later)}; " if later else ""
    return f"done in {narrator.elapsed()}. Next: {then}mlops doctor"
