"""Repositories, their tags, and their branches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pygit2

from sandbox.codecommit.books import COMMIT, page, who
from sandbox.codecommit.errors import no_repository, refuse
from sandbox.codecommit.records import HEADS
from sandbox.forge.events import ZERO

if TYPE_CHECKING:
    from sandbox.codecommit.books import Books
    from sandbox.codecommit.records import Holding
    from sandbox.world import Call

    Answer = dict[str, Any]

NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)
PER_PAGE = 1000


class Repositories:
    """The operations on repositories and their tags."""

    def __init__(self, books: Books, endpoint: str) -> None:
        self._books = books
        self._endpoint = endpoint
        self.operations = {
            "CreateRepository": self.create,
            "GetRepository": self.get,
            "BatchGetRepositories": self.batch_get,
            "ListRepositories": self.list_all,
            "DeleteRepository": self.delete,
            "UpdateDefaultBranch": self.set_default,
            "UpdateRepositoryDescription": self.describe,
            "UpdateRepositoryName": self.rename,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }

    def create(self, call: Call) -> Answer:
        name = check_name(call.params["repositoryName"])
        if name in self._books.holdings:
            raise refuse("RepositoryNameExists", f"Repository named {name} already exists")
        if call.params.get("kmsKeyId"):
            key = call.params["kmsKeyId"]
        else:
            key = f"arn:aws:kms:{self._books.region}:{self._books.account}:alias/aws/codecommit"
        made = self._books.make_repository(name, call.params.get("repositoryDescription", ""))
        made.key, made.tags = key, dict(call.params.get("tags") or {})
        return {"repositoryMetadata": self._metadata(made)}

    def _metadata(self, found: Holding) -> Answer:
        return {
            "accountId": self._books.account,
            "repositoryId": found.id,
            "repositoryName": found.name,
            "repositoryDescription": found.description or None,
            "defaultBranch": found.default_branch or None,
            "lastModifiedDate": found.modified,
            "creationDate": found.created,
            "cloneUrlHttp": f"{self._endpoint}/v1/repos/{found.name}",
            "cloneUrlSsh": f"ssh://git-codecommit.{self._books.region}.amazonaws.com/v1/repos/{found.name}",
            "Arn": found.arn,
            "kmsKeyId": found.key,
        }

    def get(self, call: Call) -> Answer:
        return {"repositoryMetadata": self._metadata(self._books.holding(call.params["repositoryName"]))}

    def batch_get(self, call: Call) -> Answer:
        names = call.params["repositoryNames"]
        known = [self._books.holdings[name] for name in names if name in self._books.holdings]
        missing = [name for name in names if name not in self._books.holdings]
        return {"repositories": [self._metadata(one) for one in known], "repositoriesNotFound": missing}

    def list_all(self, call: Call) -> Answer:
        by = call.params.get("sortBy", "repositoryName")
        backwards = call.params.get("order", "ascending") == "descending"
        found = sorted(
            self._books.holdings.values(),
            key=lambda one: one.name if by == "repositoryName" else one.modified.isoformat(),
            reverse=backwards,
        )
        shown, token = page(found, call.params, PER_PAGE)
        listed = [{"repositoryName": one.name, "repositoryId": one.id} for one in shown]
        return {"repositories": listed, "nextToken": token}

    def delete(self, call: Call) -> Answer:
        """Gone with its pull requests; one that was never there is no error."""
        found = self._books.holdings.pop(check_name(call.params["repositoryName"]), None)
        if found is None:
            return {}
        for number in [pull.id for pull in self._books.pulls.values() if pull.holding is found]:
            del self._books.pulls[number]
        return {"repositoryId": found.id}

    def set_default(self, call: Call) -> Answer:
        found = self._books.holding(call.params["repositoryName"])
        branch = call.params["defaultBranchName"]
        self._books.tip(found, branch)
        found.default_branch = branch
        return {}

    def describe(self, call: Call) -> Answer:
        found = self._books.holding(call.params["repositoryName"])
        found.description = call.params.get("repositoryDescription", "")
        found.modified = self._books.now()
        return {}

    def rename(self, call: Call) -> Answer:
        found = self._books.holding(call.params["oldName"])
        name = check_name(call.params["newName"])
        if name in self._books.holdings:
            raise refuse("RepositoryNameExists", f"Repository named {name} already exists")
        del self._books.holdings[found.name]
        found.name, found.arn = name, self._books.arn(name)
        self._books.holdings[name] = found
        return {}

    def tag(self, call: Call) -> Answer:
        self._named(call).tags.update(call.params["tags"])
        return {}

    def untag(self, call: Call) -> Answer:
        tags = self._named(call).tags
        for key in call.params["tagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags(self, call: Call) -> Answer:
        return {"tags": self._named(call).tags}

    def _named(self, call: Call) -> Holding:
        arn = call.params["resourceArn"]
        found = next((one for one in self._books.holdings.values() if one.arn == arn), None)
        if found is None:
            raise no_repository(arn)
        return found


def check_name(name: str) -> str:
    """Refuse what cannot be a repository's name."""
    if not NAME.fullmatch(name) or name.endswith(".git"):
        raise refuse("InvalidRepositoryName", f"{name!r}: letters, digits, . _ -, at most 100, not .git")
    return name


class Branches:
    """The operations on branches."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.operations = {
            "CreateBranch": self.create,
            "GetBranch": self.get,
            "ListBranches": self.list_all,
            "DeleteBranch": self.delete,
        }

    def create(self, call: Call) -> Answer:
        found, commit = self._books.holding(call.params["repositoryName"]), call.params["commitId"]
        branch = check_branch(call.params["branchName"])
        if found.git.branch(branch):
            raise refuse("BranchNameExists", f"Branch {branch} already exists")
        if not COMMIT.fullmatch(commit):
            raise refuse("InvalidCommitId", f"{commit!r} is no full commit ID")
        self._books.move(found, HEADS + branch, self._books.commit(found, commit), who(call))
        return {}

    def get(self, call: Call) -> Answer:
        for name in ("repositoryName", "branchName"):
            if name not in call.params:
                raise refuse(f"{name[0].upper()}{name[1:]}Required", f"{name} is required")
        found, branch = self._books.holding(call.params["repositoryName"]), call.params["branchName"]
        return {"branch": {"branchName": branch, "commitId": self._books.tip(found, branch)}}

    def list_all(self, call: Call) -> Answer:
        found = self._books.holding(call.params["repositoryName"])
        names = [name.removeprefix(HEADS) for name, _ in found.git.refs(HEADS)]
        shown, token = page(names, call.params, PER_PAGE)
        return {"branches": shown, "nextToken": token}

    def delete(self, call: Call) -> Answer:
        """Delete a branch; one that is not there is no error, and nothing is said of it."""
        found, branch = self._books.holding(call.params["repositoryName"]), call.params["branchName"]
        if branch == found.default_branch:
            raise refuse("DefaultBranchCannotBeDeleted", f"Default branch {branch} cannot be deleted")
        commit = found.git.branch(branch)
        if commit is None:
            return {}
        self._books.move(found, HEADS + branch, ZERO, who(call))
        return {"deletedBranch": {"branchName": branch, "commitId": commit}}


def check_branch(name: str) -> str:
    """Refuse what git takes for no branch."""
    if not pygit2.reference_is_valid_name(HEADS + name) or COMMIT.fullmatch(name):
        raise refuse("InvalidBranchName", f"{name!r} is no name for a branch")
    return name
