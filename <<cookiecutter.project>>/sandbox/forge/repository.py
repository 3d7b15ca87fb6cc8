"""The bare repository, read and written in process: references, commits, histories."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import SortMode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT_BRANCH = "main"
# what GitHub's own servers are set to, as far as a client can tell
CONFIG = """
[http]
    receivepack = true
[receive]
    hideRefs = refs/pull
    autogc = false
[gc]
    auto = 0
[uploadpack]
    allowAnySHA1InWant = true
    allowFilter = true
"""


class Repository:
    """A bare git repository with the name and numbers that the forge gives it."""

    def __init__(
        self, folder: Path, full_name: str, number: int, owner_id: int, parent: Repository | None = None
    ) -> None:
        self.full_name = full_name
        self.owner, _, self.name = full_name.partition("/")
        self.id = number
        self.owner_id = owner_id
        self.parent = parent  # what it was forked from
        self.path = folder / self.owner / f"{self.name}.git"
        self._local = threading.local()
        if not self.path.exists():
            pygit2.init_repository(str(self.path), bare=True, initial_head=DEFAULT_BRANCH)
            with (self.path / "config").open("a", encoding="utf-8") as config:
                config.write(CONFIG)

    def borrow(self) -> None:
        """Start as a copy of the parent's branches, on the parent's objects."""
        if self.parent is None:
            return
        alternates = self.path / "objects" / "info" / "alternates"
        alternates.write_text(f"{self.parent.path.absolute() / 'objects'}\n", encoding="utf-8")
        for ref, found in self.parent.refs("refs/heads/"):
            self.set_ref(ref, str(found.id))

    def take(self, other: Repository, sha: str) -> None:
        """Copy a commit and what it needs from a fork."""
        if self.object(sha) is None:
            kept = f"refs/forks/{sha}"
            other.set_ref(kept, sha)
            self.git.remotes.create_anonymous(str(other.path.absolute())).fetch([f"+{kept}:{kept}"])
            other.drop_ref(kept)

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
        except (KeyError, pygit2.InvalidSpecError):
            return None

    def branch(self, name: str) -> str | None:
        return self.resolve(f"refs/heads/{name}")

    def find(self, text: str) -> str | None:
        """The commit that a branch, tag, full ref or (shortened) hash names."""
        for ref in (f"refs/heads/{text}", f"refs/tags/{text}", text if text.startswith("refs/") else ""):
            if ref and (found := self.resolve(ref)):
                return found
        if text == "HEAD":
            return self.branch(DEFAULT_BRANCH)
        found_object = self.object(text)
        return str(found_object.id) if isinstance(found_object, pygit2.Commit) else None

    def object(self, sha: str) -> pygit2.Object | None:
        """Any object by its (shortened) hash."""
        try:
            return self.git.get(sha) if len(sha) >= 4 else None  # libgit2's least
        except ValueError:
            return None

    def commit(self, sha: str) -> pygit2.Commit:
        """A commit that is known to be there; KeyError otherwise."""
        found = self.git[sha]
        if not isinstance(found, pygit2.Commit):
            raise KeyError(sha)
        return found

    def set_ref(self, ref: str, sha: str) -> None:
        self.git.references.create(ref, sha, force=True)

    def drop_ref(self, ref: str) -> None:
        self.git.references.delete(ref)

    def ref(self, name: str) -> pygit2.Object | None:
        """What a full ref name points at: a commit, or an annotated tag."""
        try:
            return self.git[self.git.references[name].resolve().target]
        except (KeyError, pygit2.InvalidSpecError):
            return None

    def refs(self, prefix: str) -> list[tuple[str, pygit2.Object]]:
        """Names and what they point at, in the order of names."""
        found = self.git.references.iterator()
        chosen = [ref for ref in found if ref.name.startswith(prefix) and not isinstance(ref.target, str)]
        return [(ref.name, self.git[ref.target]) for ref in sorted(chosen, key=lambda ref: ref.name)]

    def merge_base(self, one: str, other: str) -> str | None:
        found = self.git.merge_base(one, other)
        return str(found) if found else None

    def contains(self, ancestor: str, descendant: str) -> bool:
        """Whether a commit is part of another's history."""
        return ancestor == descendant or self.git.descendant_of(descendant, ancestor)

    def between(self, base: str, head: str) -> list[pygit2.Commit]:
        """The commits that `head` has and `base` has not, oldest first."""
        walk = self.git.walk(head, SortMode.TOPOLOGICAL | SortMode.REVERSE)
        walk.hide(base)
        return list(walk)

    def history(self, start: str, path: str = "") -> Iterator[pygit2.Commit]:
        """A commit and those before it, newest first; with a path only those that changed it."""
        for commit in self.git.walk(start, SortMode.TOPOLOGICAL | SortMode.TIME):
            if not path or _changes(commit, path):
                yield commit

    def file(self, sha: str, path: str) -> bytes | None:
        """The bytes of a file in a commit."""
        entry = entry_at(self.commit(sha).tree, path)
        return entry.data if isinstance(entry, pygit2.Blob) else None


def entry_at(tree: pygit2.Tree, path: str) -> pygit2.Object | None:
    """What a tree has at a path; the tree itself at none."""
    if not path:
        return tree
    try:
        return tree[path]
    except KeyError:
        return None


def _changes(commit: pygit2.Commit, path: str) -> bool:
    """Whether a commit differs at a path from every parent, as git's simplified history has it."""
    ours = _id_at(commit, path)
    if not commit.parents:
        return ours is not None
    return all(_id_at(parent, path) != ours for parent in commit.parents)


def _id_at(commit: pygit2.Commit, path: str) -> pygit2.Oid | None:
    entry = entry_at(commit.tree, path)
    return entry.id if entry else None
