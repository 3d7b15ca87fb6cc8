"""A pytest plugin for the payload's tests of the forge: writes down every answer of its API for a judge."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sandbox.forge.app import Forge

Anything = Any  # what a WSGI server hands over is untyped
WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


@pytest.fixture(autouse=True, scope="session")
def recorded() -> Iterator[None]:
    """Put a witness around the application of every forge that a test, or a module of them, makes."""
    plain = Forge.__init__

    def make(forge: Forge, *arguments: Anything, **named: Anything) -> None:
        plain(forge, *arguments, **named)
        forge.wsgi = witness(forge.wsgi)

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(Forge, "__init__", make)
        yield


def witness(application: WSGI) -> WSGI:
    """The application, with each JSON answer appended to the file that FORGE_ANSWERS names."""

    def serve(environ: dict[str, Any], start_response: Anything) -> Iterable[bytes]:
        heard: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], *more: Anything) -> Anything:
            heard.update(status=int(status.split()[0]), type=dict(headers).get("Content-Type", ""))
            return start_response(status, headers, *more)

        blocks = list(application(environ, start))
        if environ["PATH_INFO"].startswith("/api/v3") and "json" in heard["type"]:
            write(environ, heard["status"], b"".join(blocks))
        return blocks

    return serve


def write(environ: dict[str, Any], status: int, body: bytes) -> None:
    line = {
        "test": os.environ.get("PYTEST_CURRENT_TEST", ""),
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"].removeprefix("/api/v3"),
        "status": status,
        "body": json.loads(body) if body else None,
    }
    with Path(os.environ["FORGE_ANSWERS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
