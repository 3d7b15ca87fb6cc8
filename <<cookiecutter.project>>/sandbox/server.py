"""Puts the layer, moto and the web server together."""

from __future__ import annotations

import errno
import logging
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import waitress

from sandbox import foundation, launch
from sandbox.errors import SandboxError
from sandbox.state import Address, State

if TYPE_CHECKING:
    from sandbox.project import Project

HOST = "127.0.0.1"
THREADS = 24
LARGEST_BODY = 64 * 2**30


def serve(project: Project, state: State, port: int, images: tuple[Path, ...], infra: Path) -> None:
    """Serve until a signal ends it; the address file appears when the foundation stands."""
    if reason := launch.probe(state.home / "probe-ml"):
        raise SandboxError(
            f"jobs cannot run here: {reason}. Allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 "
            "kernel.apparmor_restrict_unprivileged_userns=0"
        )
    server = _bind(port)
    endpoint = f"http://{HOST}:{server.effective_port}"
    server.set_app(_application(project, state, endpoint, images))
    ended = _on_signal(server)
    serving = threading.Thread(target=server.run, name="waitress", daemon=True)
    serving.start()
    foundation.apply(infra, project, endpoint)
    state.write_address(Address(os.getpid(), server.effective_port, endpoint, project.region, project.account))
    print(f"sandbox ready: {endpoint} (account {project.account}, {project.region})", flush=True)  # noqa: T201
    ended.wait()


def _application(project: Project, state: State, endpoint: str, images: tuple[Path, ...]) -> Any:
    _configure_moto(project, endpoint)
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from sandbox.images import OWN_IMAGES, Images, cache_folder
    from sandbox.layer import Layer
    from sandbox.sagemaker.service import SageMaker
    from sandbox.trail import Trail
    from sandbox.world import World

    table = Images((*images, OWN_IMAGES), cache_folder())
    world = World(project.account, project.region, endpoint, state.jobs, table, launch.Launcher())
    try:
        trail = Trail(state.trail)
    except OSError as error:
        raise state.unusable(error) from None
    moto = DomainDispatcherApplication(create_backend_app)
    return Layer(moto, SageMaker(world), trail, project.account, project.region)


def _configure_moto(project: Project, endpoint: str) -> None:
    """moto reads these once, when it is imported."""
    os.environ["MOTO_ACCOUNT_ID"] = project.account
    os.environ["MOTO_PORT"] = endpoint.rsplit(":", 1)[-1]
    os.environ["AWS_DEFAULT_REGION"] = project.region
    logging.getLogger("werkzeug").setLevel(logging.WARNING)


class _Server:
    """waitress, bound before the application exists, since the application must know the port."""

    def __init__(self, port: int) -> None:
        self._app: Any = None
        self._server = waitress.create_server(
            self._call,
            host=HOST,
            port=port,
            threads=THREADS,
            connection_limit=1000,
            max_request_body_size=LARGEST_BODY,
            channel_timeout=300,
            ident=None,
        )
        self.effective_port: int = self._server.effective_port

    def _call(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._app(environ, start_response)

    def set_app(self, app: Any) -> None:
        self._app = app

    def run(self) -> None:
        self._server.run()

    def close(self) -> None:
        self._server.close()


def _bind(port: int) -> _Server:
    try:
        return _Server(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise SandboxError(f"cannot listen on {HOST}:{port}: {error.strerror}") from None
        raise SandboxError(
            f"port {port} is taken. Give another, or none for a free one: python -m sandbox up --port N"
        ) from None


def _on_signal(server: _Server) -> threading.Event:
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    return ended
