"""Branches and files of a CodeCommit repository, through its API: no work tree is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.aws import error_code
from mlops.codecommit_people import BOT, BOT_ADDRESS
from mlops.forge import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_codecommit import CodeCommitClient

MISSING = frozenset(
    {"FileDoesNotExistException", "CommitDoesNotExistException", "BranchDoesNotExistException"}
)
AUTHOR = {"authorName": BOT, "email": BOT_ADDRESS}


class Branches:
    """The branches of one repository."""

    def __init__(self, client: CodeCommitClient, repository: str) -> None:
        self._client = client
        self._name = repository

    def find(self, branch: str) -> str | None:
        """The commit of a branch."""
        try:
            found = self._client.get_branch(repositoryName=self._name, branchName=branch)
        except self._client.exceptions.ClientError as error:
            if error_code(error) in MISSING:
                return None
            raise
        return found["branch"]["commitId"]

    def require(self, branch: str) -> str:
        """The commit of a branch that must be there; raises CodeCommit's own words."""
        return self._client.get_branch(repositoryName=self._name, branchName=branch)["branch"]["commitId"]

    def read_file(self, path: str, reference: str) -> bytes | None:
        """A file at a branch or commit."""
        try:
            found = self._client.get_file(repositoryName=self._name, filePath=path, commitSpecifier=reference)
        except self._client.exceptions.ClientError as error:
            if error_code(error) in MISSING:
                return None
            raise
        return found["fileContent"]

    def differences(self, before: str, after: str) -> Iterator[tuple[str, str]]:
        """Paths that differ, and the blob of each before; empty where there was none."""
        start: dict[str, Any] = {"beforeCommitSpecifier": before} if before else {}
        pages = self._client.get_paginator("get_differences").paginate(
            repositoryName=self._name, afterCommitSpecifier=after, **start
        )
        for page in pages:
            for found in page["differences"]:
                old, new = found.get("beforeBlob", {}), found.get("afterBlob", {})
                yield new.get("path") or old.get("path", ""), old.get("blobId", "")

    def fork(self, head: str) -> str:
        """The commit of main that a branch's head grew from last."""
        return self._client.get_merge_options(
            repositoryName=self._name, sourceCommitSpecifier=head, destinationCommitSpecifier=MAIN
        )["baseCommitId"]

    def push_file(self, branch: str, path: str, text: str, message: str) -> str:
        """Main's tree with one file changed, committed on top of what the branch holds."""
        main = self.require(MAIN)
        head = self.find(branch)
        if head is None:
            self._client.create_branch(repositoryName=self._name, branchName=branch, commitId=main)
            head = main
        head = self._take_main(branch, head, main)
        put = {"filePath": path, "fileContent": text.encode()}
        restored = self._restore(main, head, path)
        return self._commit(branch, head, message, [put, *restored[0]], restored[1])

    def _take_main(self, branch: str, head: str, main: str) -> str:
        """A branch's head with all of main in it; where both changed a file, main's stands."""
        if head == main:
            return head
        options = self._client.get_merge_options(
            repositoryName=self._name,
            sourceCommitSpecifier=main,
            destinationCommitSpecifier=head,
        )
        if options["baseCommitId"] == main:
            return head
        made = self._client.merge_branches_by_three_way(
            repositoryName=self._name,
            sourceCommitSpecifier=main,
            destinationCommitSpecifier=head,
            targetBranch=branch,
            conflictResolutionStrategy="ACCEPT_SOURCE",
            commitMessage=f"Merge branch '{MAIN}'",
            **AUTHOR,  # type: ignore[arg-type]
        )
        return made["commitId"]

    def _restore(self, main: str, head: str, path: str) -> tuple[list[Mapping[str, Any]], list[str]]:
        """What makes a branch's other files main's again: those to put, and those to delete."""
        others = [(other, blob) for other, blob in self.differences(main, head) if other != path]
        puts: list[Mapping[str, Any]] = [
            {
                "filePath": other,
                "fileContent": self._client.get_blob(repositoryName=self._name, blobId=blob)["content"],
            }
            for other, blob in others
            if blob
        ]
        return puts, [other for other, blob in others if not blob]

    def _commit(
        self, branch: str, parent: str, message: str, puts: list[Mapping[str, Any]], drops: list[str]
    ) -> str:
        """A commit on a branch; the parent where nothing would change."""
        try:
            made = self._client.create_commit(
                repositoryName=self._name,
                branchName=branch,
                parentCommitId=parent,
                commitMessage=message,
                putFiles=puts,  # type: ignore[arg-type]
                deleteFiles=[{"filePath": path} for path in drops],
                **AUTHOR,  # type: ignore[arg-type]
            )
        except self._client.exceptions.NoChangeException:
            return parent
        return made["commitId"]

    def delete(self, branch: str) -> None:
        """Delete a branch, if it is there."""
        try:
            self._client.delete_branch(repositoryName=self._name, branchName=branch)
        except self._client.exceptions.ClientError as error:
            if error_code(error) not in MISSING:
                raise
