"""Commits through the API: files put and deleted on top of a branch, refused when the branch has moved."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pygit2
from pygit2.enums import FileMode

from sandbox.codecommit.books import who
from sandbox.codecommit.errors import no_branch, refuse, unsupported
from sandbox.codecommit.reading import LARGEST, MODES, check_path
from sandbox.codecommit.records import HEADS
from sandbox.codecommit.repositories import check_branch
from sandbox.forge.repository import entry_at

if TYPE_CHECKING:
    from sandbox.codecommit.books import Books
    from sandbox.codecommit.records import Holding
    from sandbox.world import Call

    Answer = dict[str, Any]

MODE_OF = {name: mode for mode, name in MODES.items()}
MOST_FILES = 100
ENTRIES = ("putFiles", "deleteFiles", "setFileModes")
NO_ADDRESS = "none"  # git has no commit without an address; CodeCommit writes an empty one


@dataclass(frozen=True)
class Put:
    """A file as it shall be."""

    path: str
    blob: pygit2.Oid
    mode: FileMode


class Writing:
    """The operations that make commits of files."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.operations = {
            "CreateCommit": self.create_commit,
            "PutFile": self.put_file,
            "DeleteFile": self.delete_file,
        }

    def create_commit(self, call: Call) -> Answer:
        params = call.params
        holding, parent = self._parent(params)
        entries = [
            *params.get("putFiles", []),
            *params.get("deleteFiles", []),
            *params.get("setFileModes", []),
        ]
        if not entries:
            raise refuse("FileEntryRequired", "The commit has no file to put, delete or change")
        if len(entries) > MOST_FILES:
            raise refuse("MaximumFileEntriesExceeded", f"{len(entries)} files; at most {MOST_FILES}")
        _check_twice([check_path(entry["filePath"]) for entry in entries])
        tree = parent.tree if parent else None
        puts = [_put(holding, tree, entry) for entry in params.get("putFiles", [])]
        puts += [_set_mode(tree, entry) for entry in params.get("setFileModes", [])]
        drops = [_existing(tree, check_path(entry["filePath"])) for entry in params.get("deleteFiles", [])]
        kinds = {put.path: "filesUpdated" if _file(tree, put.path) else "filesAdded" for put in puts}
        made = self._commit(call, holding, parent, puts, [path for path, _ in drops])
        answer: Answer = {**made, "filesAdded": [], "filesUpdated": [], "filesDeleted": []}
        for put in puts:
            shown = {"absolutePath": put.path, "blobId": str(put.blob), "fileMode": MODES[put.mode]}
            answer[kinds[put.path]].append(shown)
        for path, blob in drops:
            shown = {"absolutePath": path, "blobId": str(blob.id), "fileMode": MODES[FileMode(blob.filemode)]}
            answer["filesDeleted"].append(shown)
        return answer

    def put_file(self, call: Call) -> Answer:
        params = call.params
        holding, parent = self._parent(params)
        put = _put(holding, parent.tree if parent else None, params)
        before = _file(parent.tree, put.path) if parent else None
        if before is not None and (before.id, FileMode(before.filemode)) == (put.blob, put.mode):
            raise refuse("SameFileContent", f"{put.path} holds exactly that already")
        return {**self._commit(call, holding, parent, [put], []), "blobId": str(put.blob)}

    def delete_file(self, call: Call) -> Answer:
        params = call.params
        holding, parent = self._parent(params)
        path, blob = _existing(parent.tree if parent else None, check_path(params["filePath"]))
        made = self._commit(call, holding, parent, [], [path])
        return {**made, "blobId": str(blob.id), "filePath": path}

    def _parent(self, params: dict[str, Any]) -> tuple[Holding, pygit2.Commit | None]:
        """The commit to build on: the branch's tip, which the caller must know."""
        holding, branch = self._books.holding(params["repositoryName"]), check_branch(params["branchName"])
        if params.get("keepEmptyFolders"):
            raise unsupported("keepEmptyFolders")
        tip, given = holding.git.branch(branch), params.get("parentCommitId")
        if tip is None:
            if holding.git.refs(HEADS):
                raise no_branch(branch)
            return holding, None  # the first commit of an empty repository makes its branch
        if not given:
            raise refuse("ParentCommitIdRequired", f"Branch {branch} has commits; name its tip")
        if holding.git.object(given) is None:
            raise refuse("ParentCommitDoesNotExist", f"Commit {given} does not exist")
        if given != tip:
            raise refuse(
                "ParentCommitIdOutdated", f"The parent commit ID {given} is outdated; the tip is {tip}"
            )
        return holding, holding.git.commit(tip)

    def _commit(
        self, call: Call, holding: Holding, parent: pygit2.Commit | None, puts: list[Put], drops: list[str]
    ) -> Answer:
        index = pygit2.Index()
        if parent:
            index.read_tree(parent.tree)
        for path in drops:
            index.remove(path)
        for put in puts:
            _check_folders(index, put.path)
            index.add(pygit2.IndexEntry(put.path, put.blob, put.mode))
        tree = index.write_tree(holding.git.git)
        if parent and tree == parent.tree_id:
            raise refuse("NoChange", "The commit would change nothing")
        params = call.params
        author = author_of(call, self._books, params.get("authorName") or params.get("name"))
        message = params.get("commitMessage") or _message(puts, drops)
        parents = [parent.id] if parent else []
        made = str(holding.git.git.create_commit(None, author, author, message, tree, parents))
        self._books.move(holding, HEADS + params["branchName"], made, who(call))
        return {"commitId": made, "treeId": str(tree)}


