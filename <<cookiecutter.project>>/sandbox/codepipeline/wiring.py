"""Joins pipelines to what wakes them: events of the forge and of CodeCommit, a schedule, a person's click."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sandbox.codebuild.reach import Reach, Repository
from sandbox.codepipeline.bus import Bus
from sandbox.codepipeline.changes import read_change

if TYPE_CHECKING:
    from sandbox.codecommit.office import Office
    from sandbox.control import Control
    from sandbox.forge.app import Forge
    from sandbox.forge.events import Event

log = logging.getLogger("sandbox")


def reach_of(forge: Forge) -> Reach:
    """What builds and pipelines see of the forge, and how they hear of it."""

    def find(name: str) -> Repository | None:
        found = forge.repository
        if name != found.full_name:
            return None
        return Repository(found.path, f"{forge.ground.url}/{found.full_name}.git")

    def settings() -> dict[str, str]:
        url = forge.ground.url
        return {"GITHUB_API_URL": f"{url}/api/v3", "GITHUB_SERVER_URL": url}

    def hear(event: Event) -> None:
        change = read_change(event, forge.repository)
        if change:
            for start in reach.pipelines.values():
                start(change)

    reach = Reach(forge=find, settings=settings)
    forge.listeners.append(hear)
    return reach


def join(reach: Reach, office: Office, control: Control) -> None:
    """Reach CodeCommit and hear of its events; serve what a person does in a console."""
    bus = Bus(reach)

    def find(account: str, name: str) -> Repository | None:
        holding = office.books[account].holdings.get(name) if account in office.books else None
        url = f"{reach.worlds[account].endpoint}/v1/repos/{name}"
        return Repository(holding.git.path, url) if holding else None

    def authorise(asked: dict[str, Any]) -> None:
        arn = str(asked.get("arn", ""))
        account = (arn.split(":") + [""] * 5)[4]
        if account not in reach.connections:
            raise ValueError(f"arn is {arn!r}, not that of a connection")
        reach.connections[account].authorise(arn)

    reach.codecommit, reach.tell = find, bus.tell
    office.outbox.on_event.append(bus.tell)
    control.serve("connections", authorise)
    control.serve("schedule", bus.strike)
