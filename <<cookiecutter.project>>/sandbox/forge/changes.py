"""What differs between two trees, file by file, as the forge shows and judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pygit2.enums import DeltaStatus

if TYPE_CHECKING:
    import pygit2

    from sandbox.forge.repository import Repository

STATUSES = {
    DeltaStatus.ADDED: "added",
    DeltaStatus.DELETED: "removed",
    DeltaStatus.MODIFIED: "modified",
    DeltaStatus.RENAMED: "renamed",
    DeltaStatus.COPIED: "copied",
    DeltaStatus.TYPECHANGE: "changed",
}


@dataclass(frozen=True)
class Change:
    """One file of a diff; `patch` is None for a binary file."""

    path: str
    status: str
    blob: str
    additions: int
    deletions: int
    patch: str | None
    previous: str | None

    @property
    def paths(self) -> set[str]:
        """Both names of a renamed file."""
        return {self.path, self.previous} - {None}  # type: ignore[return-value]


def changes(repository: Repository, old: str | None, new: str) -> list[Change]:
    """What turns the tree of commit `old` (None: nothing) into that of `new`."""
    target = repository.commit(new).tree
    found = repository.commit(old).tree.diff_to_tree(target) if old else target.diff_to_tree(swap=True)
    found.find_similar()
    return [_change(patch) for patch in found if patch is not None]


def changed_paths(repository: Repository, old: str | None, new: str) -> set[str]:
    """Every path that differs; a rename counts as both its names."""
    return {path for change in changes(repository, old, new) for path in change.paths}


def fingerprint(repository: Repository, base: str, head: str) -> frozenset[tuple[str, str]]:
    """What a branch proposes, however often it took in its base: each changed path and its new content."""
    common = repository.merge_base(base, head)
    return frozenset((change.path, change.blob) for change in changes(repository, common, head))


def _change(patch: pygit2.Patch) -> Change:
    delta = patch.delta
    _, additions, deletions = patch.line_stats
    status = STATUSES.get(delta.status, "changed")
    kept = delta.old_file if status == "removed" else delta.new_file
    return Change(
        kept.path,
        status,
        str(kept.id),
        additions,
        deletions,
        None if delta.is_binary else _hunks(patch),
        delta.old_file.path if status == "renamed" else None,
    )


def _hunks(patch: pygit2.Patch) -> str | None:
    """The patch without git's header lines; None when only the name or mode changed."""
    text = patch.data.decode(errors="replace")
    start = text.find("\n@@")
    return text[start + 1 :].rstrip("\n") if start >= 0 else None
