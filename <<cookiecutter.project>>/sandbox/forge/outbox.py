"""Events that wait until the call that made them has succeeded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.forge.events import Event


class Outbox(threading.local):
    """What the call of this thread has caused so far."""

    def __init__(self) -> None:
        self._waiting: list[Event] = []

    def emit(self, event: Event) -> None:
        self._waiting.append(event)

    def drain(self) -> list[Event]:
        """Take what waits; also how a refused call's events are dropped."""
        taken, self._waiting = self._waiting, []
        return taken
