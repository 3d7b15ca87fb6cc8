"""Which fleet answers the next request: shares between versions, weights between variants."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.sagemaker.capture import Capture
    from sandbox.sagemaker.fleet import Fleet


@dataclass
class Version:
    """The fleets of one endpoint configuration, by variant."""

    config: str
    fleets: dict[str, Fleet]
    capture: Capture | None = None
    _credit: dict[str, float] = field(default_factory=dict)

    def choose(self) -> Fleet | None:
        """The next variant by weight: smooth, so that 1 of 10 is every tenth and not the first hundred."""
        total = sum(fleet.weight for fleet in self.fleets.values())
        if total <= 0:
            return None
        for name, fleet in self.fleets.items():
            self._credit[name] = self._credit.get(name, 0) + fleet.weight
        chosen = max(self.fleets, key=lambda name: self._credit[name])
        self._credit[chosen] -= total
        return self.fleets[chosen]

    def stop(self) -> None:
        """End every fleet, each after its last answer."""
        for fleet in self.fleets.values():
            fleet.stop()
        if self.capture:
            self.capture.stop()


class Router:
    """The one place that knows who serves; a change and a choice never overlap, so that none is lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.serving: Version | None = None
        self._incoming: Version | None = None
        self._share = 0
        self._credit = 0

    def enter(self, variant: str | None) -> tuple[Version, Fleet] | None:
        """Choose a fleet and count the request in; the caller must `leave` it."""
        with self._lock:
            version = self._version()
            if version is None:
                return None
            fleet = version.fleets.get(variant) if variant else version.choose()
            if fleet is None:
                return None
            fleet.enter()
            return version, fleet

    def _version(self) -> Version | None:
        if self._incoming is None:
            return self.serving
        self._credit += self._share
        if self._credit < 100:
            return self.serving
        self._credit -= 100
        return self._incoming

    def shift(self, incoming: Version, share: int) -> None:
        """Give `share` percent of the requests, evenly spread, to another version."""
        with self._lock:
            if incoming is not self._incoming:
                self._credit = 0
            self._incoming, self._share = incoming, share

    def settle(self, version: Version | None) -> None:
        """Let one version answer alone."""
        with self._lock:
            self.serving, self._incoming, self._share = version, None, 0
