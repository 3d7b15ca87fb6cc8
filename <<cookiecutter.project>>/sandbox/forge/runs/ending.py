"""Ends a job that is cancelled: first act is told, then what its steps have started, ever less politely."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from sandbox import launch

GRACE_SECONDS = 10.0  # for steps that run `if: always()`
# GitHub waits 7.5 s and 2.5 s between these, and tells only the shell; nobody watches here
SIGNALS = ((signal.SIGINT, 1.0), (signal.SIGTERM, 1.0), (signal.SIGKILL, 1.0))
TELL_SECONDS = 0.1
START_SECONDS = 5.0


def end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt act and its steps, let it run what asks for `always()`, and leave nothing behind."""
    runners = _runners(process)
    steps = [pid for runner in runners for pid in _descendants(runner)]
    _send(runners, signal.SIGINT)
    time.sleep(TELL_SECONDS)  # so that act knows why its step ends
    for number, seconds in SIGNALS:
        _send(steps, number)
        if _are_gone(steps, seconds):
            break
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    launch.stop(process, 0)


def _runners(process: subprocess.Popen[bytes]) -> list[int]:
    """act's process, which the one above it may not have started yet."""
    deadline = time.monotonic() + START_SECONDS
    while not (found := _children(process.pid)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def _children(pid: int) -> list[int]:
    """The processes that a process has started, by any of its threads."""
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    return found


def _descendants(pid: int) -> list[int]:
    children = _children(pid)
    return [*children, *(found for child in children for found in _descendants(child))]


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _are_gone(pids: list[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
