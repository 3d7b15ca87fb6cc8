"""Whether a caller may use a route: a person by their role, a job by its `permissions:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge.calls import Refusal

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from sandbox.forge.calls import Route
    from sandbox.forge.people import Person
    from sandbox.forge.tokens import Token, Tokens

SAID = {
    "admin": "Must have admin rights to Repository.",
    "write": "Must have push access to repository",
    "triage": "Must have triage access to repository",
}


def not_accessible() -> Refusal:
    return Refusal(403, "Resource not accessible by integration")


def caller(tokens: Tokens, bearer: str) -> Token:
    """The token that a request was made with."""
    if not bearer:
        raise Refusal(401, "Requires authentication")
    found = tokens.lookup(bearer)
    if found is None:
        raise Refusal(401, "Bad credentials")
    return found


def check(route: Route, token: Token, owner: str) -> None:
    """Refuse who may not; in a fork its owner may all, others read."""
    if token.permissions is not None:
        allowed = any(token.allows(scope, route.level) for scope in route.scope.split("|"))
        if not allowed and route.scope != "metadata":
            raise not_accessible()
    elif not _may(token.owner, route.role, owner):
        raise Refusal(403, SAID.get(route.role, SAID["admin"]))


def _may(person: Person, role: str, owner: str) -> bool:
    return person.login == owner or person.may(role)


def bearer(request: Request) -> str:
    """The token of a request, sent as `token`, `Bearer`, or the password of Basic."""
    authorization = request.authorization
    if authorization is None:
        return ""
    return authorization.token or str(authorization.parameters.get("password", ""))
