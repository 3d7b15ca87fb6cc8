"""One REST call: what a route says of itself, what it is given, what it answers or refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.forge.people import Person
    from sandbox.forge.tokens import Token


@dataclass(frozen=True)
class Call:
    """A request whose caller is known and allowed. `arguments` are the parts of its path."""

    method: str
    path: str
    arguments: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    raw: bytes
    bearer: str  # as given: on an open route nobody has looked at it
    accept: str
    token: Token
    url: str  # of the forge: http://127.0.0.1:PORT

    @property
    def person(self) -> Person:
        return self.token.owner

    @property
    def api(self) -> str:
        """The URL of the repository in the API."""
        return f"{self.url}/api/v3/repos/{self.arguments['owner']}/{self.arguments['name']}"


@dataclass(frozen=True)
class Answer:
    """What goes back; a body that is not JSON is bytes with a type of its own."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"


class Refusal(Exception):  # noqa: N818 — it is GitHub's answer, not a fault of the forge
    """A status above 399, as GitHub's clients parse it."""

    def __init__(self, status: int, message: str, errors: list[Any] | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.errors = errors


@dataclass(frozen=True)
class Route:
    """A method and path below /api/v3, and who may use it; `/_…` is open to all, and not below it.

    `scope` and `level` are what a job's token needs (`contents`, `write`); `role` is what a person needs.
    """

    method: str
    path: str  # werkzeug's form: /repos/<owner>/<name>/pulls/<int:number>
    handler: Callable[[Call], Answer]
    scope: str = "metadata"
    level: str = "read"
    role: str = "read"


def missing() -> Refusal:
    """What GitHub says of anything that is not there, or that the caller may not see."""
    return Refusal(404, "Not Found")


def invalid(resource: str, field_name: str, code: str = "invalid", message: str = "") -> Refusal:
    """422 with the member that is wrong."""
    error = {"resource": resource, "code": code, "field": field_name}
    return Refusal(422, "Validation Failed", [{**error, "message": message} if message else error])
