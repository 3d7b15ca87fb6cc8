"""One account's books: its repositories, pull requests, templates and comments, and how branches move."""

from __future__ import annotations

import re
import threading
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.codecommit.errors import no_branch, no_commit, no_pull, no_repository, refuse
from sandbox.codecommit.records import HEADS, Comment, Holding, Pull, Template
from sandbox.forge.events import ZERO
from sandbox.forge.repository import Repository
from sandbox.gitserver import Move

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.codecommit.happenings import Outbox
    from sandbox.world import Call

COMMIT = re.compile(r"[0-9a-f]{40}")


class Books:
    """What one account has. All operations hold `lock`."""

    def __init__(self, account: str, region: str, home: Path, clock: Clock, outbox: Outbox) -> None:
        self.account = account
        self.region = region
        self.outbox = outbox
        self.lock = threading.RLock()
        self.holdings: dict[str, Holding] = {}
        self.pulls: dict[str, Pull] = {}
        self.templates: dict[str, Template] = {}
        self.comments: dict[str, Comment] = {}
        self._home = home
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def arn(self, name: str) -> str:
        return f"arn:aws:codecommit:{self.region}:{self.account}:{name}"

    def make_repository(self, name: str, description: str) -> Holding:
        """A new, empty repository; its folder bears its id, so that a name can change and come again."""
        number, now = str(uuid.uuid4()), self.now()
        git = Repository(self._home, f"{self.account}/{number}", len(self.holdings) + 1, 0)
        found = Holding(name, number, self.arn(name), git, now, now, description)
        self.holdings[name] = found
        return found

    def holding(self, name: str) -> Holding:
        if name not in self.holdings:
            raise no_repository(name)
        return self.holdings[name]

    def pull(self, number: str) -> Pull:
        if not number.isdecimal():
            raise refuse("InvalidPullRequestId", f"{number!r} is no ID of a pull request: digits")
        if number not in self.pulls:
            raise no_pull(number)
        return self.pulls[number]

    def open_pull(self, number: str) -> Pull:
        """A pull request that can still change."""
        found = self.pull(number)
        if not found.is_open:
            raise refuse("PullRequestAlreadyClosed", f"Pull request {number} is already closed")
        return found

    def commit(self, holding: Holding, specifier: str) -> str:
        """The commit that a branch, a full reference, a tag, HEAD or a full commit ID names."""
        if specifier == "HEAD":
            specifier = holding.default_branch
        is_short = re.fullmatch(r"[0-9a-f]{4,39}", specifier) is not None
        branch = holding.git.branch(specifier) if specifier else None
        found = branch or (None if is_short else holding.git.find(specifier))
        if found is None:
            raise no_commit(specifier)
        return found

    def tip(self, holding: Holding, branch: str) -> str:
        """The commit of a branch, which may be named in full."""
        found = holding.git.branch(branch.removeprefix(HEADS))
        if found is None:
            raise no_branch(branch)
        return found

    def move(
        self, holding: Holding, ref: str, new: str, caller: str, extra: dict[str, Any] | None = None
    ) -> None:
        """Make, move or delete a branch; what follows from it follows."""
        old = holding.git.resolve(ref) or ZERO
        if new == ZERO:
            holding.git.drop_ref(ref)
        else:
            holding.git.set_ref(ref, new)
        self.moved(holding, Move(ref, old, new), caller, extra or {})

    def moved(self, holding: Holding, move: Move, caller: str, extra: dict[str, Any]) -> None:
        """What follows from a ref that has moved: the first branch is the default, pull requests grow."""
        holding.modified = self.now()
        if move.ref.startswith(HEADS) and not holding.default_branch and move.new != ZERO:
            holding.default_branch = move.ref.removeprefix(HEADS)
        self.outbox.moved(holding, move, caller, extra)
        for pull in [pull for pull in self.pulls.values() if pull.is_open and pull.holding is holding]:
            if move.new == ZERO and move.ref in (pull.source, pull.destination):
                self.close(pull, caller)
            elif move.ref == pull.source:
                self._grow(pull, move, caller)
            elif move.ref == pull.destination:
                pull.destination_commit = move.new
                pull.merge_base = holding.git.merge_base(pull.source_commit, move.new)

    def _grow(self, pull: Pull, move: Move, caller: str) -> None:
        """The source branch has moved: a new revision, which nobody has approved."""
        pull.source_commit, pull.revision = move.new, new_revision()
        pull.merge_base = pull.holding.git.merge_base(move.new, pull.destination_commit)
        what = {
            "repositoryName": pull.holding.name,
            "beforeCommitId": move.old,
            "afterCommitId": move.new,
            "mergeBase": pull.merge_base,
        }
        self.note(
            pull,
            "PULL_REQUEST_SOURCE_REFERENCE_UPDATED",
            caller,
            pullRequestSourceReferenceUpdatedEventMetadata=what,
        )
        self.outbox.pull(pull, "pullRequestSourceBranchUpdated", caller)

    def close(self, pull: Pull, caller: str) -> None:
        """Close a pull request without a merge."""
        pull.is_open = False
        what = {"pullRequestStatus": "CLOSED"}
        self.note(pull, "PULL_REQUEST_STATUS_CHANGED", caller, pullRequestStatusChangedEventMetadata=what)
        self.outbox.pull(pull, "pullRequestStatusChanged", caller)

    def note(self, pull: Pull, kind: str, caller: str, **metadata: Any) -> None:
        """Write an event of a pull request down."""
        pull.active = self.now()
        pull.events.append(
            {
                "pullRequestId": pull.id,
                "eventDate": pull.active,
                "pullRequestEventType": kind,
                "actorArn": caller,
                **metadata,
            }
        )


def new_revision() -> str:
    return f"{uuid.uuid4().hex}{uuid.uuid4().hex}"


def who(call: Call) -> str:
    """The ARN under which CodeCommit knows a caller."""
    return call.caller.principal.arn


def page(found: list[Any], params: dict[str, Any], limit: int, name: str = "nextToken") -> tuple[Any, Any]:
    """The items of one page, and the token of the next."""
    token = str(params.get(name) or "0")
    wanted = int(params.get("maxResults") or params.get("MaxResults") or limit)
    if not token.isdecimal():
        raise refuse("InvalidContinuationToken", f"{token!r} is no token that CodeCommit gave")
    if not 1 <= wanted <= max(limit, 500):
        raise refuse("InvalidMaxResults", f"{wanted} is not between 1 and {limit}")
    start = int(token)
    after = start + min(wanted, limit)
    return found[start:after], (str(after) if after < len(found) else None)
