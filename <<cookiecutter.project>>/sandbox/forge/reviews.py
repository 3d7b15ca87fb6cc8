"""Reviews of pull requests: given, and dismissed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge import conversations, happenings
from sandbox.forge.calls import Answer, Call, Refusal, Route, missing
from sandbox.forge.paging import page
from sandbox.forge.pulls import NOT_PERMITTED, PATH
from sandbox.forge.records import Review

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.records import Issue, Pull

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
OF_ONES_OWN = {"APPROVE": "approve", "REQUEST_CHANGES": "request changes on"}


class Reviews:
    """The routes of reviews."""

    def __init__(self, board: Board) -> None:
        self._board = board
        many, scope = f"{PATH}/<int:number>/reviews", "pull-requests"
        self.routes = [
            Route("GET", many, self.index, scope),
            Route("POST", many, self.create, scope, "write"),
            Route("GET", f"{many}/<int:review>", self.get, scope),
            Route("PUT", f"{many}/<int:review>/dismissals", self.dismiss, scope, "write", "write"),
        ]

    def index(self, call: Call) -> Answer:
        board, number = self._board, call.arguments["number"]
        board.pull(number)
        found = board.records.all(Review, f"{number}/")
        return page(call, found, lambda review: conversations.review(board, review))

    def get(self, call: Call) -> Answer:
        return Answer(conversations.review(self._board, self._find(call)))

    def _find(self, call: Call) -> Review:
        found = self._board.records.find(Review, f"{call.arguments['number']}/{call.arguments['review']}")
        if found is None:
            raise missing()
        return found

    def create(self, call: Call) -> Answer:
        """Approve, request changes, or comment, on the head or on the commit that was read."""
        board, number = self._board, call.arguments["number"]
        issue, pull = board.issue(number), board.pull(number)
        event = call.body.get("event", "")
        if event not in STATES:
            raise _unprocessable(f"event is {event!r}, not one of: {', '.join(STATES)}")
        self._check(call, issue, event)
        review = board.records.save(
            Review(
                board.records.new_id(),
                pull.number,
                call.person.login,
                STATES[event],
                call.body.get("body") or "",
                self._commit(call, pull),
                board.now(),
            )
        )
        happenings.review(board, call.token, "submitted", issue, pull, review)
        return Answer(conversations.review(board, review))

    def _check(self, call: Call, issue: Issue, event: str) -> None:
        if call.person.login == issue.author and event in OF_ONES_OWN:
            raise _unprocessable(f"Can not {OF_ONES_OWN[event]} your own pull request")
        is_job = call.token.permissions is not None
        if is_job and event == "APPROVE" and not self._board.jobs_may_propose():
            raise _unprocessable(NOT_PERMITTED)
        if event != "APPROVE" and not call.body.get("body"):
            raise _unprocessable("Body can't be blank")

    def _commit(self, call: Call, pull: Pull) -> str:
        sha = str(call.body.get("commit_id") or pull.head_sha)
        found = self._board.repository.find(sha)
        if found is None or not self._board.repository.contains(found, pull.head_sha):
            raise _unprocessable("Commit is not part of the pull request")
        return found

    def dismiss(self, call: Call) -> Answer:
        """Take back a verdict; a comment has none."""
        board, number = self._board, call.arguments["number"]
        review = self._find(call)
        if not call.body.get("message"):
            raise Refusal(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
        if review.state not in ("APPROVED", "CHANGES_REQUESTED"):
            raise _unprocessable(f"Can not dismiss a {review.state.lower()} pull request review")
        dismissed = board.records.change(review, state="DISMISSED")
        happenings.review(board, call.token, "dismissed", board.issue(number), board.pull(number), dismissed)
        return Answer(conversations.review(board, dismissed))


def _unprocessable(message: str) -> Refusal:
    return Refusal(422, "Unprocessable Entity", [message])
