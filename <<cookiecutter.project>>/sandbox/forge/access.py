"""Whether a caller may use a route: a person by their role, a job by its `permissions:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge.calls import Refusal, missing

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from sandbox.forge.calls import Route
    from sandbox.forge.people import Person
    from sandbox.forge.repository import Repository
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


def check(route: Route, token: Token, repository: Repository) -> None:
    """Refuse who may not; in a fork its owner may all, others read, and no job anything."""
    if token.permissions is None:
        if not _may(token.owner, route.role, repository):
            raise Refusal(403, SAID[route.role])
        return
    if repository.parent is not None:
        raise missing()
    allowed = any(token.allows(scope, route.level) for scope in route.scope.split("|"))
    if not allowed and route.scope != "metadata":
        raise not_accessible()


def _may(person: Person, role: str, repository: Repository) -> bool:
    if person.login == repository.owner or role == "read":
        return True
    return repository.parent is None and person.may(role)


def bearer(request: Request) -> str:
    """The token of a request, sent as `token`, `Bearer`, or the password of Basic."""
    authorization = request.authorization
    if authorization is None:
        return ""
    return authorization.token or str(authorization.parameters.get("password", ""))
