"""Starts the processes of jobs and endpoints so that none outlives the server."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

CONTAINER = Path(__file__).with_name("container.py")


@dataclass(frozen=True)
class Command:
    """One command to run with a private /opt/ml; its output goes to `log`."""

    arguments: tuple[str, ...]
    ml: Path
    work: Path
    log: Path
    environment: dict[str, str]


class Launcher:
    """The one thread that forks: a child's parent-death signal follows the thread, not the process."""

    def __init__(self) -> None:
        self._asked: queue.Queue[tuple[Command, Future[subprocess.Popen[bytes]]]] = queue.Queue()
        threading.Thread(target=self._serve, name="launcher", daemon=True).start()

    def start(self, command: Command) -> subprocess.Popen[bytes]:
        """Start a command; the caller waits for the process it gets."""
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._asked.put((command, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            command, answer = self._asked.get()
            try:
                answer.set_result(_open(command))
            except OSError as error:
                answer.set_exception(error)


def _open(command: Command) -> subprocess.Popen[bytes]:
    wrapper = [
        sys.executable,
        "-I",
        "-S",
        str(CONTAINER),
        str(os.getpid()),
        str(command.ml),
        str(command.work),
    ]
    with command.log.open("ab") as log:
        return subprocess.Popen(
            [*wrapper, *command.arguments],
            env=command.environment,
            cwd=command.work,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask a process tree to end, and end it after `grace` seconds."""
    if process.poll() is None and grace > 0:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    process.kill()
    process.wait()


def probe(directory: Path) -> str | None:
    """Try a private /opt/ml once; the reason why not, or None."""
    directory.mkdir(parents=True, exist_ok=True)
    wrapper = [sys.executable, "-I", "-S", str(CONTAINER), str(os.getpid()), str(directory), str(directory)]
    found = subprocess.run([*wrapper, "/bin/true"], capture_output=True, text=True, check=False)
    return None if found.returncode == 0 else (found.stderr.strip() or f"exit code {found.returncode}")
