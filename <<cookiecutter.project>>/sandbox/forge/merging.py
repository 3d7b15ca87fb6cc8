"""Merge commits, squashes and rebases, with the authors and messages that GitHub gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pygit2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.forge.people import Person
    from sandbox.forge.repository import Repository

GITHUB = ("GitHub", "noreply@github.com")
METHODS = ("merge", "squash", "rebase")


class ConflictError(Exception):
    """Two histories change the same lines."""


@dataclass(frozen=True)
class Merge:
    """What is merged, by whom, and what it is called."""

    base: str
    head: str
    number: int
    title: str
    source: str  # owner/branch
    author: Person | None  # of the pull request
    merger: Person
    moment: int
    chosen_title: str | None = None
    chosen_body: str | None = None


def signature(person: Person, moment: int) -> pygit2.Signature:
    """How GitHub signs what a person does in the browser or through the API."""
    return pygit2.Signature(person.name, person.noreply, moment, 0)


def github(moment: int) -> pygit2.Signature:
    return pygit2.Signature(*GITHUB, moment, 0)


def test_merge(repository: Repository, base: str, head: str, moment: int) -> str:
    """The commit of refs/pull/N/merge; ConflictError when there is none."""
    tree = _merged_tree(repository, base, head)
    message = f"Merge {head} into {base}"
    by = github(moment)
    return str(repository.git.create_commit(None, by, by, message, tree, [pygit2.Oid(hex=base), head]))


def merge(repository: Repository, method: str, asked: Merge) -> str:
    """The commit that the base branch moves to."""
    return {"merge": _merge, "squash": _squash, "rebase": _rebase}[method](repository, asked)


def _merge(repository: Repository, asked: Merge) -> str:
    default = (f"Merge pull request #{asked.number} from {asked.source}", asked.title)
    message = _message(asked, default)
    tree = _merged_tree(repository, asked.base, asked.head)
    author, committer = signature(asked.merger, asked.moment), github(asked.moment)
    parents: list[pygit2.Oid | str] = [asked.base, asked.head]
    return str(repository.git.create_commit(None, author, committer, message, tree, parents))


def _message(asked: Merge, default: tuple[str, str]) -> str:
    """Title and body, each the caller's or GitHub's own."""
    title = asked.chosen_title or default[0]
    body = default[1] if asked.chosen_body is None else asked.chosen_body
    return f"{title}\n\n{body}".rstrip()


def _squash(repository: Repository, asked: Merge) -> str:
    commits = [commit for commit in repository.between(asked.base, asked.head) if len(commit.parents) < 2]
    tree = _merged_tree(repository, asked.base, asked.head)
    by = asked.author or asked.merger
    author = signature(by, asked.moment)
    message = _message(asked, _squash_message(commits, asked))
    message += _trailers(commits, {by.email, by.noreply})
    committer = github(asked.moment)
    return str(repository.git.create_commit(None, author, committer, message, tree, [asked.base]))


def _squash_message(commits: list[pygit2.Commit], asked: Merge) -> tuple[str, str]:
    """GitHub's default: one commit speaks for itself; several become a list under the request's title."""
    if len(commits) == 1:
        title, _, body = commits[0].message.strip().partition("\n")
        return f"{title} (#{asked.number})", body.strip()
    listed = "\n\n".join(f"* {commit.message.strip()}" for commit in commits)
    return f"{asked.title} (#{asked.number})", listed


def _trailers(commits: Iterable[pygit2.Commit], known: set[str]) -> str:
    """Whoever wrote a part of a squash and is not its author."""
    others = {commit.author.email: commit.author for commit in commits if commit.author.email not in known}
    lines = [f"Co-authored-by: {other.name} <{other.email}>" for other in others.values()]
    return "\n\n" + "\n".join(lines) if lines else ""


def _rebase(repository: Repository, asked: Merge) -> str:
    committer = signature(asked.merger, asked.moment)
    tip = asked.base
    for commit in repository.between(asked.base, asked.head):
        if len(commit.parents) == 1:
            tip = _pick(repository, commit, tip, committer)
    return tip


def _pick(repository: Repository, commit: pygit2.Commit, tip: str, committer: pygit2.Signature) -> str:
    onto = repository.commit(tip)
    index = repository.git.merge_trees(commit.parents[0].tree, onto.tree, commit.tree)
    tree = _tree(repository, index)
    return str(repository.git.create_commit(None, commit.author, committer, commit.message, tree, [onto.id]))


def _merged_tree(repository: Repository, base: str, head: str) -> pygit2.Oid:
    return _tree(repository, repository.git.merge_commits(base, head))


def _tree(repository: Repository, index: pygit2.index.Index) -> pygit2.Oid:
    if index.conflicts is not None:
        raise ConflictError
    return index.write_tree(repository.git)
