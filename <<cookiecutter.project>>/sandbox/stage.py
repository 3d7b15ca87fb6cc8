"""The stage of a rehearsal: a copy of the project under git, a running sandbox, and a clock for each act."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".sandbox", "build", "__pycache__", ".*_cache", "cache", "tmp"
)
SHOWN_LINES = 12  # of a command's output; the rest is in its log

console = Console(highlight=False)


@dataclass
class Stage:
    """A copy of the project, the environment its commands run in, and how long each act took."""

    folder: Path
    environment: dict[str, str]
    acts: list[tuple[str, float]] = field(default_factory=list)

    def run(self, *command: str, shown: str | None = None, quiet: bool = False, fails: bool = False) -> str:
        """Type a command; show it with its output. Raises SystemExit unless it ends as it should."""
        console.print(f"[bold cyan]$ {shown or ' '.join(command)}[/]")
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != (1 if fails else 0):
            console.print(done.stdout + done.stderr, markup=False)
            raise SystemExit(f"{' '.join(command)!r} ended with exit code {done.returncode}; see above")
        if not quiet:
            show(done.stdout)
        if fails:
            console.print(f"  {done.stderr.strip()}", markup=False, style="yellow")
        return done.stdout

    def python(self, module: str, *arguments: str, shown: str) -> str:
        """Run a module of this interpreter, shown as the command that a user types."""
        return self.run(sys.executable, "-m", module, *arguments, shown=shown)

    def mlops(self, *arguments: str, quiet: bool = False, fails: bool = False) -> str:
        """A verb of the tool, from the copy's own source."""
        command = (sys.executable, "-m", "mlops.cli", *arguments)
        return self.run(*command, shown=f"mlops {' '.join(arguments)}", quiet=quiet, fails=fails)

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
def sandbox(stage: Stage, speed: str, decisions: Path | None = None) -> Iterator[None]:
    """AWS and the forge on this machine, for as long as the rehearsal lasts."""
    with stage.act("Start the sandbox: AWS and a forge on this machine, the project's foundation deployed"):
        record = ["--decisions", str(decisions.absolute())] if decisions else []
        up = ["up", "--detach", "--speed", speed, *record]
        stage.python("sandbox", *up, shown=f"python -m sandbox {' '.join(up)}")
        exports = stage.run(sys.executable, "-m", "sandbox", "env", shown="python -m sandbox env", quiet=True)
        stage.environment.update(read_exports(exports))
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


def show(text: str) -> None:
    """The first lines of an output, indented."""
    lines = text.rstrip().splitlines()
    for line in lines[:SHOWN_LINES]:
        console.print(f"  {line}", markup=False, overflow="ellipsis", no_wrap=True)
    if len(lines) > SHOWN_LINES:
        console.print(f"  … {len(lines) - SHOWN_LINES} more lines", style="dim")
