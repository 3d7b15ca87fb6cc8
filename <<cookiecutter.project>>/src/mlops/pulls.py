"""Keep one pull request for a pin: open, up to date, and never changed under a reviewer's feet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.body import read_marker
from mlops.forge import MAIN

if TYPE_CHECKING:
    from mlops.forge import Forge, Person, PullRequest
    from mlops.project import Environment


NEWER = (
    "{title} is possible too. This pull request {why}, so it stays as it is: merge it and the newer one is "
    "proposed after it, or close it and the newer one is proposed instead."
)
OVERTAKEN = (
    "main pins another release since this pull request left it, so that it does not merge; and as it {why}, "
    "it stays as it is. Close it, and {title} is proposed anew."
)


@dataclass(frozen=True)
class Change:
    """A pin's new content, and how it is proposed. `path` is the file's in the repository."""

    environment: Environment
    model: str
    branch: str
    path: str
    text: str
    title: str
    body: str


def branch_name(kind: str, environment: Environment, model: str) -> str:
    """The branch of a proposal: a rollback does not wait for a promotion that is under review."""
    return f"mlops/{environment}/{model}" if kind == "promote" else f"mlops/{kind}/{environment}/{model}"


def publish(forge: Forge, change: Change, asked: bool) -> str:
    """Open the pull request of a change, or bring the open one up to date; what was done, in words.

    `asked`: a person named the model, so that what was declined before is opened again.
    """
    pull = forge.find_pull(change.branch)
    if pull is None:
        return open_new(forge, change, asked)
    is_same = forge.read_file(change.path, pull.head) == change.text.encode()
    overtaken = is_overtaken(forge, change, pull)
    if is_same and not overtaken:
        return refresh(forge, change, pull)
    why = why_leave(forge, pull, asked)
    if why:
        return leave(forge, change, pull, why, overtaken)
    forge.push_file(change.branch, change.path, change.text, change.title)
    forge.update_pull(pull.number, change.title, change.body)
    start_checks(forge, pull)
    if is_same:
        return f"#{pull.number} was brought up to main, which pins another release since: {pull.url}"
    return f"#{pull.number} now proposes this instead: {pull.url}"


def is_overtaken(forge: Forge, change: Change, pull: PullRequest) -> bool:
    """Whether main has moved the pin since the branch left it: a merge would conflict, or mix two pins."""
    return forge.read_file(change.path, MAIN) != forge.read_file(change.path, forge.find_fork(pull.head))


def open_new(forge: Forge, change: Change, asked: bool) -> str:
    """Open the pull request. A branch without one is left from a run that was killed, or from a merge."""
    closed = forge.last_closed(change.branch)
    declined = closed and not closed.merge_commit and read_marker(closed.body) == read_marker(change.body)
    if closed and declined and not asked:
        return f"was declined in #{closed.number}; open it again by name: mlops propose {change.model}"
    forge.delete_branch(change.branch)
    forge.push_file(change.branch, change.path, change.text, change.title)
    pull = forge.open_pull(change.branch, change.title, change.body)
    start_checks(forge, pull)
    return f"opened #{pull.number}: {pull.url}"


def refresh(forge: Forge, change: Change, pull: PullRequest) -> str:
    """Bring the text of a pull request up to date, and start the checks that a killed run did not."""
    if not forge.has_checks(pull.head):
        start_checks(forge, pull)
    if (pull.title, pull.body.strip()) == (change.title, change.body.strip()):
        again = ", ".join(map(str, outdated(forge, pull)))
        if again:
            return f"#{pull.number} changed since {again} approved it, which counts no longer: {pull.url}"
        return f"#{pull.number} is open: {pull.url}"
    forge.update_pull(pull.number, change.title, change.body)
    return f"#{pull.number} was brought up to date: {pull.url}"


def why_leave(forge: Forge, pull: PullRequest, asked: bool) -> str:
    """What people did that must not be undone under their hands; empty where they did nothing."""
    if is_approved(forge, pull):
        return "is approved"
    if asked:
        return ""
    wrote = [person for authorship in forge.list_authors(pull.number) for person in authorship.people]
    people = [person for person in wrote if person != pull.author and not person.is_bot]
    return f"was changed by {people[0]}" if people else ""


def leave(forge: Forge, change: Change, pull: PullRequest, why: str, overtaken: bool) -> str:
    """Say once that there is something newer, and leave what people have worked on as it is."""
    note = (OVERTAKEN if overtaken else NEWER).format(title=change.title, why=why)
    if note not in forge.list_comments(pull.number):
        forge.comment(pull.number, note)
    if overtaken:
        return (
            f"#{pull.number} {why}, but main pins another release since, so it does not merge. Close it; "
            f"then mlops propose {change.model}: {pull.url}"
        )
    return f"#{pull.number} {why} and stays as it is: {pull.url}"


def is_approved(forge: Forge, pull: PullRequest) -> bool:
    """Whether somebody has approved what the branch holds."""
    reviews = forge.list_reviews(pull.number)
    return any(review.state == "APPROVED" and review.commit == pull.head for review in reviews)


def outdated(forge: Forge, pull: PullRequest) -> list[Person]:
    """Who approved what the branch held before, and has said nothing since."""
    last = {review.person: review for review in forge.list_reviews(pull.number)}
    return [
        person for person, review in last.items() if review.state == "APPROVED" and review.commit != pull.head
    ]


def start_checks(forge: Forge, pull: PullRequest) -> None:
    """Start the checks of a pull request that a bot opened; a person's start by themselves."""
    if pull.author.is_bot:
        forge.start_checks(pull.branch)
