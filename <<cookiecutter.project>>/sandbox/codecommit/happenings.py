"""Events as CodeCommit puts them on the account's event bus, handed to whoever listens in this process.

Shapes: AWS CodeCommit's user guide, "Monitoring CodeCommit events in Amazon EventBridge".
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.codecommit.records import HEADS
from sandbox.forge.events import ZERO

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.codecommit.records import Holding, Pull
    from sandbox.gitserver import Move

    Listener = Callable[[dict[str, Any]], None]

REPOSITORY = "CodeCommit Repository State Change"
PULL = "CodeCommit Pull Request State Change"
COMMENT = "CodeCommit Comment on Pull Request"


class Outbox:
    """Tells every listener of an event, after what it tells has happened."""

    def __init__(self, clock: Clock, region: str) -> None:
        self.on_event: list[Listener] = []
        self._clock = clock
        self._region = region

    def send(self, holding: Holding, kind: str, detail: dict[str, Any]) -> None:
        """Wrap a detail as EventBridge does, and hand it out."""
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": kind,
            "source": "aws.codecommit",
            "account": holding.arn.split(":")[4],
            "time": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": [holding.arn],
            "detail": detail,
        }
        for listener in self.on_event:
            listener(event)

    def moved(self, holding: Holding, move: Move, caller: str, extra: dict[str, Any]) -> None:
        """A branch or tag was made, moved or deleted."""
        happened = {True: "referenceCreated", False: "referenceUpdated"}[move.old == ZERO]
        detail = {
            "event": "referenceDeleted" if move.new == ZERO else happened,
            "callerUserArn": caller,
            "repositoryName": holding.name,
            "repositoryId": holding.id,
            "referenceType": "branch" if move.ref.startswith(HEADS) else "tag",
            "referenceName": move.ref.split("/", 2)[2],
            "referenceFullName": move.ref,
            **({"commitId": move.new} if move.new != ZERO else {}),
            **({"oldCommitId": move.old} if move.old != ZERO else {}),
            **extra,
        }
        self.send(holding, REPOSITORY, detail)

    def pull(self, pull: Pull, event: str, caller: str, **extra: Any) -> None:
        """Something happened to a pull request."""
        detail = {
            "event": event,
            "author": pull.author,
            "callerUserArn": caller,
            "creationDate": pull.created.strftime("%a %b %d %H:%M:%S UTC %Y"),
            "lastModifiedDate": pull.active.strftime("%a %b %d %H:%M:%S UTC %Y"),
            "description": pull.description,
            "destinationCommit": pull.destination_commit,
            "destinationReference": pull.destination,
            "isMerged": str(pull.merge["isMerged"]),
            "notificationBody": _body(pull, event, caller),
            "pullRequestId": pull.id,
            "pullRequestStatus": "Open" if pull.is_open else "Closed",
            "repositoryNames": [pull.holding.name],
            "revisionId": pull.revision,
            "sourceCommit": pull.source_commit,
            "sourceReference": pull.source,
            "title": pull.title,
            **extra,
        }
        self.send(pull.holding, PULL, detail)

    def comment(self, pull: Pull, event: str, caller: str, comment: str) -> None:
        """Somebody wrote on a pull request."""
        detail = {
            "event": event,
            "callerUserArn": caller,
            "commentId": comment,
            "pullRequestId": pull.id,
            "repositoryId": pull.holding.id,
            "repositoryName": pull.holding.name,
            "beforeCommitId": pull.destination_commit,
            "afterCommitId": pull.source_commit,
            "notificationBody": _body(pull, event, caller),
        }
        self.send(pull.holding, COMMENT, detail)


def _body(pull: Pull, event: str, caller: str) -> str:
    return (
        f"A pull request event occurred in the following AWS CodeCommit repository: {pull.holding.name}. "
        f"User: {caller}. Event: {event}. Pull Request ID: {pull.id}."
    )
