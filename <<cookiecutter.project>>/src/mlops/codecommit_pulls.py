"""Pull requests of a CodeCommit repository as its API gives them: found, listed, and what each brought.

The API finds none by branch or commit: they are read one by one, newest first; those that are closed, once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_codecommit import CodeCommitClient
    from mypy_boto3_codecommit.literals import PullRequestStatusEnumType

    from mlops.codecommit_history import Commit, Commits

    Pull = Mapping[str, Any]

AT_ONCE = 16  # pull requests read in parallel
SQUASHED = "SQUASH_MERGE"  # whose commits are not in main: their sum is


class Pulls:
    """The pull requests of one repository."""

    def __init__(self, client: CodeCommitClient, repository: str, commits: Commits) -> None:
        self._client = client
        self._name = repository
        self._commits = commits
        self._closed: dict[str, Pull] = {}
        self._brought: dict[str, list[Commit]] = {}

    def get(self, number: str) -> Pull:
        """One pull request; one that is closed stays as it was."""
        if number in self._closed:
            return self._closed[number]
        found = self._client.get_pull_request(pullRequestId=number)["pullRequest"]
        if found["pullRequestStatus"] == "CLOSED":
            self._closed[number] = found
        return found

    def list_open(self) -> Iterator[Pull]:
        """Those that are open, newest first."""
        return self._list("OPEN")

    def list_closed(self, most: int | None = None) -> Iterator[Pull]:
        """Those that are closed, newest first."""
        return self._list("CLOSED", most)

    def _list(self, status: PullRequestStatusEnumType, most: int | None = None) -> Iterator[Pull]:
        pages = self._client.get_paginator("list_pull_requests").paginate(
            repositoryName=self._name, pullRequestStatus=status
        )
        found = (number for page in pages for number in page["pullRequestIds"])
        numbers = sorted(found, key=int, reverse=True)[:most]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for start in range(0, len(numbers), AT_ONCE):
                yield from pool.map(self.get, numbers[start : start + AT_ONCE])

    def find_merged(self, commit: str, destination: str) -> Pull | None:
        """The pull request whose merge brought a commit into a branch."""
        merged = (pull for pull in self.list_closed() if self._is_merged(pull, destination))
        return next((pull for pull in merged if self._holds(pull, commit)), None)

    @staticmethod
    def _is_merged(pull: Pull, destination: str) -> bool:
        target = read_target(pull)
        return bool(target["mergeMetadata"]["isMerged"]) and target["destinationReference"] == destination

    def _holds(self, pull: Pull, commit: str) -> bool:
        merge = read_target(pull)["mergeMetadata"]
        if merge["mergeCommitId"] == commit:
            return True
        return merge.get("mergeOption") != SQUASHED and commit in {
            found["commitId"] for found in self.commits(pull)
        }

    def commits(self, pull: Pull) -> list[Commit]:
        """The commits that a pull request brings, newest first."""
        number = pull["pullRequestId"]
        if number in self._brought:
            return self._brought[number]
        found = self._commits.between(self.base(pull), read_target(pull)["sourceCommit"])
        if number in self._closed:
            self._brought[number] = found
        return found

    def base(self, pull: Pull) -> str:
        """Where source and destination parted, as it was before they were merged."""
        base = str(read_target(pull).get("mergeBase") or "")
        for event in self.events(pull["pullRequestId"]):
            moved = event.get("pullRequestSourceReferenceUpdatedEventMetadata") or {}
            opened = event.get("pullRequestCreatedEventMetadata") or {}
            base = moved.get("mergeBase") or opened.get("mergeBase") or base
        return base

    def events(self, number: str) -> list[Mapping[str, Any]]:
        """What happened to a pull request, oldest first."""
        pages = self._client.get_paginator("describe_pull_request_events").paginate(pullRequestId=number)
        found = [event for page in pages for event in page["pullRequestEvents"]]
        found.reverse()  # they come newest first, and many within one second
        return sorted(found, key=lambda event: event["eventDate"])


def read_target(pull: Pull) -> Mapping[str, Any]:
    """Whence and whither; a pull request has one target."""
    found: Mapping[str, Any] = pull["pullRequestTargets"][0]
    return found
