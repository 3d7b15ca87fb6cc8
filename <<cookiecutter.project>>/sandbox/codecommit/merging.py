"""Merging two commits as CodeCommit does: by file or by line, with a strategy for what conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pygit2
from pygit2.enums import FileMode, MergeFavor, MergeFlag

from sandbox.codecommit.errors import refuse, unsupported
from sandbox.codecommit.reading import MODES, deltas
from sandbox.forge.repository import entry_at

if TYPE_CHECKING:
    from sandbox.forge.repository import Repository

FAST_FORWARD, SQUASH, THREE_WAY = "FAST_FORWARD_MERGE", "SQUASH_MERGE", "THREE_WAY_MERGE"
OPTIONS = (FAST_FORWARD, SQUASH, THREE_WAY)
FAVORS = {"ACCEPT_SOURCE": MergeFavor.THEIRS, "ACCEPT_DESTINATION": MergeFavor.OURS}


@dataclass(frozen=True)
class Merge:
    """What is merged into what, and how conflicts are judged and settled."""

    git: Repository
    source: str
    destination: str
    level: str = "FILE_LEVEL"
    strategy: str = "NONE"

    @property
    def base(self) -> str | None:
        return self.git.merge_base(self.source, self.destination)

    @property
    def can_fast_forward(self) -> bool:
        return self.git.contains(self.destination, self.source)


def read_merge(git: Repository, source: str, destination: str, params: dict[str, Any]) -> Merge:
    """A merge as its caller wants it."""
    if params.get("conflictResolution"):
        raise unsupported("conflictResolution")
    if params.get("keepEmptyFolders"):
        raise unsupported("keepEmptyFolders")
    level = params.get("conflictDetailLevel", "FILE_LEVEL")
    return Merge(git, source, destination, level, params.get("conflictResolutionStrategy", "NONE"))


def conflicts(merge: Merge) -> list[str]:
    """The files that cannot be merged."""
    return _merged(merge)[1]


def merged_tree(merge: Merge) -> pygit2.Oid:
    """The tree of a merge; refused where somebody must settle conflicts by hand."""
    index, paths = _merged(merge)
    if paths:
        raise manual(f"conflicts in {', '.join(paths)}")
    return index.write_tree(merge.git.git)


def manual(why: str) -> Exception:
    """What CodeCommit says of a merge that it cannot make."""
    return refuse("ManualMergeRequired", f"The branches cannot be merged automatically: {why}")


def _merged(merge: Merge) -> tuple[pygit2.Index, list[str]]:
    git = merge.git.git
    favor = FAVORS.get(merge.strategy, MergeFavor.NORMAL)
    index = git.merge_commits(merge.destination, merge.source, favor=favor, flags=MergeFlag(0))
    if merge.level == "FILE_LEVEL" and merge.strategy != "AUTOMERGE":
        both = _changed_by_both(merge)
        if merge.strategy == "NONE":
            return index, sorted({*both, *_unmerged(index)})
        _take_whole(merge, index, [*both, *_unmerged(index)])
    elif merge.strategy in FAVORS:
        _take_whole(merge, index, _unmerged(index))  # one side deleted what the other changed
    return index, sorted(set(_unmerged(index)))


def _unmerged(index: pygit2.Index) -> list[str]:
    return [next(side.path for side in sides if side) for sides in index.conflicts or ()]


def _changed_by_both(merge: Merge) -> list[str]:
    """Files that both sides have changed since they parted, not to the same."""
    git, base = merge.git, merge.base
    start = git.commit(base).tree if base else None
    sides = [git.commit(commit).tree for commit in (merge.source, merge.destination)]
    changed = [{delta.new_file.path for delta in deltas(start, tree)} for tree in sides]
    return [path for path in sorted(changed[0] & changed[1]) if _id(sides[0], path) != _id(sides[1], path)]


def _id(tree: pygit2.Tree, path: str) -> pygit2.Oid | None:
    found = entry_at(tree, path)
    return found.id if found else None


def _take_whole(merge: Merge, index: pygit2.Index, paths: list[str]) -> None:
    """Settle files by one side's version of each."""
    side = merge.source if merge.strategy == "ACCEPT_SOURCE" else merge.destination
    tree = merge.git.commit(side).tree
    for path in dict.fromkeys(paths):
        found = entry_at(tree, path)
        if index.conflicts is not None and path in _unmerged(index):
            del index.conflicts[path]
        if isinstance(found, pygit2.Blob):
            index.add(pygit2.IndexEntry(path, found.id, FileMode(found.filemode)))
        elif path in index:
            index.remove(path)


def describe(merge: Merge, path: str) -> dict[str, Any]:
    """A conflict's facts: sizes, modes and what each side did with the file."""
    commits = {"source": merge.source, "destination": merge.destination, "base": merge.base}
    found = {
        side: entry_at(merge.git.commit(commit).tree, path) if commit else None
        for side, commit in commits.items()
    }
    blobs = {side: blob for side, blob in found.items() if isinstance(blob, pygit2.Blob)}
    done = {side: _operation(blobs, side) for side in ("source", "destination")}
    modes = {blob.filemode for blob in blobs.values()}
    return {
        "filePath": path,
        "fileSizes": {side: blob.size for side, blob in blobs.items()},
        "fileModes": {side: MODES[FileMode(blob.filemode)] for side, blob in blobs.items()},
        "objectTypes": dict.fromkeys(blobs, "FILE"),
        "numberOfConflicts": 1,
        "isBinaryFile": {side: blob.is_binary for side, blob in blobs.items()},
        "contentConflict": len({blob.id for blob in blobs.values()}) > 1,
        "fileModeConflict": len(modes) > 1,
        "objectTypeConflict": False,
        "mergeOperations": done,
    }


def _operation(blobs: dict[str, pygit2.Blob], side: str) -> str:
    if side not in blobs:
        return "D"
    return "M" if "base" in blobs else "A"


def make(merge: Merge, option: str, author: pygit2.Signature, message: str) -> str:
    """The commit that the destination moves to."""
    if option == FAST_FORWARD:
        if not merge.can_fast_forward:
            raise manual("the destination has commits that the source lacks")
        return merge.source
    parents = [merge.destination] if option == SQUASH else [merge.destination, merge.source]
    tree = merged_tree(merge)
    made = merge.git.git.create_commit(None, author, author, message, tree, [*parents])
    return str(made)
