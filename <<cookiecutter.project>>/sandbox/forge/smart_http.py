"""git over smart HTTP: git's own server program behind the forge's tokens, rules and events."""

from __future__ import annotations

import base64
import binascii
import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING, cast

import pygit2
from werkzeug.wrappers import Response

from sandbox.forge import pre_receive, pushes
from sandbox.forge.events import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request

    from sandbox.forge.board import Board
    from sandbox.forge.repository import Repository
    from sandbox.forge.tokens import Token

RECEIVE = "git-receive-pack"
SERVICES = (RECEIVE, "git-upload-pack")
CHUNK = 65536
HOOK = f'#!/bin/sh\nexec "{sys.executable}" -I -S "{pre_receive.__file__}"\n'
CONFIG = {"safe.directory": "*", "core.hooksPath": ""}


class SmartHttp:
    """What answers below /owner/name.git."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._hooks = board.ground.home / "hooks"
        self._hooks.mkdir(exist_ok=True)
        hook = self._hooks / "pre-receive"
        hook.write_text(HOOK, encoding="utf-8")
        hook.chmod(0o755)

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
        process, output = self._start(request, repository, token, rest, {}, read_body(request))
        status, headers = _head(output)
        return Response(_blocks(process, output), status, headers)

    def _receive(self, request: Request, repository: Repository, token: Token) -> Response:
        """A push: refs move, what follows from it is recorded, then the client hears of it."""
        body = read_body(request)
        moves = read_moves(body)
        with self._board.store.transaction():
            policies = {move.ref: self._policy(repository, token, move) for move in moves}
            given = {"FORGE_POLICY": json.dumps(policies)}
            process, output = self._start(request, repository, token, RECEIVE, given, body)
            status, headers = _head(output)
            answer = b"".join(_blocks(process, output))
            for move in moves:
                if (repository.resolve(move.ref) or ZERO) == _commit(repository, move.new):
                    pushes.after(self._board, repository, token, move)
        return Response(answer, status, headers)

    def _policy(self, repository: Repository, token: Token, move: pushes.Move) -> dict[str, str]:
        found = pushes.policy(self._board, repository, token, move)
        texts = {"refused": found.refused, "forced": found.forced}
        said = {
            name: pushes.violations(self._board, move.ref, text) if text else ""
            for name, text in texts.items()
        }
        return {**said, "workflows": " ".join(found.workflows)}

    def _start(
        self,
        request: Request,
        repository: Repository,
        token: Token,
        rest: str,
        extra: dict[str, str],
        body: IO[bytes],
    ) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        home = self._board.ground.home
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "LC_ALL": "C",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **_config({**CONFIG, "core.hooksPath": str(self._hooks.absolute())}),
            "GIT_PROJECT_ROOT": str(home.absolute()),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": f"/{repository.full_name}.git/{rest}",
            "QUERY_STRING": request.query_string.decode(),
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "REMOTE_USER": token.owner.login,
            "REMOTE_ADDR": "127.0.0.1",
            **extra,
        }
        with body:
            process = subprocess.Popen(
                ["git", "http-backend"], stdin=body, stdout=subprocess.PIPE, env=environment
            )
        return process, cast("IO[bytes]", process.stdout)


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


def _config(values: dict[str, str]) -> dict[str, str]:
    """git's settings in the environment: unlike the repository's own file, these are trusted."""
    pairs = dict(enumerate(values.items()))
    keys = {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in pairs.items()}
    settings = {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in pairs.items()}
    return {"GIT_CONFIG_COUNT": str(len(pairs)), **keys, **settings}


def read_body(request: Request) -> IO[bytes]:
    """The request's body as a file that a process can read by itself."""
    # unbuffered: the process shares the file's position, which a buffer would move behind its back
    kept = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 — closed by whoever starts the process
    shutil.copyfileobj(request.stream, kept, CHUNK)
    kept.seek(0)
    return kept


def read_moves(body: IO[bytes]) -> list[pushes.Move]:
    """The commands at the head of a push: pkt-lines up to the first flush."""
    moves = []
    while (line := _line(body)) is not None:
        words = line.partition(b"\0")[0].decode().split()
        if len(words) == 3:  # old, new, ref; shallow lines have two
            moves.append(pushes.Move(words[2], words[0], words[1]))
    body.seek(0)
    return moves


def _line(body: IO[bytes]) -> bytes | None:
    try:
        length = int(body.read(4), 16)
    except ValueError:
        return None
    return body.read(length - 4) if length > 4 else None  # the length counts its own 4 bytes


def _commit(repository: Repository, sha: str) -> str | None:
    """What a pushed hash resolves to: of an annotated tag its commit."""
    if sha == ZERO:
        return sha
    found = repository.object(sha)
    return str(found.peel(pygit2.Commit).id) if found is not None else None


def _head(output: IO[bytes]) -> tuple[int, list[tuple[str, str]]]:
    """The CGI headers that git writes first."""
    lines = iter(output.readline, b"\r\n")
    pairs = [line.decode().strip().partition(": ") for line in lines if line]
    status = next((int(value.split()[0]) for name, _, value in pairs if name.lower() == "status"), 200)
    return status, [(name, value) for name, _, value in pairs if name.lower() != "status"]


def _blocks(process: subprocess.Popen[bytes], output: IO[bytes]) -> Iterator[bytes]:
    """A client that goes away ends git, which cannot write any more."""
    with process:
        while block := output.read1(CHUNK):  # type: ignore[attr-defined]
            yield block


def matches(path: str) -> tuple[str, str] | None:
    """The repository and the rest of a path that is git's."""
    owner, _, rest = path.lstrip("/").partition("/")
    name, dot_git, below = rest.partition(".git/")
    return (f"{owner}/{name}", below) if dot_git and "/" not in name else None
