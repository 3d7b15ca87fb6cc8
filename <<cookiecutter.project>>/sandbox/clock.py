"""The sandbox's one clock: it may run faster than the wall's, and be moved forward by hand.

So a bake of minutes takes seconds, and a test sees next week's digests without waiting for them.
"""

from __future__ import annotations

import bisect
import time
from datetime import UTC, datetime


class Clock:
    """Sandbox time: starts at the wall's and runs `speed` times as fast."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start = time.time()
        self._origin = time.monotonic()
        self._moved = 0.0
        self._moves: list[tuple[float, float]] = []  # when on the wall's clock, and by how much in all

    def time(self) -> float:
        """Seconds since the epoch, in sandbox time."""
        if self.speed == 1:
            return time.time() + self._moved
        return self._start + (time.monotonic() - self._origin) * self.speed + self._moved

    @property
    def moved(self) -> float:
        """By how many seconds it was moved by hand; a process, which runs by the wall's clock, adds them."""
        return self._moved

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def move(self, seconds: float) -> datetime:
        """Jump forward; the time after it. What waits on the clock finds its time come."""
        if seconds < 0:
            raise ValueError(f"{seconds} s: time only moves forward")
        self._moved += seconds
        self._moves.append((time.time(), self._moved))
        return self.now()

    def of_wall(self, moment: float) -> float:
        """The sandbox time at which the wall's clock showed `moment`."""
        index = bisect.bisect_right(self._moves, (moment, float("inf")))
        moved = self._moves[index - 1][1] if index else 0.0
        scaled = moment if self.speed == 1 else self._start + (moment - self._start) * self.speed
        return scaled + moved

    def real(self, seconds: float) -> float:
        """How long a stretch of sandbox time takes."""
        return seconds / self.speed
