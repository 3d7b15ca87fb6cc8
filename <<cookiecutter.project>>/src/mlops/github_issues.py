"""GitHub's issues, of which an audit may open hundreds: paced, so that no limit on writing is met.

https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from github import UnknownObjectException

from mlops.forge import ForgeError, Issue
from mlops.github_refusals import asking

if TYPE_CHECKING:
    from collections.abc import Callable

    from github.Issue import Issue as GithubIssue
    from github.Repository import Repository

BURST = 60  # writes at once; GitHub takes 80 a minute
SECONDS = 1.0  # between the later ones


@dataclass
class Pace:
    """Lets the first writes through, then one a second."""

    burst: int = BURST
    seconds: float = SECONDS
    sleep: Callable[[float], None] = time.sleep
    written: int = 0

    def wait(self) -> None:
        """Before each write."""
        self.written += 1
        if self.written > self.burst:
            self.sleep(self.seconds)


@dataclass
class GithubIssues:
    """The issues of one repository; see `mlops.forge.Issues`."""

    repository: Repository
    pace: Pace = field(default_factory=Pace)
    _known: dict[int, GithubIssue] = field(default_factory=dict)
    _labels: set[str] = field(default_factory=set)

    @asking
    def list_issues(self, label: str) -> list[Issue]:
        """GitHub lists pull requests among the issues; they are left out."""
        found = self.repository.get_issues(state="all", labels=[label], sort="created", direction="asc")
        issues = [issue for issue in found if issue.pull_request is None]
        self._known.update({issue.number: issue for issue in issues})
        return [read_issue(issue) for issue in issues]

    @asking
    def open_issue(self, title: str, body: str, label: str) -> Issue:
        """Raises where GitHub left the label out, which it does in silence: nobody would find the issue."""
        self._ensure_label(label)
        self.pace.wait()
        made = self.repository.create_issue(title=title, body=body, labels=[label])
        self._known[made.number] = made
        if label not in {found.name for found in made.labels}:
            raise ForgeError(
                f"the forge opened #{made.number} without the label {label!r}: the token may not set labels. "
                f"Set it by hand, then give the token `issues: write`"
            )
        return read_issue(made)

    def _ensure_label(self, label: str) -> None:
        """Make a label, once."""
        if label in self._labels:
            return
        try:
            self.repository.get_label(label)
        except UnknownObjectException:
            self.pace.wait()
            self.repository.create_label(label, "b60205")
        self._labels.add(label)

    @asking
    def update_issue(self, number: int, title: str, body: str) -> None:
        """Write title and body anew."""
        self.pace.wait()
        self._find(number).edit(title=title, body=body)

    @asking
    def close_issue(self, number: int, why: str) -> None:
        """The comment first: a run that is cut off between the two closes it the next time."""
        self._comment(number, why)
        self.pace.wait()
        self._find(number).edit(state="closed")

    @asking
    def reopen_issue(self, number: int, why: str) -> None:
        """The comment first, as when it is closed."""
        self._comment(number, why)
        self.pace.wait()
        self._find(number).edit(state="open")

    def _comment(self, number: int, text: str) -> None:
        """Say something, unless it was the last thing said: a run before may have been cut off there."""
        issue = self._find(number)
        comments = list(issue.get_comments())
        if comments and comments[-1].body == text:
            return
        self.pace.wait()
        issue.create_comment(text)

    def _find(self, number: int) -> GithubIssue:
        if number not in self._known:
            self._known[number] = self.repository.get_issue(number)
        return self._known[number]


def read_issue(issue: GithubIssue) -> Issue:
    """An issue as the verbs know it."""
    return Issue(issue.number, issue.html_url, issue.title, issue.body or "", issue.state == "open")
