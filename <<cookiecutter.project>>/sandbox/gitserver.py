"""git's own server program over HTTP: what the forge and CodeCommit put their identities and rules before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from sandbox.forge import pre_receive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from werkzeug.wrappers import Request

RECEIVE = "git-receive-pack"
SERVICES = (RECEIVE, "git-upload-pack")
CHUNK = 65536
HOOK = f'#!/bin/sh\nexec "{sys.executable}" -I -S "{pre_receive.__file__}"\n'
CONFIG = {"safe.directory": "*", "core.hooksPath": ""}


@dataclass(frozen=True)
class Move:
    """A ref that goes from one commit to another; ZERO on one side makes or deletes it."""

    ref: str
    old: str
    new: str


class GitServer:
    """Serves the bare repositories below a folder; a hook refuses what the caller's policy says."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._hooks = home / "hooks"
        self._hooks.mkdir(parents=True, exist_ok=True)
        hook = self._hooks / "pre-receive"
        hook.write_text(HOOK, encoding="utf-8")
        hook.chmod(0o755)

    def start(
        self, request: Request, path: str, user: str, extra: Mapping[str, str], body: IO[bytes]
    ) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        """Let git answer a request for a path below the folder; the process and what it writes."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._home),
            "LC_ALL": "C",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **_config({**CONFIG, "core.hooksPath": str(self._hooks.absolute())}),
            "GIT_PROJECT_ROOT": str(self._home.absolute()),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": path,
            "QUERY_STRING": request.query_string.decode(),
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "REMOTE_USER": user,
            "REMOTE_ADDR": "127.0.0.1",
            **extra,
        }
        with body:
            process = subprocess.Popen(
                ["git", "http-backend"], stdin=body, stdout=subprocess.PIPE, env=environment
            )
        return process, cast("IO[bytes]", process.stdout)


def _config(values: Mapping[str, str]) -> dict[str, str]:
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


def read_moves(body: IO[bytes]) -> list[Move]:
    """The commands at the head of a push: pkt-lines up to the first flush."""
    moves = []
    while (line := _line(body)) is not None:
        words = line.partition(b"\0")[0].decode().split()
        if len(words) == 3:  # old, new, ref; shallow lines have two
            moves.append(Move(words[2], words[0], words[1]))
    body.seek(0)
    return moves


def _line(body: IO[bytes]) -> bytes | None:
    try:
        length = int(body.read(4), 16)
    except ValueError:
        return None
    return body.read(length - 4) if length > 4 else None  # the length counts its own 4 bytes


def read_head(output: IO[bytes]) -> tuple[int, list[tuple[str, str]]]:
    """The CGI headers that git writes first."""
    lines = iter(output.readline, b"\r\n")
    pairs = [line.decode().strip().partition(": ") for line in lines if line]
    status = next((int(value.split()[0]) for name, _, value in pairs if name.lower() == "status"), 200)
    return status, [(name, value) for name, _, value in pairs if name.lower() != "status"]


def read_blocks(process: subprocess.Popen[bytes], output: IO[bytes]) -> Iterator[bytes]:
    """A client that goes away ends git, which cannot write any more."""
    with process:
        while block := output.read1(CHUNK):  # type: ignore[attr-defined]
            yield block