def author_of(call: Call, books: Books, name: str | None) -> pygit2.Signature:
    """Whom a commit names as its author: as asked, else the caller."""
    known = name or who(call).rpartition("/")[2].rpartition(":")[2]
    address = call.params.get("email") or NO_ADDRESS
    return pygit2.Signature(known, address, int(books.now().timestamp()), 0)


def _message(puts: list[Put], drops: list[str]) -> str:
    return "\n".join([*(f"Edited {put.path}" for put in puts), *(f"Deleted {path}" for path in drops)])


def content(value: Any) -> bytes:
    """The bytes of a blob member, which JSON carries in base64."""
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise refuse("InvalidFileContent", "The content is not base64") from None
    if len(found) > LARGEST:
        raise refuse("FileContentSizeLimitExceeded", f"{len(found)} bytes; at most {LARGEST}")
    return found


def _put(holding: Holding, tree: pygit2.Tree | None, entry: dict[str, Any]) -> Put:
    path = check_path(entry["filePath"])
    if "sourceFile" in entry and "fileContent" in entry:
        raise refuse("FileContentAndSourceFileSpecified", f"{path}: content or a source file, not both")
    before = _file(tree, path)
    mode = MODE_OF[entry["fileMode"]] if "fileMode" in entry else None
    if "sourceFile" in entry:
        source, blob = _existing(tree, check_path(entry["sourceFile"]["filePath"]))
        if entry["sourceFile"].get("isMove"):
            raise unsupported(f"sourceFile.isMove (of {source})")
        return Put(path, blob.id, mode or FileMode(blob.filemode))
    if "fileContent" not in entry:
        raise refuse("SourceFileOrContentRequired", f"{path}: neither content nor a source file")
    blob_id = holding.git.git.create_blob(content(entry["fileContent"]))
    kept = FileMode(before.filemode) if before else FileMode.BLOB
    return Put(path, blob_id, mode or kept)


def _set_mode(tree: pygit2.Tree | None, entry: dict[str, Any]) -> Put:
    path, blob = _existing(tree, check_path(entry["filePath"]))
    return Put(path, blob.id, MODE_OF[entry["fileMode"]])


def _file(tree: pygit2.Tree | None, path: str) -> pygit2.Blob | None:
    found = entry_at(tree, path) if tree is not None else None
    return found if isinstance(found, pygit2.Blob) else None


def _existing(tree: pygit2.Tree | None, path: str) -> tuple[str, pygit2.Blob]:
    found = _file(tree, path)
    if found is None:
        raise refuse("FileDoesNotExist", f"Could not find path {path}")
    return path, found


def _check_twice(paths: list[str]) -> None:
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice:
        raise refuse("SamePathRequest", f"{twice} is named more than once")


def _check_folders(index: pygit2.Index, path: str) -> None:
    """A name is a file's or a folder's."""
    names = {entry.path for entry in index}
    parts = path.split("/")
    above = next((folder for i in range(1, len(parts)) if (folder := "/".join(parts[:i])) in names), None)
    if above:
        raise refuse("FileNameConflictsWithDirectoryName", f"{above} is a file, so {path} cannot be")
    if any(name.startswith(f"{path}/") for name in names):
        raise refuse("DirectoryNameConflictsWithFileName", f"{path} is a folder")
