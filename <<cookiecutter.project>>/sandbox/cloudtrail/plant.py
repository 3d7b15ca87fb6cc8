"""Puts the parts of CloudTrail together, for all accounts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from sandbox.cloudtrail.delivery import Delivery
from sandbox.cloudtrail.keep import keep
from sandbox.cloudtrail.keys import Keyring
from sandbox.cloudtrail.recorder import Recorder
from sandbox.cloudtrail.rules import Rules
from sandbox.cloudtrail.service import CloudTrail
from sandbox.cloudtrail.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.trail import Trail


class Plant:
    """CloudTrail of all accounts: one recorder, one bucket writer, one ring of keys."""

    def __init__(self, moto: Any, clock: Clock, region: str, home: Path, journal: Trail) -> None:
        self._home = home
        self._clock = clock
        self._region = region
        self._store = Store(moto)
        self._journal = journal
        self.keyring = Keyring(home / "trail-keys")
        self.recorder = Recorder(clock, Delivery(self._store, self.keyring))
        journal.listeners += [self.recorder.take, Rules(region).take]
        threading.Thread(target=self.recorder.run, name="cloudtrail", daemon=True).start()

    def operations(self, account: str) -> dict[str, Any]:
        """CloudTrail's API, as an account sees it."""
        return CloudTrail(
            account,
            self._region,
            self._clock,
            self.recorder,
            self._store,
            self.keyring,
            self._journal.path,
        ).operations

    def close(self) -> None:
        """Deliver everything, and keep it: buckets end with the server."""
        self.recorder.flush()
        for bucket in self.recorder.buckets():
            keep(bucket, self._home / "trail" / bucket, self.keyring, self._clock.now())
