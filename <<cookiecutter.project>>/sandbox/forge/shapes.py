"""Accounts and repositories as GitHub's API shows them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.forge.people import Person
from sandbox.forge.repository import DEFAULT_BRANCH

if TYPE_CHECKING:
    from sandbox.forge.ground import Ground
    from sandbox.forge.repository import Repository

BORN = "2026-01-05T09:00:00Z"

USER_URLS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}

REPOSITORY_URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}

# what this repository has not, or has the same in every sandbox
REPOSITORY_CONSTANTS = {
    "private": True,
    "visibility": "private",
    "description": None,
    "homepage": None,
    "language": None,
    "license": None,
    "mirror_url": None,
    "archived": False,
    "disabled": False,
    "is_template": False,
    "has_issues": True,
    "has_projects": False,
    "has_wiki": False,
    "has_pages": False,
    "has_downloads": False,
    "has_discussions": False,
    "forks": 0,
    "forks_count": 0,
    "stargazers_count": 0,
    "watchers": 0,
    "watchers_count": 0,
    "size": 0,
    "topics": [],
    "allow_forking": True,
    "web_commit_signoff_required": False,
}

# settings of a new repository on GitHub
MERGE_SETTINGS = {
    "allow_merge_commit": True,
    "allow_squash_merge": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "allow_update_branch": False,
    "delete_branch_on_merge": False,
    "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
    "squash_merge_commit_message": "COMMIT_MESSAGES",
    "merge_commit_title": "MERGE_MESSAGE",
    "merge_commit_message": "PR_TITLE",
    "use_squash_pr_title_as_default": False,
}


def node_id(kind: str, number: int | str) -> str:
    """GraphQL's name of a thing, opaque as GitHub's."""
    return f"{kind}_{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"


def stamp(moment: float | datetime) -> str:
    """A moment as GitHub writes it."""
    when = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(ground: Ground, person: Person) -> dict[str, Any]:
    """An account, in short."""
    name = person.login.replace("[", "%5B").replace("]", "%5D")
    api = f"{ground.url}/api/v3/users/{name}"
    page = f"apps/{person.login.removesuffix('[bot]')}" if person.kind == "Bot" else name
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node_id("U", person.id),
        "avatar_url": f"{ground.url}/avatars/u/{person.id}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{ground.url}/{page}",
        "type": person.kind,
        "user_view_type": "public",
        "site_admin": False,
        **{key: api + suffix for key, suffix in USER_URLS.items()},
    }


def by_login(ground: Ground, login: str) -> dict[str, Any] | None:
    found = ground.people.find(login)
    return user(ground, found) if found else None


def profile(ground: Ground, person: Person) -> dict[str, Any]:
    """An account with what its page shows."""
    empty = dict.fromkeys(("company", "location", "hireable", "bio", "twitter_username"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    return {
        **user(ground, person),
        "name": person.name,
        "email": person.email,
        "blog": "",
        **empty,
        **counts,
        "created_at": BORN,
        "updated_at": BORN,
    }


def owner(ground: Ground, repository: Repository) -> dict[str, Any]:
    """Who the repository belongs to: a person, or the organisation that everyone here works for."""
    found = ground.people.find(repository.owner)
    if found:
        return user(ground, found)
    return user(
        ground, Person(repository.owner, repository.owner_id, "none", repository.owner, "Organization")
    )


def repository_urls(ground: Ground, repository: Repository) -> dict[str, Any]:
    """The members that every form of a repository has."""
    api = f"{ground.url}/api/v3/repos/{repository.full_name}"
    return {
        "id": repository.id,
        "node_id": node_id("R", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "owner": owner(ground, repository),
        "html_url": f"{ground.url}/{repository.full_name}",
        "url": api,
        "fork": repository.parent is not None,
        **REPOSITORY_CONSTANTS,
        **{key: api + suffix for key, suffix in REPOSITORY_URLS.items()},
    }


def repository(ground: Ground, found: Repository, opened: int = 0) -> dict[str, Any]:
    """A repository as pull requests and events hold it."""
    page = f"{ground.url}/{found.full_name}"
    return {
        **repository_urls(ground, found),
        "clone_url": f"{page}.git",
        "git_url": f"{page}.git",
        "ssh_url": f"{page}.git",
        "svn_url": page,
        "default_branch": DEFAULT_BRANCH,
        "open_issues": opened,
        "open_issues_count": opened,
        "pushed_at": BORN,
        "created_at": BORN,
        "updated_at": BORN,
    }


def full_repository(ground: Ground, found: Repository, opened: int, person: Person) -> dict[str, Any]:
    """A repository as GET /repos/{owner}/{repo} shows it to someone."""
    levels = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    return {
        **repository(ground, found, opened),
        **MERGE_SETTINGS,
        "network_count": 0,
        "subscribers_count": 0,
        "permissions": {name: person.may(level) for name, level in levels.items()},
    }
