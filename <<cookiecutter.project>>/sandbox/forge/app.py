"""The forge's WSGI application: finds the route, asks who calls, answers as GitHub does."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Request, Response

from sandbox.forge import access, faults, page, settings, smart_http
from sandbox.forge.account import WORKFLOW_DEFAULTS, Account
from sandbox.forge.automation import Automation, permissions
from sandbox.forge.board import Board
from sandbox.forge.calls import Answer, Call, Refusal, Route, missing
from sandbox.forge.commits import Commits
from sandbox.forge.contents import Contents
from sandbox.forge.environments import Environments
from sandbox.forge.gitdata import GitData
from sandbox.forge.ground import Answers, Ground, Runner
from sandbox.forge.issues import Issues
from sandbox.forge.limits import Limits
from sandbox.forge.merges import Merges
from sandbox.forge.outbox import Outbox
from sandbox.forge.people import WEB_FLOW, People
from sandbox.forge.pulls import Pulls
from sandbox.forge.repository import Repository
from sandbox.forge.reviews import Reviews
from sandbox.forge.ruling import Ruling
from sandbox.forge.runs.service import Runs
from sandbox.forge.store import Store
from sandbox.forge.tokens import Token, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.forge.events import Event
    from sandbox.oidc import Issuer

LOG = logging.getLogger(__name__)
API = "/api/v3"
REPOSITORY_ID = 700100200
OWNER_ID = 600100
NOBODYS = Token("", WEB_FLOW, {})


class Forge:
    """One repository with its people, pull requests and rules, served over HTTP."""

    def __init__(
        self,
        home: Path,
        project: Answers,
        issuer: Issuer,
        clock: Clock,
        aws_endpoint: str,
        make_runs: Callable[[Ground], Runner] = Runs,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._store = Store(home / "forge.sqlite")
        self._outbox, self._limits, self._faults = Outbox(), Limits(clock), faults.Faults()
        environments = Environments(self._store)
        self.repository, people = _open(home, project)
        self.ground = Ground(
            home,
            self.repository,
            people,
            Tokens(home / "tokens.json", people),
            issuer,
            clock,
            aws_endpoint,
            "",
            environments.find,
            self._default_permissions,
        )
        self.runs = make_runs(self.ground)
        self.listeners: list[Callable[[Event], None]] = []  # pipelines hear of the same events
        self._board = board = Board(self.ground, self._store, self._outbox, self.runs)
        self._git = smart_http.SmartHttp(board)
        self._own = _routes(board, environments)
        routes = (*self._own, *self._faults.routes, *self.runs.routes)
        self._routes = {(route.method, route.path): route for route in routes}
        self._map = _compile(tuple(self._routes))
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

    def start(self, url: str, root: Path | None) -> None:
        """Say where the forge serves, and apply the settings files of a project."""
        self.ground.url = url
        if root is None:
            return
        admin = next(person.login for person in self.ground.people if person.may("admin"))
        settings.apply(settings.Api(self.wsgi, self.token_of(admin), self.repository.full_name), root)

    def close(self) -> None:
        self.runs.close()
        self._store.close()

    def _default_permissions(self) -> str:
        kept = self._store.get("setting", "workflow") or WORKFLOW_DEFAULTS
        return str(kept["default_workflow_permissions"])

    def _wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        self.ground.url = self.ground.url or request.host_url.rstrip("/")
        response = self._serve(request)
        for event in self._outbox.drain():
            if permissions(self._store)["enabled"]:
                self._handle(event)
        return response(environ, start_response)

    def _handle(self, event: Event) -> None:
        try:
            self.runs.handle(event)
            for listener in self.listeners:
                listener(event)
        except Exception:  # what the caller did has succeeded, whatever comes of the runs
            LOG.exception("no runs for %s of %s", event.name, event.sha)

    def _serve(self, request: Request) -> Response:
        git = smart_http.matches(request.path)
        if git:
            return self._git(request, *git)
        seen = page.serve(self._board, request.path) if request.method == "GET" else None
        if seen:
            return seen
        try:
            answer = self._answer(request)
        except Refusal as refusal:
            answer = _refused(refusal)
        except Exception:  # a fault of the forge's own; its log says which
            LOG.exception("%s %s", request.method, request.path)
            answer = _refused(Refusal(500, "the sandbox's forge failed; server.log says how"))
        return _response(answer, self._limits.headers(access.bearer(request)))

    def _answer(self, request: Request) -> Answer:
        path = request.path if _is_open(request.path) else request.path.removeprefix(API)
        fault = None if _is_open(path) else self._faults.take(request.method, path)
        if fault:
            return fault
        route, arguments = self._find(request, path)
        token = NOBODYS if _is_open(path) else access.caller(self.ground.tokens, access.bearer(request))
        if not _is_open(path):
            access.check(route, token, self._asked(route, arguments))
        call = Call(
            request.method,
            path,
            arguments,
            request.args.to_dict(),
            _json(request),
            request.get_data(),
            access.bearer(request),
            request.headers.get("Accept", ""),
            token,
            request.host_url.rstrip("/"),
        )
        writes = route in self._own and request.method != "GET"
        with self._store.transaction() if writes else contextlib.nullcontext():
            return self._run(route, call)

    def _run(self, route: Route, call: Call) -> Answer:
        try:
            return route.handler(call)
        except BaseException:
            self._outbox.drain()
            raise

    def _find(self, request: Request, path: str) -> tuple[Route, dict[str, str]]:
        unknown = f"the sandbox's forge does not serve {request.method} {path}: see docs/sandbox.md"
        try:
            key, found = self._map.bind("forge").match(path, request.method)
        except (HTTPException, RequestRedirect):
            raise Refusal(404, unknown) from None
        arguments = {key: str(value) for key, value in found.items()}
        return self._routes[key], arguments

    def _asked(self, route: Route, arguments: dict[str, str]) -> Repository:
        """The repository that a path names."""
        if "owner" not in arguments:
            return self.repository
        found = self._board.repository_named(f"{arguments['owner']}/{arguments['name']}")
        if found is None or (found is not self.repository and not _in_forks(route)):
            raise missing()
        return found


def _open(home: Path, project: Answers) -> tuple[Repository, People]:
    """The repository and its people; on a forge without owners, as CodeCommit, it gets one."""
    name = project.repository if "/" in project.repository else f"sandbox/{project.repository}"
    people = People(project.owner_team, name.partition("/")[0])
    owner = people.find(people.owner)
    return Repository(home, name, REPOSITORY_ID, owner.id if owner else OWNER_ID), people


def _routes(board: Board, environments: Environments) -> list[Route]:
    parts = (Account, Automation, Commits, Contents, GitData, Issues, Merges, Pulls, Reviews, Ruling)
    return [route for part in parts for route in part(board).routes] + environments.routes(board)


@functools.cache
def _compile(keys: tuple[tuple[str, str], ...]) -> Map:
    """werkzeug's map of methods and paths; it takes longer to make than the rest of the forge."""
    return Map([Rule(key[1], methods=[key[0]], endpoint=key) for key in keys])


