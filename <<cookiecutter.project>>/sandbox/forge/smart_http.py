"""git over smart HTTP: git's own server program behind the forge's tokens, rules and events."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

import pygit2
from werkzeug.wrappers import Response

from sandbox.forge import pushes
from sandbox.forge.events import ZERO
from sandbox.gitserver import RECEIVE, SERVICES, GitServer, read_blocks, read_body, read_head, read_moves

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from sandbox.forge.board import Board
    from sandbox.forge.repository import Repository
    from sandbox.forge.tokens import Token
    from sandbox.gitserver import Move


class SmartHttp:
    """What answers below /owner/name.git."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._git = GitServer(board.ground.home)

    def __call__(self, request: Request, full_name: str, rest: str) -> Response:
        """Serve one request of a clone, fetch or push."""
        repository = self._board.repository_named(full_name)
        token = self._board.ground.tokens.lookup(_password(request))
        if token is None:
            said = "Invalid username or token. Password authentication is not supported for Git operations."
            return Response(f"{said}\n", 401, {"WWW-Authenticate": 'Basic realm="GitHub"'})
        if repository is None or rest not in (*SERVICES, "info/refs"):
            return Response("Repository not found.\n", 404)
        writes = RECEIVE in (rest, request.args.get("service"))
        if not _may(token, repository, writes):
            said = f"Permission to {full_name}.git denied to {token.owner.login}."
            return Response(f"{said}\n", 403)
        if rest == RECEIVE:
            return self._receive(request, repository, token)
        path, login = _place(repository, rest), token.owner.login
        process, output = self._git.start(request, path, login, {}, read_body(request))
        status, headers = read_head(output)
        return Response(read_blocks(process, output), status, headers)

    def _receive(self, request: Request, repository: Repository, token: Token) -> Response:
        """A push: refs move, what follows from it is recorded, then the client hears of it."""
        body = read_body(request)
        moves = read_moves(body)
        with self._board.store.transaction():
            policies = {move.ref: self._policy(repository, token, move) for move in moves}
            given = {"FORGE_POLICY": json.dumps(policies)}
            path, login = _place(repository, RECEIVE), token.owner.login
            process, output = self._git.start(request, path, login, given, body)
            status, headers = read_head(output)
            answer = b"".join(read_blocks(process, output))
            for move in moves:
                if (repository.resolve(move.ref) or ZERO) == _commit(repository, move.new):
                    pushes.after(self._board, repository, token, move)
        return Response(answer, status, headers)

    def _policy(self, repository: Repository, token: Token, move: Move) -> dict[str, str]:
        found = pushes.policy(self._board, repository, token, move)
        texts = {"refused": found.refused, "forced": found.forced}
        said = {
            name: pushes.violations(self._board, move.ref, text) if text else ""
            for name, text in texts.items()
        }
        return {**said, "workflows": " ".join(found.workflows)}


def _place(repository: Repository, rest: str) -> str:
    return f"/{repository.full_name}.git/{rest}"


def _may(token: Token, repository: Repository, writes: bool) -> bool:
    if token.permissions is not None:
        return repository.parent is None and token.allows("contents", "write" if writes else "read")
    return (
        not writes
        or token.owner.login == repository.owner
        or (repository.parent is None and token.owner.may("write"))
    )


def _password(request: Request) -> str:
    """The token, however git or a client sends it."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return value
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if password not in ("", "x-oauth-basic") else user


def _commit(repository: Repository, sha: str) -> str | None:
    """What a pushed hash resolves to: of an annotated tag its commit."""
    if sha == ZERO:
        return sha
    found = repository.object(sha)
    return str(found.peel(pygit2.Commit).id) if found is not None else None


def matches(path: str) -> tuple[str, str] | None:
    """The repository and the rest of a path that is git's."""
    owner, _, rest = path.lstrip("/").partition("/")
    name, dot_git, below = rest.partition(".git/")
    return (f"{owner}/{name}", below) if dot_git and "/" not in name else None
