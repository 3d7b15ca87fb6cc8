"""Turns what somebody did into the events that may start workflows, as GitHub decides which do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import conversations, judge, revisions, shapes
from sandbox.forge.events import ZERO, Event
from sandbox.forge.records import Pull

if TYPE_CHECKING:
    import pygit2

    from sandbox.forge.board import Board
    from sandbox.forge.records import Issue, Review
    from sandbox.forge.tokens import Token

# what a workflow's own token did starts nothing, but for these, whose runs wait for a writer
HELD_ACTIONS = ("opened", "synchronize", "reopened")
LISTED_COMMITS = 20


def sent(board: Board, token: Token, **members: Any) -> dict[str, Any]:
    """The members that every payload has."""
    repository = shapes.repository(board.ground, board.repository, board.opened())
    return {"repository": repository, "sender": shapes.user(board.ground, token.owner), **members}


def pull(board: Board, token: Token, action: str, issue: Issue, found: Pull, **members: Any) -> None:
    """An activity of a pull request; in conflict with its base it starts nothing, unless it is closed."""
    by_job = token.permissions is not None
    found = judge.test(board, found)
    if (by_job and action not in HELD_ACTIONS) or (found.test_sha is None and action != "closed"):
        return
    payload = _pull_payload(board, token, action, issue, found, **members)
    board.outbox.emit(_pull_event(board, token, "pull_request", action, issue, found, payload))


def review(board: Board, token: Token, action: str, issue: Issue, found: Pull, verdict: Review) -> None:
    """A review that was submitted or dismissed."""
    found = judge.test(board, found)
    if token.permissions is not None or found.test_sha is None:
        return
    shape = conversations.review(board, verdict)
    shape["state"] = shape["state"].lower()
    payload = _pull_payload(board, token, action, issue, found, review=shape)
    board.outbox.emit(_pull_event(board, token, "pull_request_review", action, issue, found, payload))


def _pull_payload(
    board: Board, token: Token, action: str, issue: Issue, found: Pull, **members: Any
) -> dict[str, Any]:
    shape = conversations.full_pull(board, issue, found)
    return sent(board, token, action=action, number=issue.number, pull_request=shape, **members)


def _pull_event(
    board: Board, token: Token, name: str, action: str, issue: Issue, found: Pull, payload: dict[str, Any]
) -> Event:
    is_fork = found.head_repository != board.repository.full_name
    by_job = token.permissions is not None
    return Event(
        name,
        f"refs/pull/{found.number}/merge",
        found.test_sha or found.merge_sha or found.base_sha,
        found.head_sha,
        token.owner.login,
        token.owner.id,
        action,
        found.head_ref,
        found.base_ref,
        payload,
        is_fork=is_fork,
        held=by_job or (is_fork and not _has_contributed(board, issue.author)),
    )


def _has_contributed(board: Board, login: str) -> bool:
    """Whether a merged pull request is from somebody; until one is, their fork's runs wait."""
    person = board.ground.people.find(login)
    merged = (board.issue(found.number) for found in board.records.all(Pull) if found.merged_at)
    return bool(person and person.may("write")) or any(issue.author == login for issue in merged)


def push(board: Board, token: Token, ref: str, old: str, new: str) -> None:
    """A branch or tag that moved or appeared; one that is gone starts nothing, nor does a job's push."""
    if new == ZERO or token.permissions is not None:
        return
    sha = board.repository.resolve(ref) or new
    payload = sent(board, token, **_push_payload(board, token, ref, old, new, sha))
    person = token.owner
    board.outbox.emit(Event("push", ref, sha, sha, person.login, person.id, payload=payload))


def _push_payload(board: Board, token: Token, ref: str, old: str, new: str, sha: str) -> dict[str, Any]:
    repository, page = board.repository, conversations.page(board)
    known = old != ZERO
    commits = repository.between(old, sha)[-LISTED_COMMITS:] if known else [repository.commit(sha)]
    return {
        "ref": ref,
        "before": old,
        "after": new,
        "created": not known,
        "deleted": False,
        "forced": known and not repository.contains(old, sha),
        "base_ref": None,
        "compare": f"{page}/compare/{old[:12]}...{new[:12]}",
        "commits": [_pushed(board, commit) for commit in commits],
        "head_commit": _pushed(board, repository.commit(sha)),
        "pusher": {"name": token.owner.login, "email": token.owner.email},
    }


def _pushed(board: Board, commit: pygit2.Commit) -> dict[str, Any]:
    parent = str(commit.parent_ids[0]) if commit.parent_ids else None
    files = board.diff(parent, str(commit.id))
    kinds = {"added": ("added",), "removed": ("removed",), "modified": ("modified", "renamed", "changed")}
    return {
        "id": str(commit.id),
        "tree_id": str(commit.tree_id),
        "distinct": True,
        "message": commit.message.rstrip("\n"),
        "timestamp": shapes.stamp(commit.committer.time),
        "url": f"{conversations.page(board)}/commit/{commit.id}",
        "author": _named(board, commit.author),
        "committer": _named(board, commit.committer),
        **{kind: [file.path for file in files if file.status in names] for kind, names in kinds.items()},
    }


def _named(board: Board, signature: pygit2.Signature) -> dict[str, Any]:
    person = board.ground.people.by_email(signature.email)
    named = revisions.git_user(signature)
    return {**named, "username": person.login} if person else named
