"""A forge on paper: what a test writes down is what the verbs read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops import git
from mlops.forge import Authorship, Person, PullRequest, Review

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ADA, BEN, CLEO, EVE = (Person(number, name) for number, name in enumerate(("ada", "ben", "cleo", "eve"), 1))
BOT = Person(99, "github-actions[bot]", is_bot=True)


@dataclass
class Paper:
    """Pull requests and branches of a repository whose main is the folder's HEAD."""

    root: Path
    me: Person = BOT
    pulls: list[PullRequest] = field(default_factory=list)
    merged: dict[str, int] = field(default_factory=dict)
    reviews: dict[int, list[Review]] = field(default_factory=dict)
    paths: dict[int, list[str]] = field(default_factory=dict)
    wrote: dict[str, Authorship] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    forks: dict[str, str] = field(default_factory=dict)
    comments: dict[int, list[str]] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)
    pushed: int = 0
    now: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def merge(self, path: str, commit: str, by: Person = ADA, author: Person = BOT) -> PullRequest:
        """A pull request that moved one path and was merged as a commit of main."""
        number, head = len(self.pulls) + 1, f"{len(self.pulls) + 1:040x}"
        url = f"https://github.com/acme/models/pull/{number}"
        pull = PullRequest(
            number, url, "", "", "b", head, "main", author, False, commit, by, opened_at=self.now
        )
        self.pulls.append(pull)
        self.merged[commit] = number
        self.paths[number] = [path]
        self.files[head] = {path: git.read_files(self.root, commit, [path])[path] or b""}
        return pull

    def review(self, pull: PullRequest, person: Person, state: str = "APPROVED", head: str = "") -> None:
        """What somebody said of a pull request."""
        said = self.reviews.setdefault(pull.number, [])
        said.append(Review(len(said) + 1, person, head or pull.head, state, "2026-11-20T12:00:00Z"))

    def issues(self) -> None:
        """Paper keeps none."""

    def find_pull(self, branch: str) -> PullRequest | None:
        return next((pull for pull in self.list_open() if pull.branch == branch), None)

    def list_open(self) -> list[PullRequest]:
        return [pull for pull in self.pulls if pull.is_open]

    def last_closed(self, branch: str) -> PullRequest | None:
        return next((pull for pull in self.pulls[::-1] if pull.branch == branch and not pull.is_open), None)

    def merged_pull(self, commit: str) -> PullRequest | None:
        return self.pulls[self.merged[commit] - 1] if commit in self.merged else None

    def list_reviews(self, number: int) -> list[Review]:
        return self.reviews.get(number, [])

    def list_paths(self, number: int) -> list[str]:
        return self.paths[number]

    def list_authors(self, number: int) -> list[Authorship]:
        pull = self.pulls[number - 1]
        return [self.wrote.get(pull.head, Authorship(pull.head, (pull.author,)))]

    def read_authors(self, commit: str) -> Authorship:
        return self.wrote.get(commit, Authorship(commit, (ADA,)))

    def can_write(self, person: Person) -> bool:
        return person != EVE

    def list_rules(self, branch: str) -> list[Mapping[str, Any]]:
        return [{"type": "pull_request", "branch": branch}]

    def read_file(self, path: str, ref: str) -> bytes | None:
        if ref in self.files:
            return self.files[ref].get(path)
        return git.read_files(self.root, "HEAD" if ref == "main" else ref, [path])[path]

    def find_fork(self, commit: str) -> str:
        return self.forks.get(commit, "HEAD")

    def find_branch(self, branch: str) -> str | None:
        return branch if branch in self.files else None

    def push_file(self, branch: str, path: str, text: str, message: str) -> str:
        self.pushed += 1
        head = f"{self.pushed:040x}"
        self.files[branch] = self.files[head] = {path: text.encode()}
        self.forks[head] = git.head_commit(self.root)
        self.pulls = [
            replace(pull, head=head) if pull.branch == branch and pull.is_open else pull
            for pull in self.pulls
        ]
        return head

    def delete_branch(self, branch: str) -> None:
        self.files.pop(branch, None)

    def open_pull(self, branch: str, title: str, body: str) -> PullRequest:
        number = len(self.pulls) + 1
        url, head = f"https://github.com/acme/models/pull/{number}", f"{self.pushed:040x}"
        pull = PullRequest(number, url, title, body, branch, head, "main", self.me, opened_at=self.now)
        self.pulls.append(pull)
        return pull

    def update_pull(self, number: int, title: str, body: str) -> None:
        self.pulls[number - 1] = replace(self.pulls[number - 1], title=title, body=body)

    def close_pull(self, number: int) -> None:
        self.pulls[number - 1] = replace(self.pulls[number - 1], is_open=False)

    def list_comments(self, number: int) -> list[str]:
        return self.comments.get(number, [])

    def comment(self, number: int, text: str) -> None:
        self.comments.setdefault(number, []).append(text)

    def has_checks(self, commit: str) -> bool:
        return commit in self.checked

    def start_checks(self, branch: str) -> None:
        self.checked += [pull.head for pull in self.pulls if pull.branch == branch]
