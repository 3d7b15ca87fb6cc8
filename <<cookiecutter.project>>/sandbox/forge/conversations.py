"""Issues, pull requests, reviews and comments as GitHub's API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import judge, shapes
from sandbox.forge.records import Comment, Review

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.records import Issue, Pull

NO_REACTIONS = dict.fromkeys(
    ("total_count", "+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"), 0
)


def api(board: Board) -> str:
    return f"{board.ground.url}/api/v3/repos/{board.repository.full_name}"


def page(board: Board) -> str:
    return f"{board.ground.url}/{board.repository.full_name}"


def association(board: Board, login: str) -> str:
    """How an author stands to the repository."""
    person = board.ground.people.find(login)
    if login == board.repository.owner:
        return "OWNER"
    if person is None or person.kind == "Bot":
        return "NONE"
    return "MEMBER" if person.may("write") else "COLLABORATOR"


def label(board: Board, name: str) -> dict[str, Any]:
    """A label; one that nobody described is grey."""
    kept = board.store.get("label", name.lower()) or {"id": 0, "name": name}
    return {
        "id": kept["id"],
        "node_id": shapes.node_id("LA", kept["id"]),
        "url": f"{api(board)}/labels/{name}",
        "name": kept["name"],
        "description": kept.get("description"),
        "color": kept.get("color", "ededed"),
        "default": False,
    }


def issue(board: Board, found: Issue) -> dict[str, Any]:
    """An issue; a pull request is one, with a member that says so."""
    here, at = f"{api(board)}/issues/{found.number}", f"{page(board)}/issues/{found.number}"
    ground = board.ground
    shape = {
        **_shared(board, found),
        "url": here,
        "repository_url": api(board),
        "labels_url": f"{here}/labels{{/name}}",
        "comments_url": f"{here}/comments",
        "events_url": f"{here}/events",
        "timeline_url": f"{here}/timeline",
        "html_url": at,
        "id": found.id,
        "node_id": shapes.node_id("I", found.id),
        "comments": count_comments(board, found.number),
        "state_reason": found.state_reason,
        "closed_by": shapes.by_login(ground, found.closed_by) if found.closed_by else None,
        "performed_via_github_app": None,
        "reactions": {"url": f"{here}/reactions", **NO_REACTIONS},
    }
    if found.is_pull:
        shape["pull_request"] = _pull_links(board, found.number)
        shape["html_url"] = f"{page(board)}/pull/{found.number}"
    return shape


def _pull_links(board: Board, number: int) -> dict[str, str]:
    at = f"{page(board)}/pull/{number}"
    return {
        "url": f"{api(board)}/pulls/{number}",
        "html_url": at,
        "diff_url": f"{at}.diff",
        "patch_url": f"{at}.patch",
    }


def _shared(board: Board, found: Issue) -> dict[str, Any]:
    ground = board.ground
    people = [shapes.by_login(ground, login) for login in found.assignees]
    return {
        "number": found.number,
        "state": found.state,
        "locked": False,
        "active_lock_reason": None,
        "title": found.title,
        "body": found.body,
        "user": shapes.by_login(ground, found.author),
        "labels": [label(board, name) for name in found.labels],
        "milestone": None,
        "assignee": people[0] if people else None,
        "assignees": people,
        "author_association": association(board, found.author),
        "created_at": shapes.stamp(found.created_at),
        "updated_at": shapes.stamp(found.updated_at),
        "closed_at": shapes.stamp(found.closed_at) if found.closed_at else None,
    }


def count_comments(board: Board, number: int) -> int:
    return sum(comment.issue == number for comment in board.records.all(Comment))


def pull(board: Board, conversation: Issue, found: Pull) -> dict[str, Any]:
    """A pull request as lists hold it."""
    here = f"{api(board)}/pulls/{found.number}"
    links = {
        "self": here,
        "html": f"{page(board)}/pull/{found.number}",
        "issue": f"{api(board)}/issues/{found.number}",
        "comments": f"{api(board)}/issues/{found.number}/comments",
        "review_comments": f"{here}/comments",
        "review_comment": f"{api(board)}/pulls/comments{{/number}}",
        "commits": f"{here}/commits",
        "statuses": f"{api(board)}/statuses/{found.head_sha}",
    }
    named = {f"{name}_url": url for name, url in links.items() if name not in ("self", "html")}
    return {
        **_shared(board, conversation),
        **_pull_links(board, found.number),
        **named,
        "_links": {name: {"href": url} for name, url in links.items()},
        "id": conversation.id,
        "node_id": shapes.node_id("PR", conversation.id),
        "merged_at": shapes.stamp(found.merged_at) if found.merged_at else None,
        "merge_commit_sha": found.merge_sha or found.test_sha,
        "draft": found.draft,
        "auto_merge": None,
        "requested_reviewers": [shapes.by_login(board.ground, login) for login in found.reviewers],
        "requested_teams": [],
        "head": _end(board, found.head_repository, found.head_ref, found.head_sha),
        "base": _end(board, board.repository.full_name, found.base_ref, found.base_sha),
    }


def full_pull(board: Board, conversation: Issue, found: Pull) -> dict[str, Any]:
    """A pull request as its own URL shows it."""
    mergeable, state = judge.state(board, conversation, found)
    proposed = board.proposed(found)
    base = found.base_sha if found.merged_at else board.repository.branch(found.base_ref) or found.base_sha
    return {
        **pull(board, conversation, found),
        "merged": found.merged_at is not None,
        "merged_by": shapes.by_login(board.ground, found.merged_by) if found.merged_by else None,
        "mergeable": mergeable,
        "mergeable_state": state,
        "rebaseable": mergeable,
        "comments": count_comments(board, found.number),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(board.repository.between(base, found.head_sha)),
        "additions": sum(change.additions for change in proposed),
        "deletions": sum(change.deletions for change in proposed),
        "changed_files": len(proposed),
    }


def _end(board: Board, full_name: str, ref: str, sha: str) -> dict[str, Any]:
    found = board.repository_named(full_name) or board.repository
    return {
        "label": f"{found.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": shapes.owner(board.ground, found),
        "repo": shapes.repository(board.ground, found),
    }


def review(board: Board, found: Review) -> dict[str, Any]:
    at = f"{page(board)}/pull/{found.pull}#pullrequestreview-{found.id}"
    here = f"{api(board)}/pulls/{found.pull}"
    return {
        "id": found.id,
        "node_id": shapes.node_id("PRR", found.id),
        "user": shapes.by_login(board.ground, found.author),
        "body": found.body,
        "state": found.state,
        "html_url": at,
        "pull_request_url": here,
        "author_association": association(board, found.author),
        "_links": {"html": {"href": at}, "pull_request": {"href": here}},
        "submitted_at": shapes.stamp(found.submitted_at),
        "commit_id": found.commit,
    }


def comment(board: Board, found: Comment) -> dict[str, Any]:
    here = f"{api(board)}/issues/comments/{found.id}"
    return {
        "id": found.id,
        "node_id": shapes.node_id("IC", found.id),
        "url": here,
        "html_url": f"{page(board)}/issues/{found.issue}#issuecomment-{found.id}",
        "issue_url": f"{api(board)}/issues/{found.issue}",
        "user": shapes.by_login(board.ground, found.author),
        "body": found.body,
        "author_association": association(board, found.author),
        "created_at": shapes.stamp(found.created_at),
        "updated_at": shapes.stamp(found.updated_at),
        "performed_via_github_app": None,
        "reactions": {"url": f"{here}/reactions", **NO_REACTIONS},
    }
