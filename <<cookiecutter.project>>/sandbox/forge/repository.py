"""The bare repository, read and written in process: branches, trees, merges."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pygit2

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_BRANCH = "main"


class Repository:
    """A bare git repository with the name and numbers that the forge gives it."""

    def __init__(self, folder: Path, full_name: str, number: int, owner_id: int) -> None:
        self.full_name = full_name
        self.owner, _, self.name = full_name.partition("/")
        self.id = number
        self.owner_id = owner_id
        self.path = folder / self.owner / f"{self.name}.git"
        self._local = threading.local()
        if not self.path.exists():
            pygit2.init_repository(str(self.path), bare=True, initial_head=DEFAULT_BRANCH)

    @property
    def git(self) -> pygit2.Repository:
        """libgit2's handle of this thread; handles are not safe to share."""
        if not hasattr(self._local, "git"):
            self._local.git = pygit2.Repository(str(self.path))
        found: pygit2.Repository = self._local.git
        return found

    def resolve(self, ref: str) -> str | None:
        """The commit at a full ref name."""
        try:
            return str(self.git.references[ref].peel(pygit2.Commit).id)
        except KeyError:
            return None
