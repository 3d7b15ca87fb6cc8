"""Commits, trees and files of a diff as GitHub's API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import shapes

if TYPE_CHECKING:
    import pygit2

    from sandbox.forge.changes import Change
    from sandbox.forge.ground import Ground
    from sandbox.forge.repository import Repository

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def git_user(signature: pygit2.Signature) -> dict[str, str]:
    return {"name": signature.name, "email": signature.email, "date": shapes.stamp(signature.time)}


def commit(ground: Ground, repository: Repository, found: pygit2.Commit) -> dict[str, Any]:
    """A commit with the accounts behind its e-mail addresses."""
    api, page = _places(ground, repository)
    sha, people = str(found.id), ground.people
    accounts = {
        "author": people.by_email(found.author.email),
        "committer": people.by_email(found.committer.email),
    }
    return {
        "sha": sha,
        "node_id": shapes.node_id("C", sha),
        "url": f"{api}/commits/{sha}",
        "html_url": f"{page}/commit/{sha}",
        "comments_url": f"{api}/commits/{sha}/comments",
        "commit": {
            "url": f"{api}/git/commits/{sha}",
            "author": git_user(found.author),
            "committer": git_user(found.committer),
            "message": found.message.rstrip("\n"),
            "tree": {"sha": str(found.tree_id), "url": f"{api}/git/trees/{found.tree_id}"},
            "comment_count": 0,
            "verification": UNSIGNED,
        },
        **{role: shapes.user(ground, person) if person else None for role, person in accounts.items()},
        "parents": [_parent(api, page, str(parent), "commits") for parent in found.parent_ids],
    }


def git_commit(ground: Ground, repository: Repository, found: pygit2.Commit) -> dict[str, Any]:
    """A commit as the git data API has it."""
    api, page = _places(ground, repository)
    sha = str(found.id)
    return {
        "sha": sha,
        "node_id": shapes.node_id("C", sha),
        "url": f"{api}/git/commits/{sha}",
        "html_url": f"{page}/commit/{sha}",
        "author": git_user(found.author),
        "committer": git_user(found.committer),
        "message": found.message.rstrip("\n"),
        "tree": {"sha": str(found.tree_id), "url": f"{api}/git/trees/{found.tree_id}"},
        "parents": [_parent(api, page, str(parent), "git/commits") for parent in found.parent_ids],
        "verification": UNSIGNED,
    }


def changed_file(ground: Ground, repository: Repository, change: Change, sha: str) -> dict[str, Any]:
    """One file of a commit, comparison or pull request."""
    api, page = _places(ground, repository)
    shape = {
        "sha": change.blob,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{page}/blob/{sha}/{change.path}",
        "raw_url": f"{page}/raw/{sha}/{change.path}",
        "contents_url": f"{api}/contents/{change.path}?ref={sha}",
    }
    if change.patch is not None:
        shape["patch"] = change.patch
    if change.previous:
        shape["previous_filename"] = change.previous
    return shape


def _parent(api: str, page: str, sha: str, kind: str) -> dict[str, str]:
    return {"sha": sha, "url": f"{api}/{kind}/{sha}", "html_url": f"{page}/commit/{sha}"}


def _places(ground: Ground, repository: Repository) -> tuple[str, str]:
    name = repository.full_name
    return f"{ground.url}/api/v3/repos/{name}", f"{ground.url}/{name}"
