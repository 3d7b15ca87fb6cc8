"""A pull request on CodeCommit, call by call, as CloudTrail writes it (derived: from the API's model)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.trails import callers
from sandbox.trails.records import call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sandbox.trails.callers import Identity
    from sandbox.trails.site import Pinned, Site

Record = dict[str, Any]
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Request:
    """The pull request of a pin: a build opens it, people approve its one revision, somebody merges."""

    site: Site
    pinned: Pinned
    merged: datetime

    @property
    def branch(self) -> str:
        """The branch that it comes from."""
        return f"refs/heads/mlops/{self.pinned.environment}/{self.pinned.model}"

    @property
    def head(self) -> str:
        """The commit that is merged."""
        return hashlib.sha1(f"head of {self.pinned.pull}".encode(), usedforsecurity=False).hexdigest()

    def person(self, name: str) -> Identity:
        """Somebody in the developers' role, whose sessions bear their user's name."""
        return callers.role_session(
            self.site.training, f"{self.site.project}-developer", name, f"ASIA{name.upper():X<16}"
        )

    @property
    def author(self) -> Identity:
        """The build that proposes."""
        return callers.role_session(
            self.site.training,
            f"{self.site.project}-build-propose",
            "AWSCodeBuild-0",
            "ASIAPROPOSE000000000",
        )

    def act(self, name: str, who: Identity, at: datetime, asked: Any, answer: Any = None) -> Record:
        """One call."""
        return call(name, "codecommit", who, at, self.site.training, self.site.region, asked, answer)

    def shown(self, **members: Any) -> Record:
        """The pull request as the service answers it."""
        target = {
            "repositoryName": self.site.repository,
            "sourceReference": self.branch,
            "destinationReference": "refs/heads/main",
            "sourceCommit": self.head,
            "mergeMetadata": {"isMerged": False, **members},
        }
        number = str(self.pinned.pull)
        about = {"pullRequestId": number, "authorArn": self.author["arn"], "revisionId": f"r{number}"}
        return {"pullRequest": {**about, "pullRequestTargets": [target]}}

    def tell(self, approvers: Sequence[str] = ("ben", "cleo")) -> list[Record]:
        """From its opening to its merge."""
        number, target = str(self.pinned.pull), self.shown()["pullRequest"]["pullRequestTargets"][0]
        names = ("repositoryName", "sourceReference", "destinationReference")
        asked = {"title": "Promote", "targets": [{name: target[name] for name in names}]}
        opened = self.act("CreatePullRequest", self.author, self.merged - 20 * MINUTE, asked, self.shown())
        approved = {"pullRequestId": number, "revisionId": f"r{number}", "approvalState": "APPROVE"}
        approvals = [
            self.act("UpdatePullRequestApprovalState", self.person(name), self.merged - 10 * MINUTE, approved)
            for name in approvers
        ]
        merged = self.shown(isMerged=True, mergeCommitId=self.pinned.commit)
        asked = {"pullRequestId": number, "repositoryName": self.site.repository}
        done = self.act("MergePullRequestBySquash", self.person("ada"), self.merged, asked, merged)
        return [opened, *approvals, done]

    def describe(self, approvers: Sequence[str] = ("ben", "cleo")) -> dict[str, Any]:
        """What evidence says of it."""
        when = f"{self.merged - 10 * MINUTE:%Y-%m-%dT%H:%M:%SZ}"
        people = {name: {"id": name, "login": name, "arn": self.person(name)["arn"]} for name in approvers}
        return {
            "pull_request": {
                "number": self.pinned.pull,
                "url": "",
                "head": self.head,
                "merge_commit": self.pinned.commit,
                "author": {"id": self.author["arn"], "login": "propose"},
            },
            "approvals": [
                {"by": who, "review": f"r{self.pinned.pull}", "commit": self.head, "at": when}
                for who in people.values()
            ],
        }
