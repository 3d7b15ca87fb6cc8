"""Every account's CodeCommit: its operations, and what IAM must know of a call beside what it says."""

from __future__ import annotations

import functools
import shutil
from typing import TYPE_CHECKING, Any

from sandbox.codecommit.approvals import Approvals
from sandbox.codecommit.books import Books
from sandbox.codecommit.comments import Comments
from sandbox.codecommit.happenings import Outbox
from sandbox.codecommit.merges import Merges
from sandbox.codecommit.pulls import Pulls
from sandbox.codecommit.reading import Reading
from sandbox.codecommit.repositories import Branches, Repositories
from sandbox.codecommit.templates import Templates
from sandbox.codecommit.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.world import Call

    Operation = Callable[[Call], dict[str, Any]]


class Office:
    """The books of all accounts. Its repositories live as long as the server, as all that AWS holds here."""

    def __init__(self, accounts: Iterable[str], region: str, home: Path, clock: Clock, endpoint: str) -> None:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self.home = home
        self.region = region
        self.outbox = Outbox(clock, region)
        self._endpoint = endpoint
        self.books = {account: Books(account, region, home, clock, self.outbox) for account in accounts}

    def operations(self, account: str) -> dict[str, Operation]:
        """The table of one account."""
        books = self.books[account]
        parts = (
            Repositories(books, self._endpoint),
            *(kind(books) for kind in (Branches, Reading, Writing, Merges, Templates)),
            *(kind(books) for kind in (Pulls, Approvals, Comments)),
        )
        return {name: _alone(books, act) for part in parts for name, act in part.operations.items()}

    def locate(self, account: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The repository and branch of what a call names by number: IAM decides by them."""
        books = self.books.get(account)
        if books is None:
            return {}
        number = str(params.get("pullRequestId") or "")
        comment = books.comments.get(str(params.get("commentId") or params.get("inReplyTo") or ""))
        if comment:
            number = comment.place["pullRequestId"]
        pull = books.pulls.get(number)
        if pull is None:
            return {}
        return {"repositoryName": pull.holding.name, "destinationReference": pull.destination}


def _alone(books: Books, act: Operation) -> Operation:
    """One operation of an account at a time."""

    @functools.wraps(act)
    def guarded(call: Call) -> dict[str, Any]:
        with books.lock:
            return act(call)

    return guarded
