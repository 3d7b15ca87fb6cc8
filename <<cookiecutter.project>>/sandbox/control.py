"""What a developer asks of the sandbox itself, beside AWS: move the clock, deliver the trails.

POST /_sandbox/clock {"forward": SECONDS}      GET /_sandbox/clock      POST /_sandbox/trails
POST /_sandbox/stacks {"fail": …}: what CloudFormation is to fail at, as sandbox/cloudformation/faults.py says
POST /_sandbox/connections {"arn": …} authorises one; POST /_sandbox/schedule {"account": …, "rule": …}
No bucket's name begins with an underscore, so no call on AWS looks like these.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.clock import Clock
    from sandbox.cloudformation.faults import Faults
    from sandbox.cloudtrail.plant import Plant
    from sandbox.codebuild.credentials import Vending

ROOT = "/_sandbox/"
CREDENTIALS = "credentials/"  # of builds: what a container asks 169.254.170.2 for
FARTHEST = 366 * 86_400
Environ = dict[str, Any]


class ControlError(Exception):
    """A request that cannot be carried out; says why."""


class Control:
    """The application in front of the layer."""

    def __init__(self, app: Any, clock: Clock, plant: Plant, vending: Vending, faults: Faults) -> None:
        self._app = app
        self._vending = vending
        self._clock = clock
        self._recorder = plant.recorder
        self.close = plant.close
        self._acts: dict[tuple[str, str], Callable[[dict[str, Any]], None]] = {
            ("GET", "clock"): lambda asked: None,
            ("POST", "clock"): self._move,
            ("POST", "trails"): lambda asked: plant.recorder.flush(),
            ("POST", "stacks"): self._plant,
        }
        self._faults = faults

    def serve(self, name: str, act: Callable[[dict[str, Any]], None]) -> None:
        """Serve one more act; it raises ValueError for what it cannot do."""
        self._acts[("POST", name)] = act

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(ROOT):
            return self._app(environ, start_response)  # type: ignore[no-any-return]
        try:
            status, answer = "200 OK", self._answer(environ, path.removeprefix(ROOT))
        except ControlError as error:
            status, answer = "400 Bad Request", {"error": str(error)}
        body = json.dumps(answer).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: Environ, name: str) -> dict[str, str]:
        if name.startswith(CREDENTIALS):
            found = self._vending.answer(name.removeprefix(CREDENTIALS))
            if found is None:
                raise ControlError("these credentials belong to no build that runs")
            return found
        self._act(environ, name)
        return {"now": self._clock.now().isoformat()}

    def _act(self, environ: Environ, name: str) -> None:
        act = self._acts.get((environ["REQUEST_METHOD"], name))
        # a browser sends no JSON to a place that it did not ask first
        if act is None or (environ["REQUEST_METHOD"] == "POST" and _kind(environ) != "application/json"):
            known = ", ".join(f"{method} {ROOT}{name}" for method, name in self._acts)
            raise ControlError(f"{environ['REQUEST_METHOD']} {ROOT}{name}: allowed, as JSON: {known}")
        try:
            act(_document(environ["wsgi.input"].read()))
        except ValueError as error:
            raise ControlError(f"{name}: {error}") from None

    def _plant(self, asked: dict[str, Any]) -> None:
        try:
            self._faults.plant(asked)
        except (TypeError, ValueError) as error:
            raise ControlError(f"stacks: {error}") from None

    def _move(self, asked: dict[str, Any]) -> None:
        forward = asked.get("forward")
        if not isinstance(forward, int | float) or isinstance(forward, bool) or not 0 <= forward <= FARTHEST:
            raise ControlError(f"forward is {forward!r}. Write seconds, at most {FARTHEST}")
        self._clock.move(forward)
        self._recorder.advance()


def _kind(environ: Environ) -> str:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip()


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ControlError("the request is not a JSON object")
    return found
