"""Ships a job's output to CloudWatch Logs while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 1000


class Tail:
    """The whole lines that a growing file gained since the last look."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._offset = 0
        source.touch()

    def lines(self, last: bool = False) -> list[str]:
        """Read on; a line without its end waits for it, unless this is the last call."""
        if self._source.stat().st_size == self._offset:
            return []
        with self._source.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text if last else text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [line for line in whole.decode(errors="replace").splitlines() if line.strip()]


class Stream:
    """One log stream, fed from a file that grows."""

    def __init__(self, logs: Any, group: str, name: str, source: Path) -> None:
        self._logs = logs
        self._place = {"logGroupName": group, "logStreamName": name}
        self._tail = Tail(source)
        try:
            logs.create_log_group(logGroupName=group)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise
        logs.create_log_stream(**self._place)

    def ship(self, last: bool = False) -> None:
        """Send the lines written since."""
        lines = self._tail.lines(last)
        moment = int(time.time() * 1000)
        for start in range(0, len(lines), BATCH):
            events = [{"timestamp": moment, "message": line} for line in lines[start : start + BATCH]]
            self._logs.put_log_events(**self._place, logEvents=events)
