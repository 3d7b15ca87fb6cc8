"""The operations that look at merges of two commits, or merge one branch into another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.codecommit.books import COMMIT, page, who
from sandbox.codecommit.errors import refuse
from sandbox.codecommit.merging import (
    FAST_FORWARD,
    OPTIONS,
    SQUASH,
    THREE_WAY,
    Merge,
    conflicts,
    describe,
    make,
    read_merge,
)
from sandbox.codecommit.records import HEADS
from sandbox.codecommit.writing import author_of

if TYPE_CHECKING:
    from sandbox.codecommit.books import Books
    from sandbox.codecommit.records import Holding
    from sandbox.world import Call

    Answer = dict[str, Any]

PER_PAGE = 1000


class Merges:
    """Merges of commits and branches; those of pull requests are with them."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.operations = {
            "GetMergeConflicts": self.get_conflicts,
            "GetMergeOptions": self.get_options,
            "GetMergeCommit": self.get_commit,
            "CreateUnreferencedMergeCommit": self.create_unreferenced,
            "MergeBranchesByFastForward": self.by_fast_forward,
            "MergeBranchesBySquash": self.by_squash,
            "MergeBranchesByThreeWay": self.by_three_way,
        }

    def _read(self, call: Call) -> tuple[Holding, Merge]:
        holding = self._books.holding(call.params["repositoryName"])
        source, destination = (
            self._books.commit(holding, call.params[f"{side}CommitSpecifier"])
            for side in ("source", "destination")
        )
        return holding, read_merge(holding.git, source, destination, call.params)

    def get_conflicts(self, call: Call) -> Answer:
        _, merge = self._read(call)
        if call.params["mergeOption"] == FAST_FORWARD:
            paths, fits = [], merge.can_fast_forward
        else:
            paths = conflicts(merge)
            fits = not paths
        limited = {**call.params, "maxResults": call.params.get("maxConflictFiles")}
        shown, token = page(paths, limited, PER_PAGE)
        found = [describe(merge, path) for path in shown]
        return {**_ends(merge), "mergeable": fits, "conflictMetadataList": found, "nextToken": token}

    def get_options(self, call: Call) -> Answer:
        _, merge = self._read(call)
        fits = [FAST_FORWARD] if merge.can_fast_forward else []
        return {**_ends(merge), "mergeOptions": fits if conflicts(merge) else [*fits, *OPTIONS[1:]]}

    def get_commit(self, call: Call) -> Answer:
        """The commit that merges two, if there is one in the repository."""
        holding, merge = self._read(call)
        wanted = {merge.source, merge.destination}
        for _, tip in holding.git.refs(HEADS):
            for commit in holding.git.history(str(tip.id)):
                if {str(parent) for parent in commit.parent_ids} == wanted:
                    return {**_ends(merge), "mergedCommitId": str(commit.id)}
        return _ends(merge)

    def create_unreferenced(self, call: Call) -> Answer:
        holding, merge = self._read(call)
        return self._made(holding, self._make(call, merge, call.params["mergeOption"]))

    def by_fast_forward(self, call: Call) -> Answer:
        return self._merge(call, FAST_FORWARD)

    def by_squash(self, call: Call) -> Answer:
        return self._merge(call, SQUASH)

    def by_three_way(self, call: Call) -> Answer:
        return self._merge(call, THREE_WAY)

    def _merge(self, call: Call, option: str) -> Answer:
        holding, merge = self._read(call)
        named = call.params.get("targetBranch") or call.params["destinationCommitSpecifier"]
        if COMMIT.fullmatch(named):
            raise refuse("BranchNameRequired", "The destination is a commit; say targetBranch")
        branch = named.removeprefix(HEADS)
        if self._books.tip(holding, branch) != merge.destination:
            raise refuse("ConcurrentReferenceUpdate", f"{branch} is not at {merge.destination}")
        made = self._make(call, merge, option)
        self._books.move(holding, HEADS + branch, made, who(call), {"mergeOption": option})
        return self._made(holding, made)

    def _make(self, call: Call, merge: Merge, option: str) -> str:
        author = author_of(call, self._books, call.params.get("authorName"))
        default = f"Merge {merge.source[:8]} into {merge.destination[:8]}"
        return make(merge, option, author, call.params.get("commitMessage") or default)

    @staticmethod
    def _made(holding: Holding, commit: str) -> Answer:
        return {"commitId": commit, "treeId": str(holding.git.commit(commit).tree_id)}


def _ends(merge: Merge) -> Answer:
    return {
        "sourceCommitId": merge.source,
        "destinationCommitId": merge.destination,
        "baseCommitId": merge.base,
    }
