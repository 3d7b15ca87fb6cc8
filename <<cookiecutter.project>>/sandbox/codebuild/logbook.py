"""A build's log as CodeBuild writes it: its own lines between those of the commands, secrets covered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sandbox.clock import Clock

HIDDEN = "***"
LEAST = 3  # a shorter secret would cover half the log


class Logbook:
    """The file that the build's processes write to, and what CodeBuild itself adds to it."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        path.touch()

    def say(self, text: str) -> None:
        moment = self._clock.now().strftime("%Y/%m/%d %H:%M:%S.%f")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"[Container] {moment} {text}\n")

    def end_phase(self, name: str, status: str, context: dict[str, str]) -> None:
        """How CodeBuild reports a phase."""
        self.say(f"Phase complete: {name} State: {status}")
        self.say(f"Phase context status code: {context['statusCode']} Message: {context['message']}")


class Covered:
    """CloudWatch Logs, as the stream of a build uses it: what the build may not show is covered."""

    def __init__(self, logs: Any) -> None:
        self._logs = logs
        self._hidden: list[str] = []

    def hide(self, values: Iterable[str]) -> None:
        found = {line for value in values for line in value.splitlines() if len(line) >= LEAST}
        self._hidden = sorted(found, key=len, reverse=True)

    def cover(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, HIDDEN)
        return text

    def create_log_group(self, **arguments: Any) -> None:
        self._logs.create_log_group(**arguments)

    def create_log_stream(self, **arguments: Any) -> None:
        self._logs.create_log_stream(**arguments)

    def put_log_events(self, logEvents: list[dict[str, Any]], **arguments: Any) -> None:  # noqa: N803
        events = [{**event, "message": self.cover(event["message"])} for event in logEvents]
        self._logs.put_log_events(logEvents=events, **arguments)
