"""Faults on demand, so that tests see what a client does when the forge is down, busy or unwilling."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.forge.calls import Answer, Call, Refusal, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = "/_faults"
SAID = {
    403: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    429: "API rate limit exceeded",
    500: "Server Error",
    502: "Server Error",
    503: "Service Unavailable",
}


@dataclass
class Fault:
    """The next `count` requests whose `METHOD /path` fits are answered so."""

    status: int
    count: int
    match: re.Pattern[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = ""


class Faults:
    """The switch: POST sets one more, GET lists, DELETE clears."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.routes = [
            Route("POST", PATH, self.add),
            Route("GET", PATH, self.index),
            Route("DELETE", PATH, self.clear),
        ]

    def add(self, call: Call) -> Answer:
        body = call.body
        status, count = body.get("status"), body.get("count", 1)
        if type(status) is not int or status not in range(400, 600) or type(count) is not int or count < 1:
            raise Refusal(422, f"status (400 to 599) and count (from 1) are numbers, not {body!r}")
        try:
            match = re.compile(str(body.get("match", "")))
        except re.error as error:
            raise Refusal(422, f"match is no regular expression: {error}") from None
        with self._lock:
            said = str(body.get("message", ""))
            self._faults.append(Fault(status, count, match, body.get("headers") or {}, said))
        return self.index(call)

    def index(self, call: Call) -> Answer:
        with self._lock:
            return Answer([_shape(fault) for fault in self._faults])

    def clear(self, call: Call) -> Answer:
        with self._lock:
            self._faults.clear()
        return Answer(status=204)

    def take(self, method: str, path: str) -> Answer | None:
        """The fault that this request meets, used up by one."""
        with self._lock:
            found = next((fault for fault in self._faults if fault.match.search(f"{method} {path}")), None)
            if found is None:
                return None
            found.count -= 1
            self._faults = [fault for fault in self._faults if fault.count]
        said = found.message or SAID.get(found.status, "the fault that a test asked for")
        body = {
            "message": said,
            "documentation_url": "https://docs.github.com/rest",
            "status": str(found.status),
        }
        return Answer(body, found.status, dict(found.headers))


def _shape(fault: Fault) -> dict[str, Any]:
    return {
        "status": fault.status,
        "count": fault.count,
        "match": fault.match.pattern,
        "headers": dict(fault.headers),
    }
