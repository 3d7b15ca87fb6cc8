"""Starts the processes of jobs and endpoints so that none outlives the server."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox import door

CONTAINER = Path(__file__).with_name("container.py")
END = signal.SIGUSR1  # as in container.py
END_SECONDS = 5.0
ML = re.compile(r"/opt/ml(?![\w.-])")
NO_NAMESPACES = "SANDBOX_NO_NAMESPACES"  # set to anything: do without, as on a machine that has none


@dataclass(frozen=True)
class Command:
    """One command to run with a private /opt/ml; its output goes to `log`.

    `door`: the one port of this machine that it reaches, where it has no network; 0 where it has.
    `files`: descriptors that it inherits.
    """

    arguments: tuple[str, ...]
    ml: Path
    work: Path
    log: Path
    environment: dict[str, str]
    read_only: tuple[str, ...] = ()
    door: int = 0
    files: tuple[int, ...] = ()


class Launcher:
    """The one thread that forks: a child's parent-death signal follows the thread, not the process."""

    def __init__(self, mapped: bool = False) -> None:
        self._mapped = mapped
        self._asked: queue.Queue[tuple[Command, Future[subprocess.Popen[bytes]]]] = queue.Queue()
        threading.Thread(target=self._serve, name="launcher", daemon=True).start()

    def start(self, command: Command) -> subprocess.Popen[bytes]:
        """Start a command; the caller waits for the process it gets."""
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._asked.put((command, answer))
        return answer.result()

    def place(self, text: str, ml: Path) -> str:
        """Say where /opt/ml is for a job: there, or in its folder when it cannot have its own."""
        return ML.sub(lambda _: str(ml), text) if self._mapped else text

    def _serve(self) -> None:
        while True:
            command, answer = self._asked.get()
            try:
                answer.set_result(_open(self._placed(command), "mapped" if self._mapped else "private"))
            except OSError as error:
                answer.set_exception(error)

    def _placed(self, command: Command) -> Command:
        if not self._mapped:
            return command
        return replace(
            command,
            door=0,  # without namespaces there is no network of its own either
            arguments=tuple(self.place(word, command.ml) for word in command.arguments),
            environment={
                **{name: self.place(value, command.ml) for name, value in command.environment.items()},
                "SANDBOX_ML": str(command.ml),
            },
        )


def _wrapper(kind: str, command: Command, outside: int = 0) -> list[str]:
    own = [sys.executable, "-I", "-S", str(CONTAINER), kind, str(os.getpid())]
    way_out = f"{command.door}:{outside}" if command.door else ""
    files = ":".join(str(file) for file in command.files)
    return [*own, str(command.ml), ":".join(command.read_only), str(command.work), way_out, files]


def _open(command: Command, kind: str) -> subprocess.Popen[bytes]:
    if not command.door:
        return _start(command, kind)
    inner, outer = socket.socketpair()
    with outer:
        process = _start(command, kind, outer.fileno())
    door.keep_open(inner, command.door, process)
    return process


def _start(command: Command, kind: str, *outside: int) -> subprocess.Popen[bytes]:
    with command.log.open("ab") as log:
        return subprocess.Popen(
            [*_wrapper(kind, command, *outside), *command.arguments],
            env=command.environment,
            cwd=command.work,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(*command.files, *outside),
        )


def stop(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask a process tree to end, and end it after `grace` seconds."""
    if process.poll() is None and grace > 0:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    process.send_signal(END)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    process.kill()
    process.wait()


def probe(directory: Path) -> str | None:
    """Try a private /opt/ml once; the reason why not, or None."""
    if os.environ.get(NO_NAMESPACES):
        return f"{NO_NAMESPACES} is set"
    directory.mkdir(parents=True, exist_ok=True)
    command = Command(("/bin/true",), directory, directory, directory / "log", {})
    wrapper = [*_wrapper("private", command), *command.arguments]
    found = subprocess.run(wrapper, capture_output=True, text=True, check=False)
    return None if found.returncode == 0 else (found.stderr.strip() or f"exit code {found.returncode}")
