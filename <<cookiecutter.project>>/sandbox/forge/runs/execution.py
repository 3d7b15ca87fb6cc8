"""Runs one job: act in host mode, an empty workspace, an environment that holds nothing of the server's."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import launch
from sandbox.forge.runs.ending import end
from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.logbook import Logbook
from sandbox.forge.runs.rewrite import LABEL, Literals, list_actions, one_job, read_outputs, step_id

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Report = Callable[[list[dict[str, Any]]], None]

ACT = Path(sys.executable).with_name("act")
ACTIONS = Path(__file__).parents[1] / "actions"
KEPT = ("PATH", "LANG", "TZ", "TMPDIR", "UV_CACHE_DIR")
KEPT_PREFIXES = ("LC_", "PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "HTTP", "http", "SANDBOX_NO")
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Task:
    """All that a job needs to run, decided."""

    folder: Path  # its own, removed at the end
    log: Path
    workflow: dict[str, Any]
    name: str  # the job's id
    job: dict[str, Any]
    literals: Literals
    event: dict[str, Any]
    event_name: str
    settings: dict[str, str]  # GITHUB_…, which win over the job's own env
    environment: dict[str, str]  # which the job's own env wins over
    token: str
    hidden: tuple[str, ...]
    seconds: float
    now: Callable[[], str]


@dataclass
class Outcome:
    """How a job ended."""

    conclusion: str
    message: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    summary: str = ""


class Executor:
    """Starts act; nothing of a job outlives it, or the server."""

    def __init__(self) -> None:
        self._launcher = launch.Launcher(mapped=True)

    def run(self, task: Task, stop: threading.Event, report: Report) -> Outcome:
        """Run a job to its end; `stop` cancels it."""
        task.folder.mkdir(parents=True)
        try:
            with task.log.open("w", encoding="utf-8") as log:
                return self._run(task, stop, report, log)
        finally:
            shutil.rmtree(task.folder, ignore_errors=True)

    def _run(self, task: Task, stop: threading.Event, report: Report, log: Any) -> Outcome:
        titles = {str(step.get("id") or step_id(n)): _title(step) for n, step in enumerate(task.job["steps"])}
        book = Logbook(log, titles, (task.token, *task.hidden), task.now)
        try:
            command = _write(task)
        except WorkflowError as error:
            book.say(f"##[error]{error}")
            return Outcome("failure", str(error))
        if not ACT.exists():
            raise WorkflowError(f"no act at {str(ACT)!r}. Install the sandbox's packages: make setup")
        output = task.folder / "act.jsonl"
        output.touch()
        process = self._launcher.start(
            launch.Command(tuple(command), task.folder, task.folder, output, _environment(task))
        )
        conclusion = _follow(process, output, book, task.seconds, stop, report)
        book.close(conclusion)
        return _outcome(task, book, conclusion)


def _outcome(task: Task, book: Logbook, conclusion: str) -> Outcome:
    message = ""
    if book.faults and conclusion == "success":  # act goes on with nothing where GitHub stops
        conclusion, message = "failure", book.faults[0]
    if conclusion == "failure" and not message and book.strays and not book.has_begun:
        message = " ".join(line.strip() for line in book.strays[:4])
    if conclusion == "timed_out":
        conclusion = "cancelled"
        minutes = f"{task.seconds / 60:g}"
        message = f"The job has exceeded the maximum execution time of {minutes} minutes."
        book.say(f"##[error]{message}")
    outputs = {
        name: value
        for name, value in read_outputs(task.folder / "outputs").items()
        if not any(secret and secret in value for secret in (task.token, *task.hidden))
    }
    return Outcome(conclusion, message, outputs, book.steps, book.summary)


def _follow(
    process: subprocess.Popen[bytes],
    output: Path,
    book: Logbook,
    seconds: float,
    stop: threading.Event,
    report: Report,
) -> str:
    """Read the log until act ends, is told to, or has had its time."""
    deadline = time.monotonic() + seconds
    ending = ""
    with output.open("rb") as lines:
        while True:
            over = process.poll() is not None
            known = [dict(step) for step in book.steps]
            book.read(_whole_lines(lines))
            if known != book.steps:
                report(book.steps)
            if over:
                return ending or ("success" if process.returncode == 0 else "failure")
            if not ending and (stop.is_set() or time.monotonic() > deadline):
                ending = "cancelled" if stop.is_set() else "timed_out"
                threading.Thread(target=end, args=(process,), daemon=True).start()
            time.sleep(POLL_SECONDS)


def _whole_lines(file: Any) -> list[bytes]:
    """The lines that are complete by now."""
    place = file.tell()
    data: bytes = file.read()
    whole, _, rest = data.rpartition(b"\n")
    file.seek(place + len(data) - len(rest))
    return whole.splitlines()


def _title(step: dict[str, Any]) -> str:
    """How GitHub names a step that has no name."""
    if "name" in step:
        return str(step["name"])
    return f"Run {step['uses']}" if "uses" in step else f"Run {str(step['run']).strip().splitlines()[0]}"


def _write(task: Task) -> list[str]:
    """Write the job's files; the command that runs them."""
    folder = task.folder
    actions = list_actions(task.job["steps"], ACTIONS)
    copy = one_job(task.event_name, task.workflow, task.name, task.job, task.literals, folder / "outputs")
    for place in ("home", "empty"):
        (folder / place).mkdir()
    (folder / "workflow.yml").write_text(json.dumps(copy), encoding="utf-8")
    (folder / "event.json").write_text(json.dumps(task.event), encoding="utf-8")
    secrets = folder / "secrets"
    secrets.touch(mode=0o600)
    secrets.write_text(f"GITHUB_TOKEN={task.token}\n", encoding="utf-8")
    files = {
        "--workflows": folder / "workflow.yml",
        "--directory": folder / "empty",
        "--eventpath": folder / "event.json",
        "--secret-file": secrets,
        "--action-cache-path": folder / "act",
    }
    return [
        "env",
        "--unset=SANDBOX_ML",
        str(ACT),
        task.event_name,
        "--json",
        "--no-skip-checkout",
        "--no-cache-server",
        "--use-new-action-cache",
        f"--platform={LABEL}=-self-hosted",
        f"--actor={task.settings['GITHUB_ACTOR']}",
        *(f"{flag}={path}" for flag, path in files.items()),
        *(f"--local-repository={name}={path}" for name, path in actions.items()),
        *(f"--env={name}={value}" for name, value in task.settings.items()),
    ]


def _environment(task: Task) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    virtualenv = str(Path(sys.executable).parent)
    return {
        **kept,
        "PATH": f"{virtualenv}:{kept.get('PATH', os.defpath)}",
        "VENV": str(Path(virtualenv).parent),
        "HOME": str(task.folder / "home"),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "GIT_TERMINAL_PROMPT": "0",
        **task.environment,
    }
