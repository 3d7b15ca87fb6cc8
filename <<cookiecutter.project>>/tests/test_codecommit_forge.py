"""CodeCommit as the forge, over HTTP: what each method asks, and what it makes of refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.codecommit import Counter

PIN = "releases/prod/guess.yml"
BRANCH = "mlops/prod/guess"


def open_pin(counter: Counter, text: str = "one\n") -> int:
    """A pull request of a pin, by the bot."""
    forge = counter.forge()
    forge.push_file(BRANCH, PIN, text, "Promote")
    return forge.open_pull(BRANCH, "Promote", "the body").number


def test_a_pull_request_is_opened_and_found_by_its_branch(counter: Counter) -> None:
    forge = counter.forge()
    assert forge.find_pull(BRANCH) is None
    number = open_pin(counter)
    found = forge.find_pull(BRANCH)
    assert found is not None
    assert (found.number, found.title, found.body, found.branch) == (number, "Promote", "the body", BRANCH)
    assert (found.author.login, found.author.is_bot) == ("acme-ci", True)
    assert (found.is_open, found.merge_commit, found.merged_by, found.base) == (True, "", None, "main")
    assert found.head == forge.find_branch(BRANCH)


def test_a_merge_is_found_by_its_commit(counter: Counter) -> None:
    number = open_pin(counter)
    commit = counter.merge(number)
    found = counter.forge().merged_pull(commit)
    assert found is not None
    assert (found.number, found.merge_commit, str(found.merged_by)) == (number, commit, "dan")
