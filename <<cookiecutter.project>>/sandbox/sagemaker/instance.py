"""One container of a fleet: a process with a model's real archive and handler, restarted when it dies."""

from __future__ import annotations

import http.client
import logging
import socket
import tarfile
import threading
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import images, launch, objects
from sandbox.errors import SandboxError
from sandbox.logs import Stream
from sandbox.sagemaker import networks

if TYPE_CHECKING:
    import subprocess

    from sandbox.sagemaker.store import Record
    from sandbox.world import World

log = logging.getLogger("sandbox")
SERVING = Path(__file__).parent.parent / "serving.py"
STARTUP_SECONDS = 300.0
ANSWER_SECONDS = 60.0
SHIP_SECONDS = 1.0
LIVELY_SECONDS = 2.0  # for so long after a request its container may still have to say something
IDLE_SECONDS = 0.5
# SageMaker's own words, as users quote them
NO_STORAGE = (
    'Failed to download model data from URL "{}". Please ensure that an S3 VPC endpoint exists in route '
    "table or NAT gateway for the VPC mode and the URL is reachable from within the subnets provided."
)
RESTART_SECONDS = 0.5


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
        self._command: launch.Command | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._asked, self._last_asked = threading.Event(), time.monotonic()
        self._shipper: threading.Thread | None = None
        self._port = 0
        self._held = ExitStack()
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self.busy = 0

    def start(self) -> None:
        """Bring the archive, start the container, and wait until it answers pings."""
        (self._home / "ml/model").mkdir(parents=True)
        role = self._container["ExecutionRoleArn"]
        keys, vpc = self._world.assume(role), self._container.get("VpcConfig")
        reach = networks.reach(self._world, vpc)
        if not reach.storage:
            raise SandboxError(NO_STORAGE.format(self._container.get("ModelDataUrl", "")))
        self._bring_archive(keys, role)
        image = self._world.images.build(self._container["Image"])
        venv = images.overlay(image, self._home / "venv")
        settings = {
            **images.environment(image, venv, self._home),
            **keys,
            "AWS_ENDPOINT_URL": self._world.endpoint,
            "AWS_REGION": self._world.region,
            "AWS_DEFAULT_REGION": self._world.region,
            "SANDBOX_LAYERS": str(images.cache_folder() / "layers" / image.home.name),
            **self._container.get("Environment", {}),
        }
        arguments = (str(venv / "bin/python3"), str(SERVING), str(self._home / "port"))
        output = self._home / "log.txt"
        command = launch.Command(arguments, self._home / "ml", self._home, output, settings)
        self._command = networks.confine(command, reach, self._world)
        if self._command.door:
            self._command = self._listen_for(self._command)
        self._held.enter_context(networks.joined(self._world, role, vpc))
        stream = Stream(
            self._world.client("logs", keys),
            f"/aws/sagemaker/Endpoints/{self._endpoint}",
            f"{self._variant}/{self.name}",
            output,
        )
        self._process = self._world.launcher.start(self._command)
        self._shipper = threading.Thread(target=self._tend, args=(stream,), daemon=True)
        self._shipper.start()
        self._await_ping(output)

    def _listen_for(self, command: launch.Command) -> launch.Command:
        """Listen in the container's place: nothing reaches a socket that it makes in a network of its own."""
        descriptor = self._held.enter_context(socket.create_server(("127.0.0.1", 0))).fileno()
        return replace(command, arguments=(*command.arguments, str(descriptor)), files=(descriptor,))

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

    def _await_ping(self, output: Path) -> None:
        port_file, deadline = self._home / "port", time.monotonic() + STARTUP_SECONDS
        while not port_file.exists():
            assert self._process is not None  # noqa: S101  # start() set it
            if self._process.poll() is not None or time.monotonic() > deadline:
                lines = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
                raise SandboxError(
                    f"The {self._variant} container for production variant did not pass the "
                    f"ping health check. Its last line: {lines[-1] if lines else ''!r}"
                )
            time.sleep(0.02)
        self._port = int(port_file.read_text())

    def _tend(self, stream: Stream) -> None:
        """Ship what the container prints; start it again when it dies after it once served."""
        # an alarm on what a handler prints must not lag behind a clock that runs faster
        pause = max(0.02, self._world.clock.real(SHIP_SECONDS))
        while not self._ended.wait(pause):
            self._await_request()
            stream.ship()
            if self._process and self._process.poll() is not None and self._port:
                self._ended.wait(RESTART_SECONDS)
                self._restart()
        stream.ship(last=True)

    def _await_request(self) -> None:
        """Look at a container less often that nobody asks anything: there may be many."""
        self._asked.clear()
        if not self.busy and time.monotonic() - self._last_asked > LIVELY_SECONDS:
            self._asked.wait(IDLE_SECONDS)

    def _restart(self) -> None:
        if self._ended.is_set():
            return
        assert self._command is not None  # noqa: S101  # start() set it
        (self._home / "port").unlink(missing_ok=True)
        self._process = self._world.launcher.start(self._command)
        with self._lock:
            self._idle.clear()
        try:
            self._await_ping(self._command.log)
        except SandboxError as error:
            log.warning("endpoint %s: %s", self._endpoint, error)

    def invoke(self, body: bytes, headers: dict[str, str]) -> Reply:
        """Send one request to the container over a kept-alive connection."""
        self._last_asked = time.monotonic()
        self._asked.set()
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
        self._ended.set()
        self._asked.set()
        if self._process:
            launch.stop(self._process, 0)
        if self._shipper:
            self._shipper.join(5)
        if self._process:  # one that a restart brought up meanwhile
            launch.stop(self._process, 0)
        self._held.close()
