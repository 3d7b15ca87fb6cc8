"""What a pull request on CodeCommit brings: the commits of its source that its destination lacks.

The API lists no commits of a pull request; they are walked from its source, newest first, until all that is
left is history of its destination too.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_codecommit import CodeCommitClient

    Commit = Mapping[str, Any]

AT_ONCE = 100  # commits that one call gives
SLOP = 16  # commits of the base that are looked at further: dates of commits are what their authors say


@dataclass
class Commits:
    """The commits of a repository, each read once."""

    client: CodeCommitClient
    repository: str
    known: dict[str, Commit] = field(default_factory=dict)

    def read(self, wanted: Iterable[str]) -> None:
        """Read what is not known yet."""
        missing = [commit for commit in dict.fromkeys(wanted) if commit not in self.known]
        for start in range(0, len(missing), AT_ONCE):
            answer = self.client.batch_get_commits(
                repositoryName=self.repository, commitIds=missing[start : start + AT_ONCE]
            )
            self.known.update({found["commitId"]: found for found in answer["commits"]})

    def get(self, commit: str) -> Commit | None:
        """A commit; None where the repository has none of that ID."""
        self.read([commit])
        return self.known.get(commit)

    def between(self, base: str, head: str) -> list[Commit]:
        """The commits that `head` has and `base` has not, newest first."""
        walk = Walk(self)
        walk.add([head], ours=True)
        walk.add([base] if base else [], ours=False)
        while walk.has_ours():
            walk.step()
        for _ in range(SLOP):
            walk.step()
        return walk.found()


class Walk:
    """One walk back from two commits; a commit that the other side reaches is no longer ours."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._theirs: set[str] = set()
        self._seen: dict[str, None] = {}
        self._queue: list[tuple[int, str]] = []

    def add(self, commits: Iterable[str], ours: bool) -> None:
        """Look at commits, and no further back than where both sides have been."""
        fresh = [commit for commit in commits if commit not in (self._theirs if not ours else self._seen)]
        self._commits.read(fresh)
        for commit in fresh:
            self._seen[commit] = None
            if not ours:
                self._theirs.add(commit)
            found = self._commits.known.get(commit)
            if found:
                heapq.heappush(self._queue, (-moment(found), commit))

    def has_ours(self) -> bool:
        """Whether a commit is still to be looked at that only our side has."""
        return any(commit not in self._theirs for _, commit in self._queue)

    def step(self) -> None:
        """Go on from the newest commit, if there is one."""
        if not self._queue:
            return
        _, commit = heapq.heappop(self._queue)
        self.add(self._commits.known[commit].get("parents", []), ours=commit not in self._theirs)

    def found(self) -> list[Commit]:
        """The commits that are only ours, newest first."""
        known = self._commits.known
        ours = [known[commit] for commit in self._seen if commit in known and commit not in self._theirs]
        return sorted(ours, key=moment, reverse=True)


def moment(commit: Commit) -> int:
    """When a commit was made, in seconds; CodeCommit writes "<seconds> <zone>"."""
    seconds = str(commit["committer"].get("date", "")).partition(" ")[0]
    return int(seconds) if seconds.lstrip("-").isdigit() else 0
