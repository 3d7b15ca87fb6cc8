"""Puts layer, moto, forge and web servers together, and serves until a signal."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import foundation, launch, web
from sandbox.clock import Clock
from sandbox.errors import SandboxError
from sandbox.state import Address, State

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from sandbox.codebuild.reach import Reach
    from sandbox.forge.app import Forge
    from sandbox.oidc import Issuer
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
    session_seconds: int | None = None
    decisions: Path | None = None
    empty: bool = False  # accounts and forge as new ones are, for `mlops bootstrap`


def serve(project: Project, state: State, options: Options, root: Path) -> None:
    """Serve until a signal ends it; the address file appears when the foundation stands."""
    from sandbox.codepipeline.wiring import reach_of
    from sandbox.oidc import Issuer

    reason = launch.probe(state.home / "probe-ml")
    server, forge_server = web.bind(options.port), web.bind(0)
    issuer, clock = Issuer(state.home), Clock(options.speed)
    forge = _forge(project, state, issuer, clock, server.endpoint)
    reach = reach_of(forge)
    ended = _on_signal()
    try:
        server.app = _application(
            project, state, server.endpoint, options, issuer, clock, reach, mapped=reason is not None
        )
        forge_server.app = forge.wsgi
        for name, each in (("aws", server), ("forge", forge_server)):
            threading.Thread(target=each.run, name=name, daemon=True).start()
        if not options.empty:
            foundation.apply(root / "infra", project, server.endpoint, forge.repository_ids())
        forge.start(forge_server.endpoint, None if options.empty else root)
        _say_ready(project, state, server, forge_server)
        if reason:
            print(f"jobs have no private /opt/ml ({reason}): {MAPPED}", flush=True)  # noqa: T201
        ended.wait()
        _keep_trails(server.app)
    finally:
        forge.close()


def _keep_trails(app: Any) -> None:
    """Keep what trails wrote; a disk without room for it must not keep the server from ending."""
    try:
        app.close()
    except OSError as error:
        print(f"the trails were not kept: {error.strerror}", flush=True)  # noqa: T201


def _say_ready(project: Project, state: State, server: web.Server, forge_server: web.Server) -> None:
    state.write_address(
        Address(
            os.getpid(),
            server.port,
            server.endpoint,
            project.region,
            project.accounts.training,
            project.accounts.by_duty(),
            forge_server.endpoint,
        )
    )
    where = f"account {project.accounts.training}, {project.region}"
    print(f"sandbox ready: {server.endpoint} ({where}), forge {forge_server.endpoint}", flush=True)  # noqa: T201


def _forge(project: Project, state: State, issuer: Issuer, clock: Clock, endpoint: str) -> Forge:
    from sandbox.forge.app import Forge

    try:
        return Forge(state.home / "forge", project, issuer, clock, endpoint)
    except (OSError, sqlite3.Error, ValueError) as error:
        raise SandboxError(
            f"the forge of {str(state.home)!r} cannot start: {' '.join(str(error).split())}. "
            "Look at it, or give another state directory: python -m sandbox up --state DIR"
        ) from None


def _application(
    project: Project,
    state: State,
    endpoint: str,
    options: Options,
    issuer: Issuer,
    clock: Clock,
    reach: Reach,
    mapped: bool,
) -> Any:
    # moto takes an account from the header that the layer sets, unless a variable names one for all
    os.environ.pop("MOTO_ACCOUNT_ID", None)
    os.environ["AWS_DEFAULT_REGION"] = project.region  # which moto reads when it is imported
    from sandbox.access import Access
    from sandbox.backend import Moto
    from sandbox.cloudformation.faults import Faults
    from sandbox.cloudformation.hands import Hands
    from sandbox.cloudformation.service import operations
    from sandbox.cloudtrail.plant import Plant
    from sandbox.codecommit.door import GitDoor
    from sandbox.codecommit.office import Office
    from sandbox.codepipeline.wiring import join
    from sandbox.control import Control
    from sandbox.decisions import Decisions
    from sandbox.identity import Callers
    from sandbox.images import OWN_IMAGES, Images, cache_folder
    from sandbox.layer import Layer
    from sandbox.planes import Shared, make_planes
    from sandbox.sessions import Sessions
    from sandbox.sts import Sts
    from sandbox.trail import Trail

    accounts, region = project.accounts.distinct(), project.region
    sessions = Sessions(clock, options.session_seconds)
    try:
        trail = Trail(state.trail, clock)
        moto = Moto()
        plant = Plant(moto, clock, region, state.home, trail)
    except OSError as error:
        raise state.unusable(error) from None
    sts = Sts(sessions, issuer, accounts, trail, region)
    images = Images((*options.images, OWN_IMAGES), cache_folder())
    hands, faults = Hands(endpoint), Faults()
    office = Office(accounts, region, state.home / "codecommit", clock, endpoint)
    shared = Shared(
        region,
        endpoint,
        state.jobs,
        images,
        launch.Launcher(mapped),
        clock,
        sts,
        options.no_capacity,
        plant.operations,
        reach,
        office.operations,
        lambda account: operations(account, clock, hands, sts, faults),
    )
    planes, registries = make_planes(accounts, shared)
    decisions = Decisions(options.decisions) if options.decisions else None
    reach.judge = access = Access(region, registries, decisions, office.locate)
    callers = Callers(accounts, sessions)
    layer = Layer(moto, planes, callers, access, sts, trail, region, clock)
    hands.app = layer
    control = Control(GitDoor(layer, office, callers, access, trail), clock, plant, reach.vending, faults)
    join(reach, office, control)
    return control


def _on_signal() -> threading.Event:
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    return ended
