"""The forge's WSGI application: finds the route, asks who calls, answers as GitHub does."""

from __future__ import annotations

import importlib
import importlib.util
import json
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sandbox.forge.calls import Answer, Call, Refusal, Route
from sandbox.forge.ground import Answers, Environment, Ground, Runner
from sandbox.forge.people import WEB_FLOW, People
from sandbox.forge.repository import Repository
from sandbox.forge.store import Store
from sandbox.forge.tokens import Token, Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.oidc import Issuer

REPOSITORY_ID = 700100200
OWNER_ID = 600100
NOBODYS = Token("", WEB_FLOW, {})


class Forge:
    """One repository with its people, pull requests and rules, served over HTTP."""

    def __init__(self, home: Path, project: Answers, issuer: Issuer, clock: Clock, aws_endpoint: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        people = People(project.owner_team, project.repository.partition("/")[0])
        self.store = Store(home / "forge.sqlite")
        self.repository = Repository(home, project.repository, REPOSITORY_ID, OWNER_ID)
        self.ground = Ground(
            home,
            self.repository,
            people,
            Tokens(home / "tokens.json", people),
            issuer,
            clock,
            aws_endpoint,
            "",
            self._environment,
            lambda: "read",
        )
        self.runs = _runs(self.ground)
        routes = self.runs.routes if self.runs else []
        self._routes = Map([_rule(route) for route in routes])
        self.wsgi = self._wsgi

    def repository_ids(self) -> dict[str, str]:
        """What trust policies name: Owner, OwnerId, Repository, RepositoryId."""
        repository = self.repository
        return {
            "Owner": repository.owner,
            "OwnerId": str(repository.owner_id),
            "Repository": repository.name,
            "RepositoryId": str(repository.id),
        }

    def token_of(self, login: str) -> str:
        """The token of a person; KeyError for a login that has none."""
        return self.ground.tokens.of(login)

    def start(self, url: str, root: Path) -> None:
        """Say where the forge serves, and apply the settings files of the project."""
        self.ground.url = url

    def close(self) -> None:
        if self.runs:
            self.runs.close()
        self.store.close()

    def _environment(self, name: str) -> Environment | None:
        return None

    def _wsgi(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        try:
            answer = self._answer(request)
        except Refusal as refusal:
            answer = _refused(refusal)
        return _response(answer)(environ, start_response)

    def _answer(self, request: Request) -> Answer:
        path = request.path if is_open(request.path) else request.path.removeprefix("/api/v3")
        try:
            route, arguments = self._routes.bind("forge").match(path, request.method)
        except HTTPException:
            raise Refusal(
                404, f"the sandbox's forge does not serve {request.method} {path}: see docs/sandbox.md"
            ) from None
        call = Call(
            request.method,
            path,
            {key: str(value) for key, value in arguments.items()},
            request.args.to_dict(),
            request.get_json(silent=True) or {},
            request.get_data(),
            _bearer(request),
            request.headers.get("Accept", ""),
            NOBODYS if is_open(path) else self._caller(request),
            request.host_url.rstrip("/"),
        )
        found: Route = route
        return found.handler(call)

    def _caller(self, request: Request) -> Token:
        token = self.ground.tokens.lookup(_bearer(request))
        if token is None:
            raise Refusal(401, "Bad credentials")
        return token


def is_open(path: str) -> bool:
    """Whether a path is for the machine itself: jobs that report, tests that switch faults."""
    return path.startswith("/_")


def _bearer(request: Request) -> str:
    return request.headers.get("Authorization", "").split(" ")[-1]


def _runs(ground: Ground) -> Runner | None:
    """The runs, once the package that starts them has them."""
    if importlib.util.find_spec("sandbox.forge.runs") is None:
        return None
    found = getattr(importlib.import_module("sandbox.forge.runs"), "Runs", None)
    made: Runner | None = found and found(ground)
    return made


def _rule(route: Route) -> Rule:
    return Rule(route.path, methods=[route.method], endpoint=route)


def _refused(refusal: Refusal) -> Answer:
    body: dict[str, Any] = {"message": refusal.message, "documentation_url": "https://docs.github.com/rest"}
    if refusal.errors is not None:
        body["errors"] = refusal.errors
    return Answer({**body, "status": str(refusal.status)}, refusal.status)


def _response(answer: Answer) -> Response:
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    return Response(body, answer.status, answer.headers, content_type=answer.content_type)
