"""Issues, their comments and labels; a pull request's comments and labels are reached here too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import conversations, happenings
from sandbox.forge.calls import Answer, Call, Refusal, Route, invalid, missing
from sandbox.forge.paging import page
from sandbox.forge.records import Comment, Issue, Pull

if TYPE_CHECKING:
    from sandbox.forge.board import Board

REPOSITORY = "/repos/<owner>/<name>"
PATH = f"{REPOSITORY}/issues"
EITHER = "issues|pull-requests"
REASONS = ("completed", "not_planned", "duplicate", "reopened")
LONGEST = 65536


class Issues:
    """The routes of issues, comments and labels."""

    def __init__(self, board: Board) -> None:
        self._board = board
        one = f"{PATH}/<int:number>"
        comment = f"{PATH}/comments/<int:comment>"
        self.routes = [
            Route("GET", PATH, self.index, "issues"),
            Route("POST", PATH, self.create, "issues", "write"),
            Route("GET", one, self.get, EITHER),
            Route("PATCH", one, self.edit, EITHER, "write"),
            Route("GET", f"{one}/comments", self.comments, EITHER),
            Route("POST", f"{one}/comments", self.create_comment, EITHER, "write"),
            Route("GET", comment, self.get_comment, EITHER),
            Route("PATCH", comment, self.edit_comment, EITHER, "write"),
            Route("DELETE", comment, self.delete_comment, EITHER, "write"),
            Route("GET", f"{one}/labels", self.labels_of, EITHER),
            Route("POST", f"{one}/labels", self.add_labels, EITHER, "write", "triage"),
            Route("PUT", f"{one}/labels", self.set_labels, EITHER, "write", "triage"),
            Route("DELETE", f"{one}/labels/<path:label>", self.remove_label, EITHER, "write", "triage"),
            Route("GET", f"{REPOSITORY}/labels", self.labels, EITHER),
            Route("POST", f"{REPOSITORY}/labels", self.create_label, EITHER, "write", "write"),
            Route("GET", f"{REPOSITORY}/labels/<path:label>", self.get_label, EITHER),
        ]

    def index(self, call: Call) -> Answer:
        """Issues and pull requests by state, labels and author, newest first."""
        state, query = call.query.get("state", "open"), call.query
        labels = {name.lower() for name in query.get("labels", "").split(",") if name}
        found = [
            issue
            for issue in self._board.records.all(Issue)
            if state in ("all", issue.state)
            and labels <= {name.lower() for name in issue.labels}
            and query.get("creator", issue.author) == issue.author
        ]
        newest = query.get("direction", "desc") == "desc"
        by_update = query.get("sort") == "updated"
        found.sort(key=lambda issue: (issue.updated_at if by_update else 0, issue.number), reverse=newest)
        return page(call, found, lambda issue: conversations.issue(self._board, issue))

    def get(self, call: Call) -> Answer:
        return Answer(conversations.issue(self._board, self._board.issue(call.arguments["number"])))

    def create(self, call: Call) -> Answer:
        board, body, now = self._board, call.body, self._board.now()
        if not body.get("title"):
            raise invalid("Issue", "title", "missing_field")
        labels = body.get("labels") or [] if call.person.may("triage") else []
        issue = board.records.save(
            Issue(
                board.records.new_number(),
                board.records.new_id(),
                str(body["title"]),
                body.get("body"),
                call.person.login,
                now,
                now,
                labels=self._known(labels),
                assignees=tuple(body.get("assignees") or []),
            )
        )
        return Answer(conversations.issue(board, issue), 201)

    def edit(self, call: Call) -> Answer:
        """Change text, state, labels; its author may change the first two, whoever may triage all."""
        board, issue, body = self._board, self._board.issue(call.arguments["number"]), call.body
        if not call.person.may("triage") and call.person.login != issue.author:
            raise Refusal(403, "Must have triage access, or be the author, to edit an issue.")
        changed: dict[str, Any] = {name: body[name] for name in ("title", "body") if name in body}
        if "labels" in body and call.person.may("triage"):
            changed["labels"] = self._known(body["labels"])
        if body.get("state", issue.state) != issue.state:
            changed |= self._closing(call, issue)
        found = board.records.change(issue, updated_at=board.now(), **changed)
        return Answer(conversations.issue(board, found))

    def _closing(self, call: Call, issue: Issue) -> dict[str, Any]:
        state, reason = call.body["state"], call.body.get("state_reason")
        if state not in ("open", "closed") or reason not in (None, *REASONS):
            raise invalid("Issue", "state" if state not in ("open", "closed") else "state_reason")
        if issue.is_pull:
            raise Refusal(422, "the sandbox's forge closes pull requests by PATCH /pulls/{number} only")
        if state == "open":
            return {"state": state, "state_reason": "reopened", "closed_at": None, "closed_by": None}
        closing = {"closed_at": self._board.now(), "closed_by": call.person.login}
        return {"state": state, "state_reason": reason or "completed", **closing}

    def comments(self, call: Call) -> Answer:
        number = self._board.issue(call.arguments["number"]).number
        found = [comment for comment in self._board.records.all(Comment) if comment.issue == number]
        return page(call, found, lambda comment: conversations.comment(self._board, comment))

    def create_comment(self, call: Call) -> Answer:
        board, now = self._board, self._board.now()
        issue = board.issue(call.arguments["number"])
        comment = Comment(board.records.new_id(), issue.number, call.person.login, _text(call), now, now)
        board.records.change(issue, updated_at=now)
        return Answer(conversations.comment(board, board.records.save(comment)), 201)

    def _comment(self, call: Call) -> Comment:
        found = self._board.records.find(Comment, call.arguments["comment"])
        if found is None:
            raise missing()
        return found

    def _own_comment(self, call: Call) -> Comment:
        found = self._comment(call)
        if not call.person.may("write") and call.person.login != found.author:
            raise Refusal(403, "Must have push access, or be the author, to change a comment.")
        return found

    def get_comment(self, call: Call) -> Answer:
        return Answer(conversations.comment(self._board, self._comment(call)))

    def edit_comment(self, call: Call) -> Answer:
        board, found = self._board, self._own_comment(call)
        changed = board.records.change(found, body=_text(call), updated_at=board.now())
        return Answer(conversations.comment(board, changed))

    def delete_comment(self, call: Call) -> Answer:
        self._board.store.drop("Comment", self._own_comment(call).id)
        return Answer(status=204)

    def labels_of(self, call: Call) -> Answer:
        return self._show_labels(self._board.issue(call.arguments["number"]))

    def _show_labels(self, issue: Issue) -> Answer:
        return Answer([conversations.label(self._board, name) for name in issue.labels])

    def add_labels(self, call: Call) -> Answer:
        issue = self._board.issue(call.arguments["number"])
        return self._label(call, issue, (*issue.labels, *self._asked(call)))

    def set_labels(self, call: Call) -> Answer:
        return self._label(call, self._board.issue(call.arguments["number"]), self._asked(call))

    def _asked(self, call: Call) -> tuple[str, ...]:
        return self._known(call.body.get("labels") or [])

    def remove_label(self, call: Call) -> Answer:
        issue, name = self._board.issue(call.arguments["number"]), call.arguments["label"]
        if name not in issue.labels:
            raise Refusal(404, "Label does not exist")
        return self._label(call, issue, tuple(label for label in issue.labels if label != name))

    def _label(self, call: Call, issue: Issue, labels: tuple[str, ...]) -> Answer:
        board, wanted = self._board, tuple(dict.fromkeys(labels))
        found = board.records.change(issue, labels=wanted, updated_at=board.now())
        actions = {"labeled": set(wanted) - set(issue.labels), "unlabeled": set(issue.labels) - set(wanted)}
        for action, names in actions.items() if issue.is_pull else ():
            for name in sorted(names):
                label, pull = conversations.label(board, name), board.records.find(Pull, issue.number)
                if pull:
                    happenings.pull(board, call.token, action, found, pull, label=label)
        return self._show_labels(found)

    def _known(self, names: list[Any]) -> tuple[str, ...]:
        """Labels by name; one that is new comes into being."""
        texts = [str(name["name"] if isinstance(name, dict) else name) for name in names]
        for text in texts:
            if self._board.store.get("label", text.lower()) is None:
                self._keep(text, {})
        return tuple(self._board.store.get("label", text.lower())["name"] for text in texts)

    def _keep(self, name: str, members: dict[str, Any]) -> None:
        kept = {"id": self._board.records.new_id(), "name": name, **members}
        self._board.store.put("label", name.lower(), kept)

    def labels(self, call: Call) -> Answer:
        found = self._board.store.all("label")
        return page(call, found, lambda kept: conversations.label(self._board, kept["name"]))

    def create_label(self, call: Call) -> Answer:
        name = str(call.body.get("name", ""))
        if not name:
            raise invalid("Label", "name", "missing_field")
        if self._board.store.get("label", name.lower()):
            raise invalid("Label", "name", "already_exists")
        members = {key: call.body[key] for key in ("color", "description") if call.body.get(key)}
        self._keep(name, members)
        return Answer(conversations.label(self._board, name), 201)

    def get_label(self, call: Call) -> Answer:
        name = call.arguments["label"]
        if self._board.store.get("label", name.lower()) is None:
            raise missing()
        return Answer(conversations.label(self._board, name))


def _text(call: Call) -> str:
    text = call.body.get("body")
    if not isinstance(text, str) or not text:
        raise invalid("IssueComment", "body", "missing_field")
    if len(text) > LONGEST:
        said = f"body is too long (maximum is {LONGEST} characters)"
        raise invalid("IssueComment", "body", "unprocessable", said)
    return text
