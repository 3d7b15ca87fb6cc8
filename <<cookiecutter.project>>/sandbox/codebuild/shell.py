"""The server's end of a build's agent: hands it commands, waits, and ends all that they started."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import disk, launch

if TYPE_CHECKING:
    from collections.abc import Callable

AGENT = Path(__file__).with_name("agent.py")
LOOK = 0.02
STOP_GRACE = 2.0


class EndedError(Exception):
    """The build was ended from outside: `STOPPED`, `TIMED_OUT`, or `FAULT` when its agent is gone."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Outset:
    """What a build's shell starts with."""

    folder: Path  # the agent's own
    source: Path
    log: Path
    shell: str
    environment: dict[str, str]


class Shell:
    """One build's commands, in one environment. `watch` raises EndedError when the build is over."""

    def __init__(self, launcher: launch.Launcher, outset: Outset, watch: Callable[[], None]) -> None:
        self._folder, self._watch = outset.folder, watch
        self.environment = dict(outset.environment)
        self._number = 0
        self._folder.mkdir(parents=True, exist_ok=True)
        start = {
            "environment": self.environment,
            "place": str(outset.source),
            "shell": outset.shell,
        }
        (self._folder / "start.json").write_text(json.dumps(start), encoding="utf-8")
        pipe = self._folder / "steps"
        os.mkfifo(pipe)
        words = ("env", "--unset=SANDBOX_ML", sys.executable, "-I", "-S", str(AGENT), str(self._folder))
        self._process = launcher.start(
            launch.Command(words, self._folder, outset.source, outset.log, self.environment)
        )
        self._pipe = os.open(pipe, os.O_RDWR)  # which, on Linux, does not wait for the reader

    def run(self, command: str, settings: dict[str, str]) -> int:
        """Run one command to its end; its exit code."""
        told = self._folder / f"{self._number}.json"
        self._number += 1
        os.write(self._pipe, f"{json.dumps({'command': command, 'set': settings})}\n".encode())
        while not told.exists():
            self._watch()
            if self._process.poll() is not None and not told.exists():
                raise EndedError(
                    "FAULT", f"the build's agent ended with exit code {self._process.returncode}"
                )
            if disk.is_full(self._folder):
                raise EndedError("FAULT", "no space left on the disk of the sandbox's state directory")
            time.sleep(LOOK)
        found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
        self.environment = found["environment"]
        return int(found["code"])

    def close(self) -> None:
        """End everything that the build has started."""
        os.close(self._pipe)
        launch.stop(self._process, 0 if self._process.poll() is not None else STOP_GRACE)
