"""Commits: listed, shown, compared, with what others say of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.forge import conversations, revisions, shapes
from sandbox.forge.calls import Answer, Call, Refusal, Route, invalid, missing
from sandbox.forge.paging import page
from sandbox.forge.records import Pull, Status
from sandbox.forge.repository import DEFAULT_BRANCH

if TYPE_CHECKING:
    import pygit2

    from sandbox.forge.board import Board
    from sandbox.forge.repository import Repository

PATH = "/repos/<owner>/<name>"
STATES = ("error", "failure", "pending", "success")
MOST_COMMITS = 250
SHA_LENGTH = 40


class Commits:
    """The routes of commits and their statuses."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.routes = [
            Route("GET", f"{PATH}/commits", self.index, "contents"),
            Route("GET", f"{PATH}/commits/<path:ref>", self.get, "contents"),
            Route("GET", f"{PATH}/commits/<path:ref>/pulls", self.pulls, "pull-requests"),
            Route("GET", f"{PATH}/commits/<path:ref>/status", self.combined, "statuses"),
            Route("GET", f"{PATH}/commits/<path:ref>/statuses", self.statuses, "statuses"),
            Route("POST", f"{PATH}/statuses/<sha>", self.create_status, "statuses", "write", "write"),
            Route("GET", f"{PATH}/compare/<path:basehead>", self.compare, "contents"),
        ]

    def index(self, call: Call) -> Answer:
        """History from `sha`, by path, author and time."""
        repository = self._board.repository_of(call)
        start = repository.find(call.query.get("sha", DEFAULT_BRANCH))
        if start is None:
            if "sha" not in call.query:
                raise Refusal(409, "Git Repository is empty.")
            raise missing()
        history = repository.history(start, call.query.get("path", "").strip("/"))
        found = [commit for commit in history if self._is_wanted(call, commit)]
        return page(call, found, lambda commit: revisions.commit(self._board.ground, repository, commit))

    def _is_wanted(self, call: Call, commit: pygit2.Commit) -> bool:
        author, query = call.query.get("author"), call.query
        if author and commit.author.email != author:
            person = self._board.ground.people.by_email(commit.author.email)
            if person is None or person.login != author:
                return False
        moment = commit.committer.time
        since, until = (_moment(query[name]) if name in query else None for name in ("since", "until"))
        return (since is None or moment >= since) and (until is None or moment <= until)

    def _resolve(self, call: Call, repository: Repository) -> str:
        text = call.arguments["ref"]
        found = repository.find(text)
        if found is None:
            raise Refusal(422, f"No commit found for SHA: {text}")
        return found

    def get(self, call: Call) -> Answer:
        """A commit with what it changed against its first parent."""
        board, repository = self._board, self._board.repository_of(call)
        sha = self._resolve(call, repository)
        if call.accept.endswith(".sha"):
            return Answer(sha.encode(), content_type="application/vnd.github.sha; charset=utf-8")
        found = repository.commit(sha)
        changed = board.diff_of(repository, str(found.parent_ids[0]) if found.parent_ids else None, sha)
        added, removed = (sum(getattr(one, name) for one in changed) for name in ("additions", "deletions"))
        return Answer(
            {
                **revisions.commit(board.ground, repository, found),
                "stats": {"total": added + removed, "additions": added, "deletions": removed},
                "files": [revisions.changed_file(board.ground, repository, one, sha) for one in changed],
            }
        )

    def pulls(self, call: Call) -> Answer:
        """The pull requests that brought a commit, or would."""
        board = self._board
        sha = self._resolve(call, board.repository)
        found = [pull for pull in board.records.all(Pull) if _brings(board, pull, sha)]
        return page(call, found, lambda pull: conversations.pull(board, board.issue(pull.number), pull))

    def compare(self, call: Call) -> Answer:
        """What `head` has that `base` has not, from where they parted."""
        board, repository = self._board, self._board.repository_of(call)
        base_name, dots, head_name = call.arguments["basehead"].partition("...")
        base, head = (self._end(repository, name) for name in (base_name, head_name))
        common = repository.merge_base(base, head) if base and head and dots else None
        if base is None or head is None or common is None:
            raise missing()
        ahead, behind = repository.between(base, head), repository.between(head, base)
        url = f"{call.api}/compare/{base_name}...{head_name}"
        at = f"{call.url}/{repository.full_name}/compare/{base_name}...{head_name}"
        states = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}

        def shape(sha: str) -> dict[str, Any]:
            return revisions.commit(board.ground, repository, repository.commit(sha))

        changed = board.diff_of(repository, common, head)
        return Answer(
            {
                "url": url,
                "html_url": at,
                "permalink_url": f"{call.url}/{repository.full_name}/compare/{base}...{head}",
                "diff_url": f"{at}.diff",
                "patch_url": f"{at}.patch",
                "base_commit": shape(base),
                "merge_base_commit": shape(common),
                "status": states.get((bool(ahead), bool(behind)), "diverged"),
                "ahead_by": len(ahead),
                "behind_by": len(behind),
                "total_commits": len(ahead),
                "commits": [shape(str(commit.id)) for commit in ahead[-MOST_COMMITS:]],
                "files": [revisions.changed_file(board.ground, repository, one, head) for one in changed],
            }
        )

    def _end(self, repository: Repository, name: str) -> str | None:
        """One side of a comparison; `owner:branch` names a fork's, whose objects may have to come over."""
        owner, colon, branch = name.rpartition(":")
        if not colon or owner == repository.owner:
            return repository.find(branch)
        fork = self._board.repository_named(f"{owner}/{repository.name}")
        found = fork.find(branch) if fork else None
        if fork and found:
            repository.take(fork, found)
        return found

    def create_status(self, call: Call) -> Answer:
        """Say something of a commit under a name."""
        board, body = self._board, call.body
        sha = call.arguments["sha"]
        if board.repository.find(sha) != sha or len(sha) != SHA_LENGTH:
            raise Refusal(422, f"No commit found for SHA: {sha}")
        if body.get("state") not in STATES:
            raise invalid("Status", "state")
        status = Status(
            board.records.new_id(),
            sha,
            body.get("context") or "default",
            body["state"],
            body.get("description"),
            body.get("target_url"),
            call.person.login,
            board.now(),
        )
        creator = {"creator": shapes.user(board.ground, call.person)}
        return Answer({**_status(call, board.records.save(status)), **creator}, 201)

    def statuses(self, call: Call) -> Answer:
        """All that was said of a commit, newest first."""
        board = self._board
        found = board.statuses(self._resolve(call, board.repository))
        return page(
            call,
            found[::-1],
            lambda one: {**_status(call, one), "creator": shapes.by_login(board.ground, one.creator)},
        )

    def combined(self, call: Call) -> Answer:
        """The newest word under each name, and what they come to."""
        board = self._board
        sha = self._resolve(call, board.repository)
        found = list({status.context: status for status in board.statuses(sha)}.values())
        return Answer(
            {
                "state": _together({status.state for status in found}),
                "statuses": [_status(call, status) for status in found],
                "sha": sha,
                "total_count": len(found),
                "repository": shapes.repository(board.ground, board.repository),
                "commit_url": f"{call.api}/commits/{sha}",
                "url": f"{call.api}/commits/{sha}/status",
            }
        )


def _brings(board: Board, pull: Pull, sha: str) -> bool:
    if pull.merge_sha == sha:
        return True
    repository = board.repository
    own = repository.contains(sha, pull.head_sha) and not repository.contains(sha, pull.base_sha)
    # a rebase gives the commits other names: those between the old base and the new
    new = pull.merge_sha is not None and sha in map(str, _between(board, pull.base_sha, pull.merge_sha))
    return own or new


def _between(board: Board, base: str, head: str) -> list[pygit2.Oid]:
    return [commit.id for commit in board.repository.between(base, head)]


def _together(states: set[str]) -> str:
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def _status(call: Call, status: Status) -> dict[str, Any]:
    moment = shapes.stamp(status.created_at)
    return {
        "url": f"{call.api}/statuses/{status.sha}",
        "avatar_url": f"{call.url}/avatars/{status.creator}",
        "id": status.id,
        "node_id": shapes.node_id("SC", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": moment,
        "updated_at": moment,
    }


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise Refusal(422, f"{text!r} is not a time in ISO 8601") from None
