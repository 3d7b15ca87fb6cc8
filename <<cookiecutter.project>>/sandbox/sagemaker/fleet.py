"""The processes behind one variant of one version of an endpoint."""

from __future__ import annotations

import http.client
import tarfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import identity, images, launch, objects
from sandbox.errors import SandboxError
from sandbox.logs import Stream

if TYPE_CHECKING:
    import subprocess

    from sandbox.sagemaker.store import Record
    from sandbox.world import World

SERVING = Path(__file__).parent.parent / "serving.py"
STARTUP_SECONDS = 300.0
ANSWER_SECONDS = 60.0
SHIP_SECONDS = 1.0
NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


@dataclass(frozen=True)
class Reply:
    """What a container answered."""

    status: int
    kind: str
    body: bytes
    custom: str = ""


class Instance:
    """One container with a model's real archive and handler."""

    def __init__(self, world: World, endpoint: str, container: Record, variant: str) -> None:
        self._world = world
        self._endpoint = endpoint
        self._container = container
        self._variant = variant
        self.name = f"i-{uuid.uuid4().hex[:17]}"
        self._home = world.jobs / f"endpoint-{endpoint}-{self.name}"
        self._process: subprocess.Popen[bytes] | None = None
        self._shipper: threading.Thread | None = None
        self._port = 0
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self.busy = 0

    def start(self) -> None:
        """Bring the archive, start the container, and wait until it answers pings."""
        (self._home / "ml/model").mkdir(parents=True)
        role = self._container["ExecutionRoleArn"]
        keys = identity.assume(role, "SageMaker", self._world.account)
        self._bring_archive(keys, role)
        image = self._world.images.build(self._container["Image"])
        venv = images.overlay(image, self._home / "venv")
        settings = {
            **images.environment(image, venv, self._home),
            **keys,
            "AWS_ENDPOINT_URL": self._world.endpoint,
            "AWS_REGION": self._world.region,
            "AWS_DEFAULT_REGION": self._world.region,
            **self._container.get("Environment", {}),
        }
        port_file = self._home / "port"
        arguments = (str(venv / "bin/python3"), str(SERVING), str(port_file))
        log = self._home / "log.txt"
        self._process = self._world.launcher.start(
            launch.Command(arguments, self._home / "ml", self._home, log, settings)
        )
        stream = Stream(
            self._world.client("logs", keys),
            f"/aws/sagemaker/Endpoints/{self._endpoint}",
            f"{self._variant}/{self.name}",
            log,
        )
        self._shipper = threading.Thread(target=self._ship, args=(stream, self._process), daemon=True)
        self._shipper.start()
        self._wait_for(port_file, log)

    def _bring_archive(self, keys: dict[str, str], role: str) -> None:
        url = self._container.get("ModelDataUrl")
        if not url:
            return
        place = objects.parse_uri(url)
        objects.download(self._world.client("s3", keys), url, self._home / "archive", role)
        archive = self._home / "archive" / place.key.rsplit("/", 1)[-1]
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(self._home / "ml/model", filter="data")
        except (tarfile.TarError, OSError) as error:
            raise objects.DataError(f"{url!r} is not a model archive: {error}") from error

    def _wait_for(self, port_file: Path, log: Path) -> None:
        deadline = time.monotonic() + STARTUP_SECONDS
        while not port_file.exists():
            assert self._process is not None  # noqa: S101  # start() set it
            if self._process.poll() is not None or time.monotonic() > deadline:
                lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
                raise SandboxError(
                    f"The {self._variant} container for production variant did not pass the "
                    f"ping health check. Its last line: {lines[-1] if lines else ''!r}"
                )
            time.sleep(0.02)
        self._port = int(port_file.read_text())

    def _ship(self, stream: Stream, process: subprocess.Popen[bytes]) -> None:
        # an alarm on what a handler prints must not lag behind a clock that runs faster
        pause = max(0.02, self._world.clock.real(SHIP_SECONDS))
        while process.poll() is None:
            stream.ship()
            time.sleep(pause)
        stream.ship(last=True)

    def invoke(self, body: bytes, headers: dict[str, str]) -> Reply:
        """Send one request to the container over a kept-alive connection."""
        connection = self._connection()
        try:
            connection.request("POST", "/invocations", body, headers)
            answer = connection.getresponse()
            kind = answer.headers.get("Content-Type", "")
            custom = answer.headers.get("X-Amzn-SageMaker-Custom-Attributes", "")
            reply = Reply(answer.status, kind, answer.read(), custom)
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return reply

    def _connection(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)

    def stop(self) -> None:
        if self._process:
            launch.stop(self._process, 0)
        if self._shipper:
            self._shipper.join(5)


class Fleet:
    """The instances of one variant; requests in flight are counted, so that none is cut off."""

    def __init__(self, world: World, endpoint: str, config: str, container: Record, variant: Record) -> None:
        self._world = world
        self._endpoint = endpoint
        self.config = config
        self.container = container
        self.variant = variant
        self.name: str = variant["VariantName"]
        self.weight: float = variant["InitialVariantWeight"]
        self.made = world.clock.now()
        self.wanted: int = variant["InitialInstanceCount"]
        self.instances: list[Instance] = []
        self._turn = 0
        self._flying = 0
        self._calm = threading.Condition()

    def scale(self, count: int) -> None:
        """Start instances until there are `count`, or drain and end the surplus."""
        if (missing := count - len(self.instances)) > 0:
            self._grow(missing)
        with self._calm:
            surplus, self.instances = self.instances[count:], self.instances[:count]
        self._end(surplus)

    def _grow(self, missing: int) -> None:
        if self.variant.get("InstanceType") in self._world.no_capacity:
            raise SandboxError(NO_CAPACITY)
        new = [Instance(self._world, self._endpoint, self.container, self.name) for _ in range(missing)]
        try:
            with ThreadPoolExecutor(len(new)) as pool:
                list(pool.map(Instance.start, new))
        except BaseException:
            self._end(new)
            raise
        with self._calm:
            self.instances = [*self.instances, *new]

    def enter(self) -> None:
        with self._calm:
            self._flying += 1

    def leave(self) -> None:
        with self._calm:
            self._flying -= 1
            self._calm.notify_all()

    def invoke(self, body: bytes, headers: dict[str, str]) -> Reply:
        """Let the least busy instance answer, each in its turn."""
        with self._calm:
            self._turn += 1
            count = len(self.instances)
            order = [self.instances[(self._turn + place) % count] for place in range(count)]
            instance = min(order, key=lambda each: each.busy)
            instance.busy += 1
        try:
            return instance.invoke(body, headers)
        finally:
            with self._calm:
                instance.busy -= 1
                self._calm.notify_all()

    def _end(self, instances: list[Instance]) -> None:
        with self._calm:
            self._calm.wait_for(lambda: not any(each.busy for each in instances), ANSWER_SECONDS)
        for each in instances:
            each.stop()

    def stop(self) -> None:
        """End the fleet once the requests that it was given are answered."""
        with self._calm:
            self._calm.wait_for(lambda: self._flying <= 0, ANSWER_SECONDS)
            instances, self.instances = self.instances, []
        self._end(instances)
