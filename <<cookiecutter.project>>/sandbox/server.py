"""Puts the layer, moto and the web server together, and serves until a signal."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from sandbox import foundation, launch, web
from sandbox.state import Address, State

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from sandbox.project import Project

MAPPED = (
    "paths are mapped, see docs/sandbox.md. To have it: "
    "sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
)


def serve(project: Project, state: State, port: int, images: tuple[Path, ...], infra: Path) -> None:
    """Serve until a signal ends it; the address file appears when the foundation stands."""
    reason = launch.probe(state.home / "probe-ml")
    server = web.bind(port)
    server.app = _application(project, state, server.endpoint, images, mapped=reason is not None)
    ended = _on_signal()
    threading.Thread(target=server.run, name="waitress", daemon=True).start()
    foundation.apply(infra, project, server.endpoint)
    state.write_address(Address(os.getpid(), server.port, server.endpoint, project.region, project.account))
    ready = f"sandbox ready: {server.endpoint} (account {project.account}, {project.region})"
    print(ready, flush=True)  # noqa: T201
    if reason:
        print(f"jobs have no private /opt/ml ({reason}): {MAPPED}", flush=True)  # noqa: T201
    ended.wait()


def _application(
    project: Project, state: State, endpoint: str, images: tuple[Path, ...], mapped: bool
) -> Any:
    # moto reads these once, when it is imported
    os.environ["MOTO_ACCOUNT_ID"] = project.account
    os.environ["AWS_DEFAULT_REGION"] = project.region
    from sandbox import resources
    from sandbox.backend import Moto
    from sandbox.images import OWN_IMAGES, Images, cache_folder
    from sandbox.layer import Layer
    from sandbox.sagemaker.service import SageMaker
    from sandbox.trail import Trail
    from sandbox.world import World

    resources.complete_roles()
    resources.complete_buckets(endpoint)
    table = Images((*images, OWN_IMAGES), cache_folder())
    world = World(project.account, project.region, endpoint, state.jobs, table, launch.Launcher(mapped))
    try:
        trail = Trail(state.trail)
    except OSError as error:
        raise state.unusable(error) from None
    return Layer(Moto(), SageMaker(world), trail, project.account, project.region)


def _on_signal() -> threading.Event:
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    return ended
