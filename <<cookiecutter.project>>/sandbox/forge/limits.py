"""The rate limit as clients see it: counted for each token by the hour; the sandbox never enforces it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.clock import Clock

LIMIT = 5000
HOUR = 3600


class Limits:
    """How often each token was used in this hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._hour = 0
        self._used: Counter[str] = Counter()

    def headers(self, bearer: str) -> dict[str, str]:
        """Count a request; one that a real limit would refuse is answered all the same."""
        hour = int(self._clock.time()) // HOUR
        with self._lock:
            if hour != self._hour:
                self._hour = hour
                self._used.clear()
            self._used[bearer] += 1
            used = min(self._used[bearer], LIMIT - 1)
        return {
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(LIMIT - used),
            "X-RateLimit-Reset": str((hour + 1) * HOUR),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Resource": "core",
        }
