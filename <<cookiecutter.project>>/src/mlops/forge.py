"""The forge as the verbs see it: pull requests, reviews, people. What a team reviews on stands behind it.

One protocol, so that a verb knows no forge by name; `open_forge` finds the one that project.yml names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlops.project import Project

MAIN = "main"
CHECK_WORKFLOW = "check.yml"


class ForgeError(MlopsError):
    """The forge refused, or could not be reached; a second run carries on."""


@dataclass(frozen=True)
class Person:
    """An account of the forge; `id` outlives a change of `login`.

    Where people are identities of AWS, `id` is the name that a person has in every role, and `arn` the
    identity that acted.
    """

    id: int | str
    login: str = field(compare=False)
    is_bot: bool = False
    arn: str = field(default="", compare=False)

    @property
    def place(self) -> str:
        """Where a person stands in a list: numbers by size, names by letter."""
        return str(self.id).rjust(20)

    def __str__(self) -> str:
        """The login, as people write it."""
        return self.login if self.arn else f"@{self.login}"


@dataclass(frozen=True)
class PullRequest:
    """A pull request. `head` is the commit that reviewers see; `merge_commit` is empty until merged.

    `overridden_by`: who set the forge's own rules aside for it. `takes_reviews`: whether it may still be
    approved; GitHub takes reviews of what is merged, too.
    """

    number: int
    url: str
    title: str
    body: str
    branch: str
    head: str
    base: str
    author: Person
    is_open: bool = True
    merge_commit: str = ""
    merged_by: Person | None = None
    overridden_by: Person | None = None
    takes_reviews: bool = True
    opened_at: datetime = field(kw_only=True)


@dataclass(frozen=True)
class Review:
    """One review: who, of which commit, APPROVED or CHANGES_REQUESTED or DISMISSED; later ones win."""

    id: int | str
    person: Person
    commit: str
    state: str
    submitted_at: str


@dataclass(frozen=True)
class Authorship:
    """Who wrote a commit; `unknown` holds e-mail addresses that the forge knows nobody for."""

    commit: str
    people: tuple[Person, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Issue:
    """Something that a forge keeps until people close it."""

    number: int
    url: str
    title: str
    body: str
    is_open: bool = True


class Issues(Protocol):
    """The issues of a forge that has any."""

    def list_issues(self, label: str) -> list[Issue]:
        """The issues with a label, open and closed, oldest first."""

    def open_issue(self, title: str, body: str, label: str) -> Issue:
        """Open an issue with a label, which comes into being with the first one."""

    def update_issue(self, number: int, title: str, body: str) -> None:
        """Write title and body anew."""

    def close_issue(self, number: int, why: str) -> None:
        """Close an issue, with a comment that says why."""

    def reopen_issue(self, number: int, why: str) -> None:
        """Open a closed issue again, with a comment that says why."""


class Forge(Protocol):
    """What the verbs ask of a forge. Paths are those of the repository."""

    def issues(self) -> Issues | None:
        """Where things are kept until people close them; None where the forge has no issues."""

    def find_pull(self, branch: str) -> PullRequest | None:
        """The open pull request from a branch of the repository itself into main."""

    def list_open(self) -> list[PullRequest]:
        """The open pull requests from branches of the repository itself into main."""

    def last_closed(self, branch: str) -> PullRequest | None:
        """The pull request of a branch that was closed last, merged or not."""

    def merged_pull(self, commit: str) -> PullRequest | None:
        """The merged pull request that brought a commit into main; None for a direct push."""

    def list_reviews(self, number: int) -> list[Review]:
        """The reviews of a pull request, oldest first."""

    def list_paths(self, number: int) -> list[str]:
        """The paths that a pull request changes, both names of a rename."""

    def list_authors(self, number: int) -> list[Authorship]:
        """Who wrote each commit of a pull request."""

    def read_authors(self, commit: str) -> Authorship:
        """Who wrote and co-wrote a commit."""

    def can_write(self, person: Person) -> bool:
        """Whether a person may push: the reviews of others do not count."""

    def list_rules(self, branch: str) -> list[Mapping[str, Any]]:
        """The rules in force on a branch."""

    def read_file(self, path: str, ref: str) -> bytes | None:
        """A file at a branch or commit; None where there is none."""

    def find_branch(self, branch: str) -> str | None:
        """The commit that a branch points at; None where there is no such branch."""

    def find_fork(self, commit: str) -> str:
        """The commit of main that a branch's head grew from last."""

    def push_file(self, branch: str, path: str, text: str, message: str) -> str:
        """Put main with one file changed on a branch, as one commit on top of what it holds; the commit."""

    def delete_branch(self, branch: str) -> None:
        """Delete a branch, if it is there."""

    def open_pull(self, branch: str, title: str, body: str) -> PullRequest:
        """Open a pull request from a branch into main."""

    def update_pull(self, number: int, title: str, body: str) -> None:
        """Write title and body anew."""

    def close_pull(self, number: int) -> None:
        """Close a pull request without merging it."""

    def list_comments(self, number: int) -> Sequence[str]:
        """The comments of a pull request, oldest first."""

    def comment(self, number: int, text: str) -> None:
        """Say something on a pull request."""

    def has_checks(self, commit: str) -> bool:
        """Whether any check ran, or runs, on a commit."""

    def start_checks(self, branch: str) -> None:
        """Run the checks on a branch: what a bot pushed starts none by itself."""


def open_forge(project: Project) -> Forge:
    """The forge of the project, as whoever the environment's token or AWS credentials are."""
    if project.forge == "github":
        from mlops.github_forge import connect

        return connect(project.repository, by_workflow=project.ci == "github-actions")
    from mlops.codecommit_forge import connect as connect_codecommit

    return connect_codecommit(project)
