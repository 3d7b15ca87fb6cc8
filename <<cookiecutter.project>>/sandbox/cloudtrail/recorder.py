"""All trails of all accounts: takes each record as it is written, delivers as sandbox time passes."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sandbox.clock import Clock
    from sandbox.cloudtrail.delivery import Chain, Delivery
    from sandbox.cloudtrail.records import Record
    from sandbox.cloudtrail.trails import Trail

log = logging.getLogger("sandbox")
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 1.0
ENDS = frozenset({"DeleteTrail", "StopLogging"})


class Recorder:
    """Hands records to trails, and makes trails deliver."""

    def __init__(self, clock: Clock, delivery: Delivery) -> None:
        self.lock = threading.RLock()
        self.ending: list[Trail] = []
        self._clock = clock
        self._delivery = delivery
        self._trails: dict[str, dict[str, Trail]] = defaultdict(dict)

    def trails_of(self, account: str) -> dict[str, Trail]:
        return self._trails[account]

    def buckets(self) -> list[str]:
        """Where trails deliver to."""
        trails = [trail for trails in tuple(self._trails.values()) for trail in trails.values()]
        return sorted({trail.settings.bucket for trail in trails})

    def take(self, record: Record, line: bytes) -> None:
        """Give a record to the trails of its account; the last of a trail is the call that ends it."""
        account = record["recipientAccountId"]
        deleted = [trail for trail in self.ending if trail.settings.name not in self._trails[account]]
        for trail in (*tuple(self._trails[account].values()), *deleted):
            if trail.settings.account == account:
                trail.take(record, line, self._now())
        if self.ending and record["eventName"] in ENDS:
            self._end(account)

    def _end(self, account: str) -> None:
        with self.lock:
            ended = [trail for trail in self.ending if trail.settings.account == account]
            self.ending = [trail for trail in self.ending if trail.settings.account != account]
            for trail in ended:
                if trail.ending:
                    self._deliver(trail, self.second(*self._starts([trail])), self._delivery.flush)
                    trail.logging, trail.ending, trail.stopped = False, False, self._now()

    def advance(self) -> None:
        """Deliver what is due."""
        with self.lock:
            for trail in self._running():
                self._deliver(trail, self._now(), self._delivery.advance)

    def flush(self) -> None:
        """Deliver everything, and sign it, without waiting for the hour."""
        with self.lock:
            running = self._running()
            moment = self.second(*self._starts(running))
            for trail in running:
                self._deliver(trail, moment, self._delivery.flush)

    def run(self) -> None:
        """Deliver for as long as the server lives."""
        pause = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, self._clock.real(60)))
        while True:
            time.sleep(pause)
            try:
                self.advance()
            except Exception:  # the next round tries again
                log.exception("a trail could not be delivered")

    def second(self, *before: datetime | None) -> datetime:
        """Now, in whole seconds, once a second has begun that none of those moments is in."""
        last = max(filter(None, before), default=None)
        while last is not None and self._now() <= last:
            time.sleep(max(0.001, self._clock.real(0.05)))
        return self._now()

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    def _running(self) -> list[Trail]:
        return [
            trail for trails in tuple(self._trails.values()) for trail in trails.values() if trail.logging
        ]

    @staticmethod
    def _starts(trails: Iterable[Trail]) -> list[datetime]:
        return [chain.start for trail in trails for chain in tuple(trail.chains.values())]

    def _deliver(self, trail: Trail, moment: datetime, way: Callable[[Chain, datetime, bool], None]) -> None:
        """Deliver a trail's chains; what cannot be delivered waits, and the trail's status says why."""
        for chain in tuple(trail.chains.values()):
            before = (chain.start, len(chain.logs))
            try:
                way(chain, moment, trail.settings.validation)
                trail.error = ""
            except ServiceError as error:
                trail.error = error.code
                log.warning("trail %s: %s", trail.settings.arn, error)
            if (chain.start, len(chain.logs)) != before:
                trail.delivered = moment
                trail.digested = chain.start if chain.start != before[0] else trail.digested
