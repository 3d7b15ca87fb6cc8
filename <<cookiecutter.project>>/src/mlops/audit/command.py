"""The command line of `mlops audit`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops.audit.formats import FORMATS
from mlops.errors import UsageError
from mlops.project import ENVIRONMENTS
from mlops.workspace import require_environment

if TYPE_CHECKING:
    from mlops.audit.report import Report
    from mlops.audit.run import Inquiry
    from mlops.workspace import Workspace

FOLDER = ".audit"


class Moment(click.ParamType[datetime]):
    """A time: 2026-11-20 or 2026-11-20T12:00:00Z; without a zone it is UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time that a text says."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; allowed: 2026-11-20 or 2026-11-20T12:00:00Z", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.group("audit", invoke_without_command=True)
@click.option(
    "--trail", default=FOLDER, show_default=True, help="The folder of trail and evidence, or s3://BUCKET."
)
@click.option(
    "--keys", type=click.Path(path_type=Path), help="CloudTrail's public keys. By default keys.json there."
)
@click.option("--fetch", "fetches", is_flag=True, help="Bring what is new first; s3://BUCKET implies it.")
@click.option("--since", type=Moment(), help="From when on. By default as far back as the trail goes.")
@click.option("--until", type=Moment(), help="Until when. By default when the trail was fetched.")
@click.option("--now", type=Moment(), hidden=True, help="When the folder was complete, for an old copy.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the report there.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Go on from there, and write it anew.")
@click.pass_context
def command(context: click.Context, /, form: str, output: Path | None, **options: Any) -> int:
    """Prove every approval and every endpoint change."""
    from mlops.audit.formats import write_report

    context.obj = Options(**options)
    if context.invoked_subcommand:
        return 0
    report = answer(context.obj)
    write_report(report, form, output)
    return report.exit_code


@command.command("explain")
@click.argument("model")
@click.option("--env", "environment", type=click.Choice(ENVIRONMENTS), default="prod", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The chain as JSON.")
@click.pass_obj
def explain_command(options: Options, model: str, environment: str, as_json: bool) -> int:
    """Say what MODEL serves, and every step back to data, commit and reviewers."""
    from mlops.audit.explain import explain, render_chain
    from mlops.audit.formats import dump

    inquiry = open_inquiry(options)
    chain = explain(inquiry, model, require_environment(environment))
    click.echo(dump(chain) if as_json else render_chain(chain), nl=False)
    return 0 if chain["verdict"] == "proved" else 1


@dataclass(frozen=True)
class Options:
    """What the command line says, beside how to report."""

    trail: str
    keys: Path | None
    fetches: bool
    since: datetime | None
    until: datetime | None
    now: datetime | None
    checkpoint: Path | None


def answer(options: Options) -> Report:
    """Audit, and keep where to go on from."""
    from mlops.audit.checkpoint import write_checkpoint
    from mlops.audit.run import judge

    inquiry = open_inquiry(options)
    report = judge(inquiry)
    if options.checkpoint:
        write_checkpoint(options.checkpoint, inquiry)
    return report


def open_inquiry(options: Options) -> Inquiry:
    """Bring, verify and read all that is asked for."""
    from mlops.audit.checkpoint import read_checkpoint
    from mlops.audit.run import Question, inquire
    from mlops.audit.store import open_store
    from mlops.workspace import open_workspace

    workspace = open_workspace()
    remote = options.trail.startswith("s3://")
    folder = workspace.root / FOLDER if remote else Path(options.trail)
    if remote or options.fetches:
        bring(workspace, options.trail if remote else "", folder, options.since)
    store = open_store(folder, options.keys)
    seen = options.now or store.fetched or datetime.now(UTC)
    question = Question(options.since, options.until or seen, seen)
    if question.since and question.since >= question.until:
        raise UsageError(
            f"--since {question.since} is not before --until {question.until}; give an earlier --since"
        )
    known = read_checkpoint(options.checkpoint, workspace.project) if options.checkpoint else None
    return inquire(workspace.root, workspace.project, store, question, known)


def bring(workspace: Workspace, uri: str, folder: Path, since: datetime | None) -> None:
    """Fetch, and say what came."""
    from mlops.audit.fetch import fetch, trail_place
    from mlops.aws import Aws

    project = workspace.project
    brought = fetch(Aws(project.region), project, trail_place(project, uri), folder, since)
    click.echo(f"fetched {brought.new} objects, {brought.known} were here", err=True)
