"""Pull requests: opened, listed, edited, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge import conversations, happenings, judge, revisions
from sandbox.forge.calls import Answer, Call, Refusal, Route, invalid
from sandbox.forge.paging import page
from sandbox.forge.records import Issue, Pull

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.repository import Repository

PATH = "/repos/<owner>/<name>/pulls"
BODY_LIMIT = 65536
NOT_PERMITTED = "GitHub Actions is not permitted to create or approve pull requests."


class Pulls:
    """The routes of pull requests, apart from their reviews and merging."""

    def __init__(self, board: Board) -> None:
        self._board = board
        one, scope = f"{PATH}/<int:number>", "pull-requests"
        self.routes = [
            Route("GET", PATH, self.index, scope),
            Route("POST", PATH, self.create, scope, "write"),
            Route("GET", one, self.get, scope),
            Route("PATCH", one, self.edit, scope, "write"),
            Route("GET", f"{one}/commits", self.commits, scope),
            Route("GET", f"{one}/files", self.files, scope),
        ]

    def index(self, call: Call) -> Answer:
        """Pull requests by state, head and base, newest first."""
        wanted = call.query.get("state", "open")
        found = [(self._board.issue(pull.number), pull) for pull in self._board.records.all(Pull)]
        chosen = [
            (issue, pull)
            for issue, pull in found
            if wanted in ("all", issue.state)
            and call.query.get("base", pull.base_ref) == pull.base_ref
            and self._has_head(pull, call.query.get("head", ""))
        ]
        sort = call.query.get("sort", "created")
        newest = call.query.get("direction", "desc" if sort == "created" else "asc") == "desc"
        chosen.sort(key=lambda pair: _order(pair[0], sort), reverse=newest)
        return page(call, chosen, lambda pair: conversations.pull(self._board, *pair))

    def _has_head(self, pull: Pull, head: str) -> bool:
        owner, _, branch = head.rpartition(":")
        repository = pull.head_repository.partition("/")[0]
        # without an owner GitHub takes no notice of the filter
        return not owner or (owner.lower() == repository.lower() and branch == pull.head_ref)

    def get(self, call: Call) -> Answer:
        return self._show(
            self._board.issue(call.arguments["number"]), self._board.pull(call.arguments["number"])
        )

    def _show(self, issue: Issue, pull: Pull, status: int = 200) -> Answer:
        return Answer(conversations.full_pull(self._board, issue, judge.test(self._board, pull)), status)

    def create(self, call: Call) -> Answer:
        """Open a pull request from a branch here or in a fork."""
        if call.token.permissions is not None and not self._board.jobs_may_propose():
            raise Refusal(403, NOT_PERMITTED)
        body = call.body
        absent = [f'"{name}"' for name in ("base", "head", "title") if not body.get(name)]
        if absent:
            verb = "wasn't" if len(absent) == 1 else "weren't"
            raise Refusal(422, f"Invalid request.\n\n{', '.join(absent)} {verb} supplied.")
        _check_text(body)
        repository, ref = self._head(call, body["head"])
        head, base = repository.branch(ref), self._board.repository.branch(body["base"])
        if head is None or base is None:
            raise invalid("PullRequest", "base" if base is None else "head")
        self._check_new(repository, ref, head, body["base"], base)
        issue, pull = self._open(call, repository, ref, head, base)
        happenings.pull(self._board, call.token, "opened", issue, pull)
        return self._show(issue, self._board.pull(pull.number), 201)

    def _head(self, call: Call, head: str) -> tuple[Repository, str]:
        owner, _, ref = head.rpartition(":")
        board = self._board
        found = board.repository_named(f"{owner or board.repository.owner}/{board.repository.name}")
        if found is None:
            raise invalid("PullRequest", "head")
        if found is board.repository and not call.person.may("write"):
            raise Refusal(403, f"Must have push access to {found.full_name} to propose from its branches.")
        return found, ref

    def _check_new(self, repository: Repository, ref: str, head: str, base_ref: str, base: str) -> None:
        board = self._board
        board.repository.take(repository, head)
        same = [
            pull
            for pull in board.open_pulls()
            if (pull.head_repository, pull.head_ref, pull.base_ref) == (repository.full_name, ref, base_ref)
        ]
        if same:
            raise _custom(f"A pull request already exists for {repository.owner}:{ref}.")
        if board.repository.merge_base(base, head) is None:
            raise _custom(f"The {ref} branch has no history in common with {base_ref}")
        if board.repository.contains(head, base):
            raise _custom(f"No commits between {base_ref} and {ref}")

    def _open(self, call: Call, repository: Repository, ref: str, head: str, base: str) -> tuple[Issue, Pull]:
        board, now = self._board, self._board.now()
        number = board.records.new_number()
        body = call.body
        issue = Issue(
            number, board.records.new_id(), body["title"], body.get("body"), call.person.login, now, now, True
        )
        pull = Pull(
            number,
            repository.full_name,
            ref,
            head,
            body["base"],
            base,
            call.person.login,
            draft=bool(body.get("draft")),
        )
        board.repository.set_ref(f"refs/pull/{number}/head", head)
        return board.records.save(issue), board.records.save(pull)

    def edit(self, call: Call) -> Answer:
        """Change title, body, base or state; its author may, and whoever may write."""
        board, number = self._board, call.arguments["number"]
        issue, pull = board.issue(number), board.pull(number)
        if not call.person.may("write") and call.person.login != issue.author:
            raise Refusal(403, "Must have push access, or be the author, to edit a pull request.")
        _check_text(call.body)
        texts = {name: call.body[name] for name in ("title", "body") if name in call.body}
        changed = board.records.change(issue, updated_at=board.now(), **texts)
        if texts:
            happenings.pull(board, call.token, "edited", changed, pull, changes={name: {} for name in texts})
        if call.body.get("base", pull.base_ref) != pull.base_ref:
            pull = self._rebase(pull, call.body["base"])
        return self._show(self._set_state(call, changed, pull), board.pull(number))

    def _rebase(self, pull: Pull, base_ref: str) -> Pull:
        base = self._board.repository.branch(base_ref)
        if base is None:
            raise invalid("PullRequest", "base")
        return self._board.records.change(pull, base_ref=base_ref, base_sha=base)

    def _set_state(self, call: Call, issue: Issue, pull: Pull) -> Issue:
        wanted = call.body.get("state", issue.state)
        if wanted not in ("open", "closed"):
            raise invalid("PullRequest", "state")
        if wanted == issue.state:
            return issue
        return self._close(call, issue, pull) if wanted == "closed" else self._reopen(call, issue, pull)

    def _close(self, call: Call, issue: Issue, pull: Pull) -> Issue:
        now = self._board.now()
        closed = self._board.records.change(issue, state="closed", closed_at=now, closed_by=call.person.login)
        happenings.pull(self._board, call.token, "closed", closed, pull)
        return closed

    def _reopen(self, call: Call, issue: Issue, pull: Pull) -> Issue:
        board = self._board
        repository = board.repository_named(pull.head_repository)
        head = repository.branch(pull.head_ref) if repository else None
        if pull.merged_at or head is None:
            why = "it was merged" if pull.merged_at else f"the {pull.head_ref} branch was deleted"
            raise Refusal(
                422,
                "Validation Failed",
                [{**_custom_error(f"state cannot be changed. {why}."), "field": "state"}],
            )
        opened = board.records.change(issue, state="open", closed_at=None, closed_by=None)
        happenings.pull(board, call.token, "reopened", opened, pull)
        return opened

    def commits(self, call: Call) -> Answer:
        """The commits that merging would bring, oldest first."""
        board, pull = self._board, self._board.pull(call.arguments["number"])
        base = pull.base_sha if pull.merged_at else board.repository.branch(pull.base_ref) or pull.base_sha
        found = board.repository.between(base, pull.head_sha)
        return page(call, found, lambda commit: revisions.commit(board.ground, board.repository, commit))

    def files(self, call: Call) -> Answer:
        """What merging would change."""
        board, pull = self._board, self._board.pull(call.arguments["number"])
        return page(
            call,
            board.proposed(pull),
            lambda change: revisions.changed_file(board.ground, board.repository, change, pull.head_sha),
        )


def _order(issue: Issue, sort: str) -> tuple[float, int]:
    return (issue.updated_at if sort == "updated" else issue.created_at), issue.number


def _check_text(body: dict[str, object]) -> None:
    for name in ("title", "body"):
        text = body.get(name, "")
        if text is not None and (not isinstance(text, str) or len(text) > BODY_LIMIT):
            said = f"{name} is too long (maximum is {BODY_LIMIT} characters)"
            raise invalid("PullRequest", name, "custom", said)
    if "title" in body and not body["title"]:
        raise invalid("PullRequest", "title", "missing_field")


def _custom_error(message: str) -> dict[str, str]:
    return {"resource": "PullRequest", "code": "custom", "message": message}


def _custom(message: str) -> Refusal:
    return Refusal(422, "Validation Failed", [_custom_error(message)])
