"""What git holds, as CodeCommit's API shows it: commits, files, folders, differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pygit2
from pygit2.enums import FileMode

from sandbox.codecommit.books import COMMIT, page
from sandbox.codecommit.errors import refuse
from sandbox.forge.repository import entry_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.codecommit.books import Books
    from sandbox.codecommit.records import Holding
    from sandbox.forge.repository import Repository
    from sandbox.world import Call

    Answer = dict[str, Any]

LARGEST = 6 * 2**20  # bytes of a file that the API gives or takes
AT_ONCE = 100
PER_PAGE = 100
MODES = {FileMode.BLOB: "NORMAL", FileMode.BLOB_EXECUTABLE: "EXECUTABLE", FileMode.LINK: "SYMLINK"}


class Reading:
    """The operations that only read git."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.operations = {
            "GetCommit": self.get_commit,
            "BatchGetCommits": self.batch_get,
            "GetFile": self.get_file,
            "GetFolder": self.get_folder,
            "GetBlob": self.get_blob,
            "GetDifferences": self.differences,
        }

    def get_commit(self, call: Call) -> Answer:
        holding, commit = self._books.holding(call.params["repositoryName"]), call.params["commitId"]
        found = find_commit(holding.git, commit)
        if found is None:
            raise refuse("CommitIdDoesNotExist", f"Commit {commit} does not exist")
        return {"commit": shape(found)}

    def batch_get(self, call: Call) -> Answer:
        holding, ids = self._books.holding(call.params["repositoryName"]), call.params["commitIds"]
        if len(ids) > AT_ONCE:
            raise refuse("CommitIdsLimitExceeded", f"{len(ids)} commit IDs; at most {AT_ONCE}")
        found = {commit: find_commit(holding.git, commit) for commit in ids}
        errors = [
            {"commitId": commit, "errorCode": "CommitDoesNotExistException", "errorMessage": commit}
            for commit, one in found.items()
            if one is None
        ]
        return {"commits": [shape(one) for one in found.values() if one], "errors": errors}

    def _at(self, call: Call) -> tuple[Holding, str]:
        holding = self._books.holding(call.params["repositoryName"])
        return holding, self._books.commit(holding, call.params.get("commitSpecifier", "HEAD"))

    def get_file(self, call: Call) -> Answer:
        holding, commit = self._at(call)
        path = check_path(call.params["filePath"])
        found = entry_at(holding.git.commit(commit).tree, path)
        if not isinstance(found, pygit2.Blob):
            raise refuse("FileDoesNotExist", f"Could not find path {path}")
        _check_size(found)
        return {
            "commitId": commit,
            "blobId": str(found.id),
            "filePath": path,
            "fileMode": MODES[FileMode(found.filemode)],
            "fileSize": found.size,
            "fileContent": found.data,
        }

    def get_folder(self, call: Call) -> Answer:
        holding, commit = self._at(call)
        path = call.params["folderPath"].strip("/")
        found = entry_at(holding.git.commit(commit).tree, path)
        if not isinstance(found, pygit2.Tree):
            raise refuse("FolderDoesNotExist", f"Could not find folder {path!r}")
        listed: dict[str, list[Answer]] = {
            "subFolders": [],
            "files": [],
            "symbolicLinks": [],
            "subModules": [],
        }
        for entry in found:
            kind, shown = _entry(entry, path)
            listed[kind].append(shown)
        return {"commitId": commit, "folderPath": path, "treeId": str(found.id), **listed}

    def get_blob(self, call: Call) -> Answer:
        holding, blob = self._books.holding(call.params["repositoryName"]), call.params["blobId"]
        found = holding.git.object(blob)
        if not isinstance(found, pygit2.Blob):
            raise refuse("BlobIdDoesNotExist", f"Blob {blob} does not exist")
        _check_size(found)
        return {"content": found.data}

    def differences(self, call: Call) -> Answer:
        """Files that differ, each by its own name: CodeCommit looks for no renames."""
        holding, params = self._books.holding(call.params["repositoryName"]), call.params
        after = holding.git.commit(self._books.commit(holding, params["afterCommitSpecifier"]))
        before = params.get("beforeCommitSpecifier")
        old = holding.git.commit(self._books.commit(holding, before)).tree if before else None
        found = [
            delta
            for delta in deltas(old, after.tree)
            if _below(delta, params.get("beforePath", ""), params.get("afterPath", ""))
        ]
        shown, token = page(found, params, PER_PAGE, "NextToken")
        return {"differences": [_difference(delta) for delta in shown], "NextToken": token}


def find_commit(git: Repository, commit: str) -> pygit2.Commit | None:
    """A commit by its full ID."""
    if not COMMIT.fullmatch(commit):
        raise refuse("InvalidCommitId", f"{commit!r} is no full commit ID")
    found = git.object(commit)
    return found if isinstance(found, pygit2.Commit) else None


def shape(found: pygit2.Commit) -> Answer:
    return {
        "commitId": str(found.id),
        "treeId": str(found.tree_id),
        "parents": [str(parent) for parent in found.parent_ids],
        "message": found.message,
        "author": _signature(found.author),
        "committer": _signature(found.committer),
        "additionalData": "",
    }


def _signature(found: pygit2.Signature) -> dict[str, str]:
    sign, minutes = ("-" if found.offset < 0 else "+"), abs(found.offset)
    date = f"{found.time} {sign}{minutes // 60:02}{minutes % 60:02}"
    return {"name": found.name, "email": found.email, "date": date}


def check_path(path: str) -> str:
    """A file's path in the repository, as git writes it."""
    parts = path.strip("/").split("/")
    if any(part in ("", ".", "..", ".git") for part in parts):
        raise refuse("InvalidPath", f"{path!r} is no path of a file")
    return "/".join(parts)


def _check_size(found: pygit2.Blob) -> None:
    if found.size > LARGEST:
        raise refuse("FileTooLarge", f"{found.size} bytes; the API gives at most {LARGEST}")


def _entry(entry: Any, folder: str) -> tuple[str, Answer]:
    path = f"{folder}/{entry.name}" if folder else entry.name
    names = {"absolutePath": path, "relativePath": entry.name}
    mode = FileMode(entry.filemode)
    if mode == FileMode.TREE:
        return "subFolders", {"treeId": str(entry.id), **names}
    if mode == FileMode.COMMIT:
        return "subModules", {"commitId": str(entry.id), **names}
    kind = "symbolicLinks" if mode == FileMode.LINK else "files"
    return kind, {"blobId": str(entry.id), "fileMode": MODES[mode], **names}


def deltas(old: pygit2.Tree | None, new: pygit2.Tree) -> Iterator[Any]:
    """What changed between two trees, by path."""
    found = old.diff_to_tree(new) if old is not None else new.diff_to_tree(swap=True)
    yield from found.deltas


def _below(delta: Any, before: str, after: str) -> bool:
    def inside(path: str, folder: str) -> bool:
        return not folder or path == folder or path.startswith(f"{folder.rstrip('/')}/")

    return inside(delta.old_file.path, before.strip("/")) and inside(delta.new_file.path, after.strip("/"))


def _difference(delta: Any) -> Answer:
    shown: Answer = {"changeType": delta.status_char() if delta.status_char() in "AD" else "M"}
    for name, file, absent in (("beforeBlob", delta.old_file, "A"), ("afterBlob", delta.new_file, "D")):
        if shown["changeType"] != absent:
            shown[name] = {"blobId": str(file.id), "path": file.path, "mode": f"{int(file.mode):06o}"}
    return shown
