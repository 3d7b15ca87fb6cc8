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
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Also write it there, as the name ends: .html, .json, .md, .sarif or .txt. Any number of times.",
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Go on from there, and write it anew.")
@click.option("--issues", "keeps_issues", is_flag=True, help="Keep one issue of the forge per finding.")
@click.option("--dry-run", is_flag=True, help="With --issues: say what would be done.")
@click.pass_context
def command(
    context: click.Context,
    /,
    form: str,
    output: Path | None,
    reports: tuple[Path, ...],
    keeps_issues: bool,
    dry_run: bool,
    **options: Any,
) -> int:
    """Prove every approval and every endpoint change."""
    from mlops.audit.formats import require_form, write_report

    context.obj = Options(**options)
    if context.invoked_subcommand:
        return 0
    for path in reports:
        require_form(path)
    report = answer(context.obj)
    write_report(report, form, output, reports)
    if keeps_issues:
        keep(report, dry_run=dry_run)
    return report.exit_code


def keep(report: Report, *, dry_run: bool) -> None:
    """Make the forge's issues say what the report says."""
    from mlops.audit.issues import LABEL, describe_step, keep_issues, plan_issues, summarize
    from mlops.forge import open_forge
    from mlops.workspace import open_workspace

    project = open_workspace().project
    issues = open_forge(project).issues()
    if issues is None:
        raise UsageError(f"project.yml: forge {project.forge!r} has no issues; leave out --issues")
    if dry_run:
        for step in plan_issues(report, issues.list_issues(LABEL)):
            click.echo(describe_step(step), err=True)
        return
    click.echo(summarize(keep_issues(issues, report)), err=True)


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


@command.command("ratify")
@click.argument("finding")
@click.option("--why", required=True, help="Why it may stand; reviewers judge by it.")
@click.pass_obj
def ratify_command(options: Options, finding: str, why: str) -> int:
    """Write the file by which a reviewed pull request ratifies FINDING."""
    from mlops.audit.ratification import dump_ratification, ratified_path
    from mlops.workspace import open_workspace

    report = answer(options)
    found = next((one for one in report.findings if one.id == finding), None)
    if found is None:
        listed = ", ".join(one.id for one in report.findings[:5]) or "none"
        raise UsageError(f"{finding!r} is no open finding; there are: {listed}. See them all: mlops audit")
    path = ratified_path(finding)
    text = dump_ratification(found, why)
    place = open_workspace().root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    click.echo(f"{path}: written. It counts when a pull request with nothing else brought it into main:")
    click.echo(f"  git switch -c ratify-{finding} && git add {path} && git commit -m 'Ratify {found.rule}'")
    return 0


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
    bring_reviews(workspace, folder)


def bring_reviews(workspace: Workspace, folder: Path) -> None:
    """Ask the forge who reviewed what ratifies findings. Without an answer, none of that counts."""
    from mlops.audit.ratification import list_brought
    from mlops.audit.reviews import fetch_reviews
    from mlops.errors import MlopsError
    from mlops.forge import open_forge

    listed = list_brought(workspace.root, "HEAD")
    if not listed:
        return
    try:
        fetch_reviews(open_forge(workspace.project), workspace.root, listed, folder)
    except MlopsError as error:
        click.echo(f"no ratification counts: {error}", err=True)
