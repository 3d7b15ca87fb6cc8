"""Every call, ours or moto's, becomes CloudTrail records: lines of a file here, and what trails deliver."""

from __future__ import annotations

import errno
import json
import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.cloudtrail.records import Event, records

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clock import Clock

__all__ = ["Event", "Listener", "Trail"]


class Listener(Protocol):
    """What is told of each record, once it is on disk."""

    def __call__(self, record: dict[str, Any], line: bytes) -> None: ...


class Trail:
    """Appends records; one file for each life of the server."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.jsonl"
        self.listeners: list[Listener] = []
        self._clock = clock
        self._lock = threading.Lock()
        self._file = self.path.open("ab", buffering=0)

    def append(self, event: Event) -> None:
        """Write one record, whole, before the caller gets its answer; on a full disk none of it stays."""
        found = records(event, self._clock.now())
        lines = [
            json.dumps(each, default=str, ensure_ascii=False, separators=(",", ":")).encode()
            for each in found
        ]
        self._write(b"".join(line + b"\n" for line in lines))
        for record, line in zip(found, lines, strict=True):
            for listener in self.listeners:
                listener(record, line)

    def _write(self, whole: bytes) -> None:
        with self._lock:
            end = self._file.seek(0, os.SEEK_END)
            try:
                if self._file.write(whole) != len(whole):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                self._file.truncate(end)
                raise

    def close(self) -> None:
        self._file.close()
