"""git over HTTP at /v1/repos/<name>: who it is says the AWS CLI's credential helper, IAM says what they may.

User name: access key, and %session token where there is one. Password: the moment, Z, and a signature of it.
The signature is not computed anew: as with every call here, the key and its token are what is verified.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from sandbox import sessions, trail, wire
from sandbox.errors import ServiceError
from sandbox.forge.events import ZERO
from sandbox.gitserver import RECEIVE, SERVICES, GitServer, read_blocks, read_body, read_head, read_moves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.access import Access
    from sandbox.codecommit.books import Books
    from sandbox.codecommit.office import Office
    from sandbox.codecommit.records import Holding
    from sandbox.gitserver import Move
    from sandbox.identity import Caller, Callers

PATH = re.compile(r"/v1/repos/([\w.-]+?)(?:\.git)?/(info/refs|git-receive-pack|git-upload-pack)")
PASSWORD = re.compile(r"\d{8}T\d{6}Z[0-9a-f]{64}")
REALM = {"WWW-Authenticate": 'Basic realm="AWS CodeCommit"'}
CAPABILITIES = {
    RECEIVE: ["report-status", "side-band-64k"],
    "git-upload-pack": ["side-band-64k", "thin-pack"],
}
Environ = dict[str, Any]


@dataclass(frozen=True)
class Visit:
    """One request of git: who, about which repository, which half of a pull or push."""

    request: Request
    caller: Caller
    name: str
    rest: str

    @property
    def action(self) -> str:
        """The action of IAM's that it is."""
        writes = RECEIVE in (self.rest, self.request.args.get("service"))
        return "GitPush" if writes else "GitPull"


class GitDoor:
    """The application in front of the layer's: git's requests are answered here, all else goes through."""

    def __init__(
        self, app: Any, office: Office, callers: Callers, access: Access, records: trail.Trail
    ) -> None:
        self._app = app
        self._office = office
        self._callers = callers
        self._access = access
        self._records = records
        self._git = GitServer(office.home)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return self._app(environ, start_response)  # type: ignore[no-any-return]
        request = Request(environ)
        try:
            answer = self._answer(request, found[1], found[2])
        except ServiceError as error:
            answer = Response(f"{error.message}\n", 401 if error.status == 401 else 403)
            if error.status == 401:
                answer.headers.extend(REALM)
        return answer(environ, start_response)

    def _answer(self, request: Request, name: str, rest: str) -> Response:
        visit = Visit(request, self._caller(request), name, rest)
        body = read_body(request)
        moves = read_moves(body) if rest == RECEIVE else []
        try:
            self._allow(visit)
        except ServiceError as error:
            self._record(visit, None, moves, (error.code, error.message))
            raise
        books = self._office.books[visit.caller.account]
        if name not in books.holdings:
            return Response(f"repository '{name}' not found\n", 404)
        holding = books.holdings[name]
        if rest == RECEIVE:
            return self._receive(visit, books, holding, moves, body)
        process, output = self._git.start(request, _path(holding, rest), visit.caller.principal.arn, {}, body)
        status, headers = read_head(output)
        self._record(visit, holding, moves, None)
        return Response(read_blocks(process, output), status, headers)

    def _caller(self, request: Request) -> Caller:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        if kind.lower() != "basic" or not PASSWORD.fullmatch(password):
            raise unknown()
        key, _, token = user.partition("%")
        try:
            caller = self._callers.find(key, token)
        except ServiceError:
            raise unknown() from None
        if caller.session and caller.session.has_expired():
            raise sessions.expired()
        return caller

    def _allow(self, visit: Visit, references: Sequence[dict[str, str]] = ()) -> None:
        params = {"repositoryName": visit.name, "references": list(references)}
        target = wire.Target("codecommit", visit.action, {})
        self._access.check(visit.caller, target, params, visit.request.environ)

    def _receive(
        self, visit: Visit, books: Books, holding: Holding, moves: list[Move], body: Any
    ) -> Response:
        """A push: branches move where IAM allows each of them, and what follows from it follows."""
        with books.lock:
            policies = {move.ref: self._policy(visit, move) for move in moves}
            given = {"FORGE_POLICY": json.dumps(policies)}
            caller = visit.caller.principal.arn
            process, output = self._git.start(visit.request, _path(holding, RECEIVE), caller, given, body)
            status, headers = read_head(output)
            answer = b"".join(read_blocks(process, output))
            done = [move for move in moves if (holding.git.resolve(move.ref) or ZERO) == move.new]
            for move in done:
                books.moved(holding, move, caller, {})
        denied = next((policy["refused"] for policy in policies.values() if policy["refused"]), "")
        self._record(visit, holding, moves, ("AccessDenied", denied) if denied else None)
        return Response(answer, status, headers)

    def _policy(self, visit: Visit, move: Move) -> dict[str, str]:
        """What the hook says of one reference: IAM's refusal, or nothing."""
        try:
            self._allow(visit, [{"ref": move.ref, "commit": move.new}])
        except ServiceError as error:
            return {"refused": error.message, "forced": "", "workflows": ""}
        return {"refused": "", "forced": "", "workflows": ""}

    def _record(
        self, visit: Visit, holding: Holding | None, moves: list[Move], error: tuple[str, str] | None
    ) -> None:
        """As CodeCommit's user guide shows it: two events for each pull or push, one for each half."""
        moved = [{"commit": move.new, "ref": move.ref} for move in moves]
        transferred = visit.rest in SERVICES
        resource = {
            "accountId": visit.caller.account,
            "type": "AWS::CodeCommit::Repository",
            "ARN": self._office.books[visit.caller.account].arn(visit.name),
        }
        additional = {
            "protocol": "HTTP",
            **({"capabilities": CAPABILITIES[visit.rest]} if transferred else {}),
            "dataTransferred": transferred,
            "repositoryName": visit.name,
            **({"repositoryId": holding.id} if holding else {}),
        }
        self._records.append(
            trail.Event(
                service="codecommit",
                name=visit.action,
                region=self._office.region,
                accounts=(visit.caller.account,),
                identity=visit.caller.record,
                request={"references": moved} if moved else None,
                response=None,
                error=error,
                source_ip=visit.request.environ.get("REMOTE_ADDR", ""),
                user_agent=visit.request.environ.get("HTTP_USER_AGENT", ""),
                request_id=str(uuid.uuid4()),
                resources=(resource,),
                additional=additional,
                read_only=not moved,
            )
        )


def _path(holding: Holding, rest: str) -> str:
    return f"/{holding.git.full_name}.git/{rest}"


def unknown() -> ServiceError:
    return ServiceError("AccessDenied", "The credentials are not those of the CodeCommit helper", 401)
