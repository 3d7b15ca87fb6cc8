"""A forge over HTTP for tests of what talks to one: the sandbox's own, without workflows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pygit2

from sandbox import web
from sandbox.clock import Clock
from sandbox.forge.app import Forge
from sandbox.oidc import Issuer
from tests.sandbox.forge.conftest import NAME, Answers, Desk, Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Port:
    """A web server; each test puts a forge of its own behind it. One key for all: it takes long to make."""

    def __init__(self, folder: Path) -> None:
        self.server, self.issuer = web.bind(0), Issuer(folder)
        threading.Thread(target=self.server.run, daemon=True).start()


def open_desk(
    port: Port, folder: Path, runs: type[Recorder] = Recorder, repository: str = NAME
) -> Iterator[Desk]:
    """A forge whose main has one commit."""
    forge = Forge(folder / "forge", Answers(repository), port.issuer, Clock(), "http://127.0.0.1:1", runs)
    port.server.app = forge.wsgi
    forge.start(port.server.endpoint, folder)
    git = forge.repository.git
    tree = git.TreeBuilder()
    tree.insert("README.md", git.create_blob(b"# shop\n"), 0o100644)
    ada = pygit2.Signature("Ada Quist", "ada@example.com")
    git.create_commit("refs/heads/main", ada, ada, "Begin\n", tree.write(), [])
    yield Desk(forge, port.server.endpoint, folder)
    forge.close()
