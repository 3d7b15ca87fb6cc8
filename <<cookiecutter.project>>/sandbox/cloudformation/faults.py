"""Failures that a test plants, for what a rehearsal must survive: POST /_sandbox/stacks, one JSON object.

{"fail": WHICH, "times": N}   the next N (1) acts on a resource fail, as of an internal failure
{"hold": WHICH}               stacks stop there, half way, until {"release": true}
{"throttle": N}               the next N calls of CloudFormation are answered Throttling
WHICH is a logical id, or a number: the how manyeth act on any resource, from now.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.errors import ResourceError
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBERS = frozenset({"fail", "times", "hold", "release", "throttle"})


@dataclass
class Fault:
    """One that waits for its resource."""

    which: str | int
    times: int = 1

    def meets(self, logical: str) -> bool:
        """Whether an act is the one; counts those before it."""
        if isinstance(self.which, str):
            return self.which == logical
        self.which -= 1
        return self.which < 1

    def strikes(self, logical: str) -> bool:
        if self.times < 1 or not self.meets(logical):
            return False
        self.times -= 1
        return True


class Faults:
    """What is planted in all accounts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fail = Fault("", 0)
        self._hold = Fault("", 0)
        self._throttle = 0
        self._released = threading.Event()

    def plant(self, asked: Mapping[str, Any]) -> None:
        """Take what a test asks for; raises ValueError for anything else."""
        if unknown := sorted(set(asked) - MEMBERS):
            raise ValueError(f"{', '.join(unknown)}: allowed are {', '.join(sorted(MEMBERS))}")
        with self._lock:
            if "fail" in asked:
                self._fail = Fault(_which(asked["fail"]), int(asked.get("times", 1)))
            if "hold" in asked:
                self._hold = Fault(_which(asked["hold"]))
                self._released.clear()
            self._throttle = int(asked.get("throttle", self._throttle))
        if asked.get("release"):
            self._released.set()

    def before(self, logical: str) -> None:
        """Called before each act on a resource: waits where stacks are held, raises where it is to fail."""
        with self._lock:
            held, failed = self._hold.strikes(logical), self._fail.strikes(logical)
        if held:
            self._released.wait()
        if failed:
            raise ResourceError("InternalFailure", "Internal Failure")

    def admit(self) -> None:
        """Called before each call of CloudFormation."""
        with self._lock:
            throttled = self._throttle > 0
            self._throttle -= throttled
        if throttled:
            raise ServiceError("Throttling", "Rate exceeded")


def _which(value: Any) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is neither a logical id nor a number")
    return value
