"""Comments on pull requests, by place; replies, changes by their author, and content taken away."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.codecommit.books import page, who
from sandbox.codecommit.errors import refuse
from sandbox.codecommit.records import Comment

if TYPE_CHECKING:
    from sandbox.codecommit.books import Books
    from sandbox.codecommit.records import Pull
    from sandbox.world import Call

    Answer = dict[str, Any]

LONGEST = 10_240
PER_PAGE = 100
PLACE = ("repositoryName", "pullRequestId", "beforeCommitId", "afterCommitId", "location")


class Comments:
    """The operations on comments of pull requests."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.operations = {
            "PostCommentForPullRequest": self.post,
            "PostCommentReply": self.reply,
            "GetComment": self.get,
            "GetCommentsForPullRequest": self.list_of_pull,
            "UpdateComment": self.update,
            "DeleteCommentContent": self.delete,
        }

    def post(self, call: Call) -> Answer:
        params, pull = call.params, self._books.pull(call.params["pullRequestId"])
        if params["repositoryName"] != pull.holding.name:
            raise refuse(
                "RepositoryNotAssociatedWithPullRequest", f"Pull request {pull.id} is of {pull.holding.name}"
            )
        before, after = params["beforeCommitId"], params["afterCommitId"]
        if before == after:
            raise refuse("BeforeCommitIdAndAfterCommitIdAreSame", f"Both are {before}")
        for commit in (before, after):
            if pull.holding.git.object(commit) is None:
                raise refuse("CommitDoesNotExist", f"Commit {commit} does not exist")
        place = {name: params[name] for name in PLACE if name in params}
        made = self._add(call, place, "")
        self._books.outbox.comment(pull, "commentOnPullRequestCreated", who(call), made.id)
        return {**place, "comment": _shape(made)}

    def _add(self, call: Call, place: dict[str, Any], reply_to: str) -> Comment:
        content, token = _check(call.params["content"]), call.params.get("clientRequestToken", "")
        found = self._books.comments
        again = next((one for one in found.values() if token and one.token == token), None)
        if again:
            if (again.content, again.place) != (content, place):
                raise refuse("IdempotencyParameterMismatch", f"{token!r} was used for another comment")
            return again
        now = self._books.now()
        made = Comment(str(uuid.uuid4()), place, content, who(call), now, now, token, reply_to)
        found[made.id] = made
        return made

    def _find(self, number: str) -> Comment:
        if number not in self._books.comments:
            raise refuse("CommentDoesNotExist", f"Comment {number} does not exist")
        return self._books.comments[number]

    def _pull(self, comment: Comment) -> Pull:
        return self._books.pull(comment.place["pullRequestId"])

    def reply(self, call: Call) -> Answer:
        found = self._find(call.params["inReplyTo"])
        made = self._add(call, found.place, found.id)
        self._books.outbox.comment(self._pull(found), "commentOnPullRequestCreated", who(call), made.id)
        return {"comment": _shape(made)}

    def get(self, call: Call) -> Answer:
        found = self._find(call.params["commentId"])
        if found.deleted:
            raise refuse("CommentDeleted", f"Comment {found.id} was deleted")
        return {"comment": _shape(found)}

    def list_of_pull(self, call: Call) -> Answer:
        """Grouped by where they stand, oldest first."""
        params, pull = call.params, self._books.pull(call.params["pullRequestId"])
        asked = {name: params[name] for name in PLACE if name in params}
        groups: list[Answer] = []
        for comment in self._books.comments.values():
            if comment.place["pullRequestId"] != pull.id or not asked.items() <= comment.place.items():
                continue
            group = next((one for one in groups if comment.place.items() <= one.items()), None)
            if group is None:
                group = {**comment.place, "comments": []}
                groups.append(group)
            group["comments"].append(_shape(comment))
        shown, token = page(groups, params, PER_PAGE)
        return {"commentsForPullRequestData": shown, "nextToken": token}

    def update(self, call: Call) -> Answer:
        found = self._find(call.params["commentId"])
        if found.deleted:
            raise refuse("CommentDeleted", f"Comment {found.id} was deleted")
        if found.author != who(call):
            raise refuse("CommentNotCreatedByCaller", f"Comment {found.id} was written by {found.author}")
        found.content, found.modified = _check(call.params["content"]), self._books.now()
        self._books.outbox.comment(self._pull(found), "commentOnPullRequestUpdated", who(call), found.id)
        return {"comment": _shape(found)}

    def delete(self, call: Call) -> Answer:
        found = self._find(call.params["commentId"])
        if found.deleted:
            raise refuse("CommentDeleted", f"Comment {found.id} was deleted")
        found.deleted, found.content, found.modified = True, "", self._books.now()
        return {"comment": _shape(found)}


def _check(content: str) -> str:
    if not content:
        raise refuse("CommentContentRequired", "The comment is empty")
    if len(content) > LONGEST:
        raise refuse("CommentContentSizeLimitExceeded", f"{len(content)} characters; at most {LONGEST}")
    return content


def _shape(found: Comment) -> Answer:
    return {
        "commentId": found.id,
        "content": found.content,
        "inReplyTo": found.reply_to or None,
        "creationDate": found.created,
        "lastModifiedDate": found.modified,
        "authorArn": found.author,
        "deleted": found.deleted,
        "clientRequestToken": found.token or None,
        "callerReactions": [],
        "reactionCounts": {},
    }