def _in_forks(route: Route) -> bool:
    """Whether a route is about git alone, so that forks have it; a fork has no conversations of its own."""
    return route.scope == "contents" or route.path == "/repos/<owner>/<name>"


def _is_open(path: str) -> bool:
    """Whether a path is for the machine itself: jobs that report, tests that switch faults."""
    return path.startswith("/_")


def _json(request: Request) -> dict[str, Any]:
    if not request.get_data() or request.mimetype == "application/zip":
        return {}
    try:
        found = json.loads(request.get_data())
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
    if not isinstance(found, dict):
        raise Refusal(400, "Body should be a JSON object")
    return found


def _refused(refusal: Refusal) -> Answer:
    body: dict[str, Any] = {"message": refusal.message}
    if refusal.errors is not None:
        body["errors"] = refusal.errors
    body |= {"documentation_url": "https://docs.github.com/rest", "status": str(refusal.status)}
    return Answer(body, refusal.status)


def _response(answer: Answer, limits: dict[str, str]) -> Response:
    raw = isinstance(answer.body, bytes)
    body = answer.body if raw else b"" if answer.status == 204 else json.dumps(answer.body).encode()
    shared = {
        "X-GitHub-Request-Id": uuid.uuid4().hex.upper(),
        "X-GitHub-Media-Type": "github.v3; format=json",
    }
    return Response(
        body, answer.status, {**shared, **limits, **answer.headers}, content_type=answer.content_type
    )
