"""Puts the layer, moto and the web server together, and serves until a signal."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Options:
    """What `up` was asked for."""

    port: int = 0
    images: tuple[Path, ...] = ()
    speed: float = 1.0
    no_capacity: frozenset[str] = frozenset()


def serve(project: Project, state: State, options: Options, infra: Path) -> None:
    """Serve until a signal ends it; the address file appears when the foundation stands."""
    reason = launch.probe(state.home / "probe-ml")
    server = web.bind(options.port)
    server.app = _application(project, state, server.endpoint, options, mapped=reason is not None)
    ended = _on_signal()
    threading.Thread(target=server.run, name="waitress", daemon=True).start()
    foundation.apply(infra, project, server.endpoint)
    state.write_address(Address(os.getpid(), server.port, server.endpoint, project.region, project.account))
    ready = f"sandbox ready: {server.endpoint} (account {project.account}, {project.region})"
    print(ready, flush=True)  # noqa: T201
    if reason:
        print(f"jobs have no private /opt/ml ({reason}): {MAPPED}", flush=True)  # noqa: T201
    ended.wait()


def _application(project: Project, state: State, endpoint: str, options: Options, mapped: bool) -> Any:
    # moto reads these once, when it is imported
    os.environ["MOTO_ACCOUNT_ID"] = project.account
    os.environ["AWS_DEFAULT_REGION"] = project.region
    from sandbox import resources
    from sandbox.backend import Moto, has_log_group
    from sandbox.clock import Clock
    from sandbox.cloudwatch import CloudWatch
    from sandbox.filters import Filters
    from sandbox.images import OWN_IMAGES, Images, cache_folder
    from sandbox.layer import Layer
    from sandbox.metrics import Metrics
    from sandbox.sagemaker.service import SageMaker
    from sandbox.trail import Trail
    from sandbox.watch import Watch
    from sandbox.world import World

    resources.complete_roles()
    resources.complete_buckets(endpoint)
    table = Images((*options.images, OWN_IMAGES), cache_folder())
    clock, metrics = Clock(options.speed), Metrics()
    watch = Watch(clock, metrics, f"arn:aws:cloudwatch:{project.region}:{project.account}")
    world = World(
        project.account,
        project.region,
        endpoint,
        state.jobs,
        table,
        launch.Launcher(mapped),
        clock,
        metrics,
        watch,
        options.no_capacity,
    )
    try:
        trail = Trail(state.trail)
    except OSError as error:
        raise state.unusable(error) from None
    service = SageMaker(world)
    tables = {
        "sagemaker": service.operations,
        "cloudwatch": CloudWatch(clock, metrics, watch).operations,
    }
    filters = Filters(clock, metrics, lambda group: has_log_group(project.account, project.region, group))
    return Layer(Moto(), service, tables, filters, trail, project.account, project.region, clock)


def _on_signal() -> threading.Event:
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    return ended
