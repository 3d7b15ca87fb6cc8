"""The processes behind one version of an endpoint."""

from __future__ import annotations

import http.client
import itertools
import tarfile
import threading
import time
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
numbers = itertools.count(1)


@dataclass(frozen=True)
class Reply:
    """What a container answered."""

    status: int
    kind: str
    body: bytes


class Fleet:
    """One container with a model's real archive and handler."""

    def __init__(self, world: World, endpoint: str, container: Record, variant: Record) -> None:
        self._world = world
        self._endpoint = endpoint
        self._container = container
        self.variant = variant
        self._home = world.jobs / f"endpoint-{endpoint}-{next(numbers)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

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
        name = f"{self.variant['VariantName']}/{self._home.name}"
        stream = Stream(
            self._world.client("logs", keys), f"/aws/sagemaker/Endpoints/{self._endpoint}", name, log
        )
        threading.Thread(target=self._ship, args=(stream, self._process), daemon=True).start()
        self._wait_for(port_file, log)

    def _bring_archive(self, keys: dict[str, str], role: str) -> None:
        url = self._container.get("ModelDataUrl")
        if not url:
            return
        archive = self._home / "model.tar.gz"
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
                    f"The {self.variant['VariantName']} container for production variant did not pass the "
                    f"ping health check. Its last line: {lines[-1] if lines else ''!r}"
                )
            time.sleep(0.02)
        self._port = int(port_file.read_text())

    @staticmethod
    def _ship(stream: Stream, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            stream.ship()
            time.sleep(1)
        stream.ship(last=True)

    def invoke(self, body: bytes, headers: dict[str, str]) -> Reply:
        """Send one request to the container over a kept-alive connection."""
        connection = self._connection()
        try:
            connection.request("POST", "/invocations", body, headers)
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.headers.get("Content-Type", ""), answer.read())
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
