"""Merging a pull request, and bringing its branch up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge import conversations, happenings, judge, merging, pushes
from sandbox.forge.calls import Answer, Call, Refusal, Route, invalid, missing
from sandbox.forge.pulls import PATH
from sandbox.gitserver import Move

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.records import Issue, Pull

NOT_MERGEABLE = "Pull Request is not mergeable"


class Merges:
    """The routes that merge."""

    def __init__(self, board: Board) -> None:
        self._board = board
        one = f"{PATH}/<int:number>"
        self.routes = [
            Route("GET", f"{one}/merge", self.is_merged, "pull-requests"),
            Route("PUT", f"{one}/merge", self.merge, "contents", "write", "write"),
            Route("PUT", f"{one}/update-branch", self.update, "pull-requests", "write", "write"),
        ]

    def is_merged(self, call: Call) -> Answer:
        if self._board.pull(call.arguments["number"]).merged_at is None:
            raise missing()
        return Answer(status=204)

    def merge(self, call: Call) -> Answer:
        """Move the base branch, if the rules let the caller."""
        board, number = self._board, call.arguments["number"]
        issue, pull = board.issue(number), judge.test(board, board.pull(number))
        method = call.body.get("merge_method", "merge")
        if method not in merging.METHODS:
            raise invalid("PullRequest", "merge_method")
        self._check(call, issue, pull, method)
        try:
            sha = merging.merge(board.repository, method, self._asked(call, issue, pull))
        except merging.ConflictError:
            raise Refusal(405, NOT_MERGEABLE) from None
        self._record(call, issue, pull, sha)
        return Answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})

    def _check(self, call: Call, issue: Issue, pull: Pull, method: str) -> None:
        if issue.state == "closed" or pull.test_sha is None:
            raise Refusal(405, NOT_MERGEABLE)
        if pull.draft:
            raise Refusal(405, "Pull Request is still a draft")
        if call.body.get("sha", pull.head_sha) != pull.head_sha:
            raise Refusal(409, "Head branch was modified. Review and try the merge again.")
        said = judge.blockers(self._board, issue, pull, call.person, method)
        if said:
            listed = "\n\n".join(said)
            raise Refusal(405, f"Repository rule violations found\n\n{listed}\n\n")

    def _asked(self, call: Call, issue: Issue, pull: Pull) -> merging.Merge:
        board = self._board
        title, message = call.body.get("commit_title"), call.body.get("commit_message")
        base = board.repository.branch(pull.base_ref) or pull.base_sha
        return merging.Merge(
            base,
            pull.head_sha,
            pull.number,
            issue.title,
            f"{pull.head_repository.partition('/')[0]}/{pull.head_ref}",
            board.ground.people.find(issue.author),
            call.person,
            int(board.now()),
            title,
            message,
        )

    def _record(self, call: Call, issue: Issue, pull: Pull, sha: str) -> None:
        board, now, login = self._board, self._board.now(), call.person.login
        ref = f"refs/heads/{pull.base_ref}"
        old = board.repository.resolve(ref) or pull.base_sha
        board.repository.set_ref(ref, sha)
        merged = board.records.change(pull, merged_at=now, merged_by=login, merge_sha=sha, base_sha=old)
        closed = board.records.change(issue, state="closed", closed_at=now, closed_by=login, updated_at=now)
        happenings.pull(board, call.token, "closed", closed, merged)
        pushes.after(board, board.repository, call.token, Move(ref, old, sha))

    def update(self, call: Call) -> Answer:
        """Merge the base into the branch of a pull request."""
        board, pull = self._board, self._board.pull(call.arguments["number"])
        if call.body.get("expected_head_sha", pull.head_sha) != pull.head_sha:
            raise Refusal(422, "expected head sha didn't match current head ref.")
        repository = board.repository_named(pull.head_repository)
        base = board.repository.branch(pull.base_ref)
        if repository is not board.repository or base is None:
            raise Refusal(422, "the sandbox's forge updates branches of its repository only, not of forks")
        if repository.contains(base, pull.head_sha):
            raise Refusal(422, "There are no new commits on the base branch.")
        self._merge_base(call, pull, base)
        url = f"{conversations.api(board)}/pulls/{pull.number}"
        return Answer({"message": "Updating pull request branch.", "url": url}, 202)

    def _merge_base(self, call: Call, pull: Pull, base: str) -> None:
        board, ref = self._board, f"refs/heads/{pull.head_ref}"
        message = f"Merge branch '{pull.base_ref}' into {pull.head_ref}"
        asked = merging.Merge(
            pull.head_sha, base, pull.number, "", "", None, call.person, int(board.now()), message, ""
        )
        try:
            sha = merging.merge(board.repository, "merge", asked)
        except merging.ConflictError:
            raise Refusal(422, "merge conflict between base and head") from None
        board.repository.set_ref(ref, sha)
        pushes.after(board, board.repository, call.token, Move(ref, pull.head_sha, sha))
