"""What a trail delivers: log files minutes after the calls, and each hour a signed digest of them.

Time is stepped through: where the clock was moved or runs fast, each hour that passed has its digest all the
same, at its own time, empty where nothing happened.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.cloudtrail import digests
from sandbox.cloudtrail.digests import ALGORITHM, Digest, Link, LogFile, Place
from sandbox.cloudtrail.records import STAMP

if TYPE_CHECKING:
    from sandbox.cloudtrail.keys import Keyring
    from sandbox.cloudtrail.store import Store

HOUR = timedelta(hours=1)
LARGEST = 16 * 2**20  # bytes that wait; more go at once, as a file of their own
LATE = timedelta(minutes=5)  # AWS: "within an average of about 5 minutes of an API call"


@dataclass
class Chain:
    """One region's records of a trail: those that wait, the logs since the last digest, and that digest."""

    place: Place
    start: datetime
    key: str = ""  # of KMS, for logs
    last: Link | None = None
    logs: list[LogFile] = field(default_factory=list)
    _waiting: list[tuple[str, bytes]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, moment: str, line: bytes) -> None:
        """Take a record; this is all that a call waits for."""
        with self._lock:
            self._waiting.append((moment, line))

    def oldest(self) -> datetime | None:
        """When the first call was that waits."""
        with self._lock:
            first = self._waiting[0][0] if self._waiting else None
        return datetime.strptime(first, STAMP).replace(tzinfo=UTC) if first else None

    def weight(self) -> int:
        """The bytes that wait."""
        with self._lock:
            return sum(len(line) for _, line in self._waiting)

    def until(self, moment: datetime) -> list[tuple[str, bytes]]:
        """The records that wait, of calls up to a moment."""
        last = moment.strftime(STAMP)
        with self._lock:
            return [each for each in self._waiting if each[0] <= last]

    def drop(self, delivered: list[tuple[str, bytes]]) -> None:
        """Forget records: they are delivered."""
        known = set(map(id, delivered))
        with self._lock:
            self._waiting = [each for each in self._waiting if id(each) not in known]


class Delivery:
    """Writes logs and digests of chains. Where a policy forbids it, it raises; nothing is lost."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring

    def advance(self, chain: Chain, now: datetime, validated: bool) -> None:
        """Deliver all that is due by now, each at its own time."""
        while True:
            oldest = chain.oldest()
            log = oldest + LATE if oldest else None
            digest = chain.start + HOUR
            if log and log <= min(now, digest):
                self._write_log(chain, max(log, chain.start))
            elif digest <= now:
                self.close(chain, digest, validated)
            else:
                break
        if chain.weight() > LARGEST:
            self._write_log(chain, now)

    def flush(self, chain: Chain, now: datetime, validated: bool) -> None:
        """Deliver everything now, in a digest that is shorter than an hour."""
        self.advance(chain, now, validated)
        self._write_log(chain, now)
        if chain.start < now:
            self.close(chain, now, validated)

    def _write_log(self, chain: Chain, moment: datetime) -> None:
        records = chain.until(moment)
        if not records:
            return
        content = digests.log_content([line for _, line in records])
        place, times = chain.place, [time for time, _ in records]
        log = LogFile(place.bucket, place.log_key(moment), digests.sha256(content), min(times), max(times))
        self._store.put(place, log.key, digests.pack(content), kms=chain.key)
        chain.drop(records)
        chain.logs.append(log)

    def close(self, chain: Chain, end: datetime, validated: bool) -> None:
        """Sign what was delivered since the last digest; a trail without validation has none."""
        if validated:
            made = Digest(chain.place, chain.start, end, tuple(chain.logs), chain.last)
            signer = self._keyring.at(chain.place.region, end)
            content = made.content(signer.fingerprint)
            signature = signer.sign(made.signed_text(content))
            metadata = {"signature": signature, "signature-algorithm": ALGORITHM}
            self._store.put(chain.place, made.key, digests.pack(content), metadata)
            chain.last = Link(chain.place.bucket, made.key, digests.sha256(content), signature)
        else:
            chain.last = None
        chain.start, chain.logs = end, []
