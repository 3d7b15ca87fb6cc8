"""The command line of `mlops audit`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from mlops.audit.formats import FORMATS
from mlops.errors import UsageError

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
    "--trail", default=FOLDER, show_default=True, help="The folder that holds the trail and the evidence."
)
@click.option(
    "--keys", type=click.Path(path_type=Path), help="CloudTrail's public keys. By default keys.json there."
)
@click.option("--since", type=Moment(), help="From when on. By default as far back as the trail goes.")
@click.option("--until", type=Moment(), help="Until when. By default when the trail was fetched.")
@click.option(
    "--now", type=Moment(), hidden=True, help="When the folder was complete, for tests of old trails."
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the report there.")
@click.pass_context
def command(
    context: click.Context,
    trail: str,
    keys: Path | None,
    since: datetime | None,
    until: datetime | None,
    now: datetime | None,
    form: str,
    output: Path | None,
) -> int:
    """Prove every approval and every endpoint change."""
    if context.invoked_subcommand:
        return 0
    from mlops.audit.formats import write_report
    from mlops.audit.run import Question, audit
    from mlops.audit.store import open_store
    from mlops.workspace import open_workspace

    workspace = open_workspace()
    store = open_store(Path(trail), keys)
    seen = now or store.fetched or datetime.now(UTC)
    question = Question(since, until or seen, seen)
    if question.since and question.since >= question.until:
        raise UsageError(f"--since {question.since} is not before --until {question.until}")
    report = audit(workspace.root, workspace.project, store, question)
    write_report(report, form, output)
    return report.exit_code
