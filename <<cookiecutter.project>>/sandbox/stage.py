"""The stage of a rehearsal: a copy of the project under git, a running sandbox, and a clock for each act."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import yaml
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".sandbox", "build", "__pycache__", ".*_cache", "cache", "tmp"
)
SHOWN_LINES = 12  # of a command's output; the rest is in its log
Codes = tuple[int, ...]  # exit codes with which a command ends as it should
WELL, REFUSED = (0,), (1,)

console = Console(highlight=False)


@dataclass
class Stage:
    """A copy of the project, the environment its commands run in, and how long each act took."""

    folder: Path
    environment: dict[str, str]
    acts: list[tuple[str, float]] = field(default_factory=list)
    session: boto3.session.Session = field(default_factory=boto3.session.Session)

    def run(
        self, *command: str, shown: str | None = None, lines: int = SHOWN_LINES, ends: Codes = WELL
    ) -> str:
        """Type a command; show it with so many lines of its output. Raises SystemExit unless it ends as it
        should."""
        # whole, however narrow the window: people copy it
        console.print(f"[bold cyan]$ {escape(shown or shlex.join(command))}[/]", soft_wrap=True)
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode not in ends:
            console.print(done.stdout + done.stderr, markup=False)
            raise SystemExit(f"{' '.join(command)!r} ended with exit code {done.returncode}; see above")
        show(done.stdout, lines)
        if ends != WELL:
            console.print(f"  {done.stderr.strip()}", markup=False, style="yellow")
        return done.stdout

    def python(self, module: str, *arguments: str, shown: str, lines: int = SHOWN_LINES) -> str:
        """Run a module of this interpreter, shown as the command that a user types."""
        return self.run(sys.executable, "-m", module, *arguments, shown=shown, lines=lines)

    def mlops(self, *arguments: str, lines: int = SHOWN_LINES, ends: Codes = WELL) -> str:
        """A verb of the tool, from the copy's own source."""
        command = (sys.executable, "-m", "mlops.cli", *arguments)
        return self.run(*command, shown=f"mlops {' '.join(arguments)}", lines=lines, ends=ends)

    def aws(self, *words: str, ends: Codes = WELL) -> str:
        """A call by the AWS CLI; its answer as text, which is shown where a query chose it."""
        lines = SHOWN_LINES if "--query" in words else 0
        return self.run("aws", *words, "--output", "text", lines=lines, ends=ends)

    def client(self, service: str) -> Any:
        """A client with this stage's credentials."""
        given = self.environment
        create: Any = self.session.client
        return create(
            service,
            endpoint_url=given["AWS_ENDPOINT_URL"],
            region_name=given["AWS_REGION"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        )

    def read_environment(self, *options: str) -> dict[str, str]:
        """What `python -m sandbox env` prints."""
        shown = " ".join(["python -m sandbox env", *options])
        return read_exports(self.python("sandbox", "env", *options, shown=shown, lines=0))

    def as_owner(self, duty: str) -> Stage:
        """The stage with the keys of an account's owner."""
        given = self.read_environment("--account", duty)
        return replace(self, environment={**self.environment, **given})

    @cached_property
    def names(self) -> Any:
        """The answers that names on AWS are made of."""
        return yaml.safe_load((self.folder / "project.yml").read_text(encoding="utf-8"))

    @property
    def trail_bucket(self) -> str:
        """Where the trails of all accounts are delivered."""
        names = self.names
        return f"{names['project']}-trail-{names['accounts']['training']}-{names['region']}"

    @contextmanager
    def act(self, title: str) -> Iterator[None]:
        """Announce a step and time it."""
        console.print(f"\n[bold]{title}[/]")
        begun = time.monotonic()
        yield
        self.acts.append((title, time.monotonic() - begun))
        console.print(f"[dim]{self.acts[-1][1]:.1f} s[/]")


def set_stage(project: Path, folder: Path) -> Stage:
    """Copy the project; its commands find this interpreter's tools and nobody's credentials."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project, folder, ignore=NOT_COPIED, symlinks=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "GITHUB_", "GIT_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    binaries = os.path.dirname(sys.executable)  # noqa: PTH120  # a symlink in a virtualenv must stay one
    settings = {
        "PYTHONPATH": os.pathsep.join(["src", "libs", "."]),
        "PATH": os.pathsep.join([binaries, kept.get("PATH", "")]),
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    return Stage(folder, {**kept, **settings})


@contextmanager
def sandbox(stage: Stage, *options: str) -> Iterator[None]:
    """AWS and the forge on this machine, for as long as the rehearsal lasts."""
    what = "empty accounts" if "--empty" in options else "the project's foundation deployed"
    with stage.act(f"Start the sandbox: AWS and a forge on this machine, {what}"):
        up = ["up", "--detach", *options]
        stage.python("sandbox", *up, shown=f"python -m sandbox {' '.join(up)}")
        stage.environment.update(stage.read_environment())
    try:
        yield
    finally:
        stage.python("sandbox", "down", shown="python -m sandbox down")


def read_exports(text: str) -> dict[str, str]:
    """The variables of `export NAME=value` lines."""
    pairs = (
        line.removeprefix("export ").split("=", 1) for line in text.splitlines() if line.startswith("export ")
    )
    return {name: value.strip("'\"") for name, value in pairs}


def bootstrap(stage: Stage) -> None:
    """Found every account by infra/*.yml, each with its owner's keys, as a team does."""
    for duty in owners(stage.names["accounts"]):
        told = stage.as_owner(duty).mlops("bootstrap", "--yes", "--set", "Queries=none", lines=0)
        show(told.splitlines()[-1])


def owners(accounts: Mapping[str, str]) -> list[str]:
    """A duty of each account, in the order of duties: of those that share one, the first stands for all."""
    first: dict[str, str] = {}
    for duty, account in accounts.items():
        first.setdefault(account, duty)
    return list(first.values())


def begin_history(stage: Stage, message: str) -> None:
    """The copy's first commit, as ada's."""
    stage.run("git", "init", "-q", "-b", "main")
    stage.run("git", "config", "user.name", "Ada Quist")
    stage.run("git", "config", "user.email", "ada@example.com")
    stage.run("git", "add", "-A")
    stage.run("git", "commit", "-q", "-m", message)


def show(text: str, most: int = SHOWN_LINES) -> None:
    """The first lines of an output, indented."""
    lines = text.rstrip().splitlines()
    for line in lines[:most]:
        console.print(f"  {line}", markup=False, overflow="ellipsis", no_wrap=True)
    if most and len(lines) > most:
        console.print(f"  … {len(lines) - most} more lines", style="dim")
