"""What training and processing jobs share: a thread that brings data, runs a process, and takes data out."""

from __future__ import annotations

import errno
import json
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sandbox import disk, images, launch, objects
from sandbox.errors import SandboxError
from sandbox.logs import Stream
from sandbox.sagemaker import networks

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from sandbox.sagemaker.store import Record
    from sandbox.world import World

# AWS waits 120 s between SIGTERM and SIGKILL; a rehearsal has less patience.
STOP_GRACE = 10.0
MOST_REASON = 1024
NO_SPACE = (
    "ClientError: no space left on the disk of the sandbox's state directory. "
    "Free it, or give another: python -m sandbox up --state DIR"
)
LOOK, SHIP = 0.02, 0.3  # seconds between two looks at the process, and at its log
DRIVERS = "input/data/sm_drivers"


@dataclass(frozen=True)
class Work:
    """One job, in terms that both kinds share."""

    kind: str
    name: str
    image: str
    role: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    inputs: dict[str, objects.Source]
    seconds: int
    log_group: str
    instance: str
    config: dict[str, Any]
    vpc: dict[str, list[str]] | None = None


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


class Follower(Protocol):
    """What reads a job's log while it runs."""

    def ship(self, last: bool = False) -> None:
        """Take what was written since."""


def home(world: World, kind: str, name: str) -> Path:
    """The folder of a job."""
    return world.jobs / f"{kind}-{name}"


class Site:
    """A job's folders, keys and clients."""

    def __init__(self, world: World, work: Work) -> None:
        self.home = home(world, work.kind, work.name)
        shutil.rmtree(self.home, ignore_errors=True)
        self.ml = self.home / "ml"
        for folder in ("input/config", "input/data", "model", "output/data", "code", "config", "processing"):
            (self.ml / folder).mkdir(parents=True)
        self.log = self.home / "log.txt"
        self.keys = world.assume(work.role)
        self.s3 = world.client("s3", self.keys)
        self._world = world
        self._work = work
        self._reach = networks.reach(world, work.vpc)

    def write_config(self) -> None:
        """Write the configuration files that containers read."""
        for name, document in self._work.config.items():
            text = self._world.launcher.place(json.dumps(document, default=str), self.ml)
            (self.ml / name).write_text(text, encoding="utf-8")

    def bring_inputs(self) -> None:
        """Bring the data; drivers that the SDK uploads speak of /opt/ml, and are this job's own copy."""
        if not self._reach.storage:
            raise objects.DataError(networks.NO_STORAGE)
        for place, source in self._work.inputs.items():
            objects.bring(self.s3, source, self.ml / place, self._work.role)
        for script in sorted((self.ml / DRIVERS).rglob("*")):
            if script.suffix in (".py", ".sh", ".json"):
                text = script.read_text(encoding="utf-8")
                script.write_text(self._world.launcher.place(text, self.ml), encoding="utf-8")

    def run(self, control: Control, *followers: Follower) -> Ended:
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
        read_only = tuple(place for place, source in work.inputs.items() if source.mode == "FastFile")
        environment = self._environment(image, venv)
        command = launch.Command(work.arguments, self.ml, self.home, self.log, environment, read_only)
        with networks.joined(world, work.role, work.vpc):
            process = world.launcher.start(networks.confine(command, self._reach, world))
            try:
                ended = self._follow(process, control, (stream, *followers))
            finally:
                launch.stop(process, 0)
        full = ended.code != 0 and disk.is_full(self.ml)
        if full:
            disk.empty(self.ml)
        for follower in (stream, *followers):
            follower.ship(last=True)
        if full:
            raise OSError(errno.ENOSPC, ended.last_line)
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

    def _follow(
        self, process: subprocess.Popen[bytes], control: Control, followers: tuple[Follower, ...]
    ) -> Ended:
        deadline, shipped = time.monotonic() + self._work.seconds, time.monotonic()
        while process.poll() is None:
            late = time.monotonic() > deadline
            if late or control.stop.is_set():
                launch.stop(process, STOP_GRACE)
                return Ended(process.returncode, self.last_line(), not late, late)
            if disk.is_full(self.ml):  # the server's own disk too: it cannot wait for the job to notice
                launch.stop(process, 0)
                break
            control.stop.wait(LOOK)
            if time.monotonic() - shipped > SHIP:
                for follower in followers:
                    follower.ship()
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


class CapacityError(Exception):
    """There is no instance of the type that a job asks for."""


def check_capacity(world: World, instance: str) -> None:
    """Fail as AWS does where `up` was told that a type has none left."""
    if instance in world.no_capacity:
        raise CapacityError(
            "Unable to provision requested ML compute capacity. "
            "Please retry using a different ML instance type."
        )


def reason_of(error: Exception) -> str:
    """A FailureReason for what went wrong around a job's own process."""
    if isinstance(error, CapacityError):
        return f"CapacityError: {error}"
    if isinstance(error, objects.DataError):
        return f"ClientError: Data download failed: {error}"[:MOST_REASON]
    if isinstance(error, SandboxError):
        return f"ClientError: {error}"[:MOST_REASON]
    if disk.is_no_space(error):
        return NO_SPACE
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
