"""The sandbox's one clock: it may run faster than the wall's, so that a bake of minutes takes seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Sandbox time: starts at the wall's and runs `speed` times as fast."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start = time.time()
        self._origin = time.monotonic()

    def time(self) -> float:
        """Seconds since the epoch, in sandbox time."""
        if self.speed == 1:
            return time.time()
        return self._start + (time.monotonic() - self._origin) * self.speed

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def of_wall(self, moment: float) -> float:
        """The sandbox time at which the wall's clock showed `moment`."""
        return moment if self.speed == 1 else self._start + (moment - self._start) * self.speed

    def real(self, seconds: float) -> float:
        """How long a stretch of sandbox time takes."""
        return seconds / self.speed
