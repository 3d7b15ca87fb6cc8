"""What training and processing jobs share: a thread that brings data, runs a process, and takes data out."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox import identity, images, launch, objects
from sandbox.errors import SandboxError
from sandbox.logs import Stream

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from sandbox.sagemaker.store import Record
    from sandbox.world import World

# AWS waits 120 s between SIGTERM and SIGKILL; a rehearsal has less patience.
STOP_GRACE = 10.0
MOST_REASON = 1024


@dataclass(frozen=True)
class Work:
    """One job, in terms that both kinds share."""

    kind: str
    name: str
    image: str
    role: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    inputs: dict[str, str]
    seconds: int
    log_group: str
    instance: str
    config: dict[str, Any]


@dataclass
class Control:
    """How others reach a running job."""

    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Ended:
    """How the process of a job ended."""

    code: int
    last_line: str
    stopped: bool = False
    timed_out: bool = False


class Site:
    """A job's folders, keys and clients."""

    def __init__(self, world: World, work: Work) -> None:
        self.home = world.jobs / f"{work.kind}-{work.name}"
        shutil.rmtree(self.home, ignore_errors=True)
        self.ml = self.home / "ml"
        for folder in ("input/config", "input/data", "model", "output/data", "code", "config", "processing"):
            (self.ml / folder).mkdir(parents=True)
        self.log = self.home / "log.txt"
        self.keys = identity.assume(work.role, "SageMaker", world.account)
        self.s3 = world.client("s3", self.keys)
        self._world = world
        self._work = work

    def write_config(self) -> None:
        """Write the configuration files that containers read."""
        for name, document in self._work.config.items():
            (self.ml / name).write_text(json.dumps(document, default=str), encoding="utf-8")

    def bring_inputs(self) -> None:
        for place, uri in self._work.inputs.items():
            objects.download(self.s3, uri, self.ml / place, self._work.role)

    def run(self, control: Control) -> Ended:
        """Run the job's command until it ends, is stopped, or has had its time."""
        work, world = self._work, self._world
        image = world.images.build(work.image)
        venv = images.overlay(image, self.home / "venv")
        stream = Stream(
            world.client("logs", self.keys),
            work.log_group,
            f"{work.name}/algo-1-{int(time.time())}",
            self.log,
        )
        process = world.launcher.start(
            launch.Command(work.arguments, self.ml, self.home, self.log, self._environment(image, venv))
        )
        try:
            ended = self._follow(process, control, stream)
        finally:
            launch.stop(process, 0)
        stream.ship(last=True)
        return ended

    def _environment(self, image: images.Image, venv: Path) -> dict[str, str]:
        return {
            **images.environment(image, venv, self.home),
            **self.keys,
            "AWS_ENDPOINT_URL": self._world.endpoint,
            "AWS_REGION": self._world.region,
            "AWS_DEFAULT_REGION": self._world.region,
            **self._work.environment,
        }

    def _follow(self, process: subprocess.Popen[bytes], control: Control, stream: Stream) -> Ended:
        deadline, shipped = time.monotonic() + self._work.seconds, time.monotonic()
        while process.poll() is None:
            late = time.monotonic() > deadline
            if late or control.stop.is_set():
                launch.stop(process, STOP_GRACE)
                return Ended(process.returncode, self.last_line(), not late, late)
            control.stop.wait(0.05)
            if time.monotonic() - shipped > 1:
                stream.ship()
                shipped = time.monotonic()
        return Ended(process.returncode, self.last_line())

    def last_line(self) -> str:
        lines = self.text(self.log).splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    @staticmethod
    def text(path: Path) -> str:
        """A file that the job may have written, cut to what a reason can hold."""
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, IsADirectoryError):
            return ""


def reason_of(error: Exception) -> str:
    """A FailureReason for what went wrong around a job's own process."""
    if isinstance(error, objects.DataError):
        return f"ClientError: Data download failed: {error}"[:MOST_REASON]
    if isinstance(error, SandboxError):
        return f"ClientError: {error}"[:MOST_REASON]
    return f"InternalServerError: sandbox fault: {error!r}"[:MOST_REASON]


def resource_config(instance: str) -> Record:
    """The file that tells a container which hosts take part."""
    return {
        "current_host": "algo-1",
        "current_instance_type": instance,
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": ["algo-1"]}
        ],
        "network_interface_name": "lo",
    }


def final_metrics(definitions: list[dict[str, str]], text: str, moment: Any) -> list[Record]:
    """The last value that each metric's regular expression found in the log."""
    found = ((definition["Name"], re.findall(definition["Regex"], text)) for definition in definitions)
    return [
        {"MetricName": name, "Value": float(_first(values[-1])), "Timestamp": moment}
        for name, values in found
        if values and _is_number(_first(values[-1]))
    ]


def _first(groups: str | tuple[str, ...]) -> str:
    return groups if isinstance(groups, str) else groups[0]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
