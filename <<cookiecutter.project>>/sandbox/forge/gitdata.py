"""The git data API: references, blobs, trees and commits, each written on its own."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pygit2
from pygit2.enums import FileMode

from sandbox.forge import merging, pushes, revisions, shapes
from sandbox.forge.calls import Answer, Call, Refusal, Route, missing
from sandbox.forge.events import ZERO
from sandbox.gitserver import Move

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.repository import Repository

PATH = "/repos/<owner>/<name>/git"
MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}
KINDS = {pygit2.Blob: "blob", pygit2.Tree: "tree", pygit2.Commit: "commit", pygit2.Tag: "tag"}


class GitData:
    """The routes below /git."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.routes = [
            Route("GET", f"{PATH}/ref/<path:ref>", self.get_ref, "contents"),
            Route("GET", f"{PATH}/matching-refs/<path:ref>", self.list_refs, "contents"),
            Route("GET", f"{PATH}/refs", self.list_refs, "contents"),
            Route("POST", f"{PATH}/refs", self.create_ref, "contents", "write", "write"),
            Route("PATCH", f"{PATH}/refs/<path:ref>", self.update_ref, "contents", "write", "write"),
            Route("DELETE", f"{PATH}/refs/<path:ref>", self.delete_ref, "contents", "write", "write"),
            Route("POST", f"{PATH}/blobs", self.create_blob, "contents", "write", "write"),
            Route("GET", f"{PATH}/blobs/<sha>", self.get_blob, "contents"),
            Route("POST", f"{PATH}/trees", self.create_tree, "contents", "write", "write"),
            Route("GET", f"{PATH}/trees/<path:sha>", self.get_tree, "contents"),
            Route("POST", f"{PATH}/commits", self.create_commit, "contents", "write", "write"),
            Route("GET", f"{PATH}/commits/<sha>", self.get_commit, "contents"),
        ]

    def get_ref(self, call: Call) -> Answer:
        repository = self._board.repository_of(call)
        name = f"refs/{call.arguments['ref']}"
        found = repository.ref(name)
        if found is None:
            raise missing()
        return Answer(self._ref(call, name, found))

    def list_refs(self, call: Call) -> Answer:
        """References whose names begin so."""
        found = self._board.repository_of(call).refs(f"refs/{call.arguments.get('ref', '')}")
        return Answer([self._ref(call, *one) for one in found if not one[0].startswith("refs/forks/")])

    def _ref(self, call: Call, name: str, found: pygit2.Object) -> dict[str, Any]:
        kind, sha = KINDS[type(found)], str(found.id)
        return {
            "ref": name,
            "node_id": shapes.node_id("REF", name),
            "url": f"{call.api}/git/{name}",
            "object": {"type": kind, "sha": sha, "url": f"{call.api}/git/{kind}s/{sha}"},
        }

    def create_ref(self, call: Call) -> Answer:
        repository = self._board.repository_of(call)
        name, sha = call.body.get("ref", ""), self._object(repository, call)
        if not name.startswith(("refs/heads/", "refs/tags/")) or not pygit2.reference_is_valid_name(name):
            raise Refusal(422, "Reference name must start with 'refs/heads/' or 'refs/tags/', and be valid.")
        if repository.resolve(name):
            raise Refusal(422, "Reference already exists")
        self._move(call, repository, Move(name, ZERO, sha))
        return Answer(self._ref(call, name, repository.git[sha]), 201)

    def update_ref(self, call: Call) -> Answer:
        """Move a reference; losing commits takes `force`."""
        repository = self._board.repository_of(call)
        name, sha = f"refs/{call.arguments['ref']}", self._object(repository, call)
        old = self._moveable(repository, name)
        if not call.body.get("force") and not repository.contains(old, sha):
            raise Refusal(422, "Update is not a fast forward")
        self._move(call, repository, Move(name, old, sha))
        return Answer(self._ref(call, name, repository.git[sha]))

    def delete_ref(self, call: Call) -> Answer:
        repository = self._board.repository_of(call)
        name = f"refs/{call.arguments['ref']}"
        self._move(call, repository, Move(name, self._moveable(repository, name), ZERO))
        return Answer(status=204)

    def _moveable(self, repository: Repository, name: str) -> str:
        found = repository.resolve(name)
        if found is None or not name.startswith(("refs/heads/", "refs/tags/")):
            raise Refusal(422, "Reference does not exist")
        return found

    def _object(self, repository: Repository, call: Call) -> str:
        sha = str(call.body.get("sha", ""))
        if not isinstance(repository.object(sha), pygit2.Commit) or len(sha) != len(ZERO):
            raise Refusal(422, "Object does not exist")
        return sha

    def _move(self, call: Call, repository: Repository, move: Move) -> None:
        said = pushes.check(self._board, repository, call.token, move)
        if said:
            listed = "\n\n".join(said)
            raise Refusal(422, f"Repository rule violations found\n\n{listed}\n\n")
        if move.new == ZERO:
            repository.drop_ref(move.ref)
        else:
            repository.set_ref(move.ref, move.new)
        pushes.after(self._board, repository, call.token, move)

    def create_blob(self, call: Call) -> Answer:
        repository = self._board.repository_of(call)
        sha = str(repository.git.create_blob(_content(call.body)))
        return Answer({"sha": sha, "url": f"{call.api}/git/blobs/{sha}"}, 201)

    def get_blob(self, call: Call) -> Answer:
        found = self._board.repository_of(call).object(call.arguments["sha"])
        if not isinstance(found, pygit2.Blob):
            raise missing()
        sha = str(found.id)
        return Answer(
            {
                "sha": sha,
                "node_id": shapes.node_id("B", sha),
                "url": f"{call.api}/git/blobs/{sha}",
                "size": found.size,
                "encoding": "base64",
                "content": base64.encodebytes(found.data).decode(),
            }
        )

    def create_tree(self, call: Call) -> Answer:
        """A tree from entries, on top of `base_tree`; an entry may carry its content, or null to go."""
        repository = self._board.repository_of(call)
        index = pygit2.Index()
        base = call.body.get("base_tree")
        if base:
            found = repository.object(str(base))
            if found is None:
                raise Refusal(422, "base_tree is not a valid tree oid")
            index.read_tree(found.peel(pygit2.Tree))
        for entry in call.body.get("tree") or []:
            _put(repository, index, entry)
        return Answer(self._tree(call, repository, index.write_tree(repository.git), False), 201)

    def get_tree(self, call: Call) -> Answer:
        repository, name = self._board.repository_of(call), call.arguments["sha"]
        found = repository.object(repository.find(name) or name)
        if found is None or isinstance(found, pygit2.Blob):
            raise missing()
        return Answer(self._tree(call, repository, found.peel(pygit2.Tree).id, "recursive" in call.query))

    def _tree(self, call: Call, repository: Repository, sha: pygit2.Oid, deep: bool) -> dict[str, Any]:
        tree = repository.git[sha].peel(pygit2.Tree)
        return {
            "sha": str(sha),
            "url": f"{call.api}/git/trees/{sha}",
            "tree": list(_entries(call, tree, "", deep)),
            "truncated": False,
        }

    def create_commit(self, call: Call) -> Answer:
        """A commit of a tree; without an author the caller is."""
        repository, body = self._board.repository_of(call), call.body
        tree = repository.object(str(body.get("tree", "")))
        parents = [repository.object(str(sha)) for sha in body.get("parents", [])]
        if not isinstance(tree, pygit2.Tree):
            raise Refusal(422, "Tree SHA does not exist")
        if not all(isinstance(parent, pygit2.Commit) for parent in parents):
            raise Refusal(422, "Parent SHA does not exist or is not a commit object")
        if not body.get("message"):
            raise Refusal(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
        own = merging.signature(call.person, int(self._board.now()))
        author = _signature(body.get("author"), own)
        committer = _signature(body.get("committer"), author)
        ids: list[pygit2.Oid | str] = [parent.id for parent in parents if parent]
        sha = repository.git.create_commit(None, author, committer, body["message"], tree.id, ids)
        return Answer(revisions.git_commit(self._board.ground, repository, repository.commit(str(sha))), 201)

    def get_commit(self, call: Call) -> Answer:
        repository = self._board.repository_of(call)
        found = repository.object(call.arguments["sha"])
        if not isinstance(found, pygit2.Commit):
            raise missing()
        return Answer(revisions.git_commit(self._board.ground, repository, found))


def _content(body: dict[str, Any]) -> bytes:
    text = body.get("content")
    if not isinstance(text, str):
        raise Refusal(422, 'Invalid request.\n\n"content" wasn\'t supplied.')
    if body.get("encoding", "utf-8") != "base64":
        return text.encode()
    try:
        return base64.b64decode(text)
    except binascii.Error:
        raise Refusal(422, "content is not valid Base64") from None


def _put(repository: Repository, index: pygit2.index.Index, entry: dict[str, Any]) -> None:
    path, mode = entry.get("path", ""), entry.get("mode", "100644")
    if not path or mode not in MODES or path.startswith("/") or ".git" in path.split("/"):
        raise Refusal(422, f"tree.path {path!r} or tree.mode {mode!r} is not valid")
    if entry.get("content") is not None:
        sha = str(repository.git.create_blob(str(entry["content"]).encode()))
    elif entry.get("sha") is None and "sha" in entry:
        return _remove(index, path)
    else:
        sha = str(entry.get("sha", ""))
    found = repository.object(sha) if sha else None
    if found is None:
        raise Refusal(422, f"tree.sha {sha!r} is not a valid object")
    _remove(index, path)
    if isinstance(found, pygit2.Tree):
        return _graft(index, found, path)
    return index.add(pygit2.IndexEntry(path, found.id, FileMode(int(mode, 8))))


def _remove(index: pygit2.index.Index, path: str) -> None:
    gone = [found.path for found in index if found.path == path or found.path.startswith(f"{path}/")]
    for name in gone:
        index.remove(name)


def _graft(index: pygit2.index.Index, tree: pygit2.Tree, path: str) -> None:
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            _graft(index, entry, f"{path}/{entry.name}")
        else:
            index.add(pygit2.IndexEntry(f"{path}/{entry.name}", entry.id, FileMode(entry.filemode)))


def _entries(call: Call, tree: pygit2.Tree, prefix: str, deep: bool) -> Any:
    for entry in tree:
        path, sha, kind = f"{prefix}{entry.name}", str(entry.id), entry.type_str
        shape = {"path": path, "mode": f"{entry.filemode:06o}", "type": kind, "sha": sha}
        shape["url"] = f"{call.api}/git/{kind}s/{sha}"
        yield {**shape, "size": entry.size} if isinstance(entry, pygit2.Blob) else shape
        if deep and isinstance(entry, pygit2.Tree):
            yield from _entries(call, entry, f"{path}/", deep)


def _signature(given: dict[str, Any] | None, default: pygit2.Signature) -> pygit2.Signature:
    if not given:
        return default
    if not given.get("name") or not given.get("email"):
        raise Refusal(422, 'Invalid request.\n\n"name", "email" weren\'t supplied.')
    if not given.get("date"):
        return pygit2.Signature(given["name"], given["email"], default.time, 0)
    when = datetime.fromisoformat(given["date"])
    offset = when.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    return pygit2.Signature(given["name"], given["email"], int(when.timestamp()), minutes)
