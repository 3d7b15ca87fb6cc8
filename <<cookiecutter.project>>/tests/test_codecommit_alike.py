"""What both forges do alike, by the same tests: the verbs know neither by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from mlops.pulls import Change, publish

if TYPE_CHECKING:
    from mlops.forge import Forge
    from tests.codecommit import Counter
    from tests.sandbox.forge.conftest import Desk

PIN = "releases/prod/guess.yml"
BRANCH = "mlops/prod/guess"
CHANGE = Change("prod", "guess", BRANCH, PIN, "one\n", "Promote", "first")
BACK = replace(CHANGE, branch="mlops/rollback/prod/guess", text="zero\n", title="Roll back", body="back")
HOW = {"merge": "three_way", "squash": "squash", "rebase": "fast_forward"}
METHODS = tuple(HOW)


class Place(Protocol):
    """A forge on which people act."""

    forge: Forge

    def commit(self, branch: str, path: str, text: str, name: str) -> str:
        """Somebody's commit on a branch, which begins on main."""

    def propose(self, branch: str, name: str) -> int:
        """Somebody opens a pull request."""

    def approve(self, number: int, name: str) -> None:
        """Somebody approves what the branch holds."""

    def merge(self, number: int, method: str = "squash") -> str:
        """Dan merges; the commit that main is at."""

    def require(self, approvals: int) -> None:
        """Main takes pull requests with so many approvals."""


class OnGithub:
    """GitHub, where ben's token is the verbs'."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.desk: Desk = request.getfixturevalue("desk")
        self.forge: Forge = request.getfixturevalue("hub")

    def commit(self, branch: str, path: str, text: str, name: str) -> str:
        return self.desk.commit(branch, {path: text}, name)

    def propose(self, branch: str, name: str) -> int:
        return self.desk.propose(branch, name)

    def approve(self, number: int, name: str) -> None:
        self.desk.approve(number, name)

    def merge(self, number: int, method: str = "squash") -> str:
        return self.desk.merge(number, "dan", merge_method=method)

    def require(self, approvals: int) -> None:
        self.desk.rule(required_approving_review_count=approvals)


class OnCodecommit:
    """CodeCommit, where ben's session is the verbs'."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.counter: Counter = request.getfixturevalue("counter")
        self.forge: Forge = self.counter.forge("acme-developer", "ben")

    def commit(self, branch: str, path: str, text: str, name: str) -> str:
        return self.counter.commit(branch, path, text, name)

    def propose(self, branch: str, name: str) -> int:
        return self.counter.forge("acme-developer", name).open_pull(branch, "A change", "").number

    def approve(self, number: int, name: str) -> None:
        self.counter.approve(number, name)

    def merge(self, number: int, method: str = "squash") -> str:
        return self.counter.merge(number, HOW[method])

    def require(self, approvals: int) -> None:
        self.counter.require(approvals)


@pytest.fixture(params=[OnGithub, OnCodecommit])
def place(request: pytest.FixtureRequest) -> Any:
    """Each forge in turn."""
    return request.param(request)


def open_pin(place: Place, text: str = "one\n") -> int:
    """A pull request of a pin."""
    place.forge.push_file(BRANCH, PIN, text, "Promote")
    return place.forge.open_pull(BRANCH, "Promote", "the body").number


def test_a_pull_request_is_opened_and_found_by_its_branch(place: Place) -> None:
    assert place.forge.find_pull(BRANCH) is None
    number = open_pin(place)
    found = place.forge.find_pull(BRANCH)
    assert found is not None
    assert (found.number, found.title, found.body, found.branch) == (number, "Promote", "the body", BRANCH)
    assert (found.author.login, found.author.is_bot) == ("ben", False)
    assert (found.is_open, found.merge_commit, found.merged_by, found.base) == (True, "", None, "main")
    assert found.head == place.forge.find_branch(BRANCH)


def test_open_pull_requests_are_listed_with_when_they_were_opened(place: Place) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    number = open_pin(place)
    (found,) = place.forge.list_open()
    assert (found.number, found.branch) == (number, BRANCH)
    assert before <= found.opened_at <= datetime.now(UTC)
    place.forge.close_pull(number)
    assert place.forge.list_open() == []


def test_the_last_closed_pull_request_says_whether_it_was_merged(place: Place) -> None:
    assert place.forge.last_closed(BRANCH) is None
    first = open_pin(place)
    place.forge.close_pull(first)
    closed = place.forge.last_closed(BRANCH)
    assert closed is not None
    assert (closed.number, closed.is_open, closed.merge_commit) == (first, False, "")
    second = place.forge.open_pull(BRANCH, "Again", "").number
    merged = place.merge(second)
    closed = place.forge.last_closed(BRANCH)
    assert closed is not None
    assert (closed.number, closed.merge_commit) == (second, merged)


@pytest.mark.parametrize("method", METHODS)
def test_a_commit_of_main_leads_to_its_pull_request(place: Place, method: str) -> None:
    number = open_pin(place)
    merged = place.merge(number, method)
    found = place.forge.merged_pull(merged)
    assert found is not None
    assert (found.number, found.merge_commit) == (number, merged)
    assert found.merged_by is not None
    assert found.merged_by.login == "dan"


def test_a_commit_that_a_merge_took_in_leads_to_its_pull_request(place: Place) -> None:
    first = place.commit("topic", "one", "1", "cleo")
    place.commit("topic", "two", "2", "ben")
    number = place.propose("topic", "ben")
    place.merge(number, "merge")
    found = place.forge.merged_pull(first)
    assert found is not None
    assert found.number == number


def test_reviews_are_told_with_what_they_saw(place: Place) -> None:
    number = open_pin(place)
    head = place.forge.find_branch(BRANCH)
    for name in ("cleo", "dan"):
        place.approve(number, name)
    reviews = place.forge.list_reviews(number)
    assert [(review.person.login, review.state, review.commit) for review in reviews] == [
        ("cleo", "APPROVED", head),
        ("dan", "APPROVED", head),
    ]
    assert reviews[0].submitted_at.endswith("Z")


def test_an_approval_of_what_came_before_is_told_as_such(place: Place) -> None:
    number = open_pin(place)
    before = place.forge.find_branch(BRANCH)
    place.approve(number, "cleo")
    head = place.forge.push_file(BRANCH, PIN, "two\n", "Promote another")
    (review,) = place.forge.list_reviews(number)
    assert (review.person.login, review.commit) == ("cleo", before)
    assert review.commit != head


def test_an_approval_given_again_is_of_the_new_head(place: Place) -> None:
    number = open_pin(place)
    place.approve(number, "cleo")
    head = place.forge.push_file(BRANCH, PIN, "two\n", "Promote another")
    place.approve(number, "cleo")
    last = place.forge.list_reviews(number)[-1]
    assert (last.person.login, last.state, last.commit) == ("cleo", "APPROVED", head)


def test_paths_are_those_of_the_pull_request_alone(place: Place) -> None:
    number = open_pin(place)
    place.commit("side", "other", "new\n", "cleo")
    place.merge(place.propose("side", "cleo"))
    assert place.forge.list_paths(number) == [PIN]


def test_each_commit_of_a_pull_request_has_its_authors(place: Place) -> None:
    first, second = (place.commit("topic", name, "1", name) for name in ("cleo", "dan"))
    found = place.forge.list_authors(place.propose("topic", "ben"))
    assert [entry.commit for entry in found] == [first, second]
    names = [{person.login for person in entry.people} for entry in found]
    assert names[0] >= {"cleo"}
    assert names[1] >= {"dan"}
    assert not names[0] & {"dan"}


def test_the_author_of_a_commit_is_a_person(place: Place) -> None:
    found = place.forge.read_authors(place.commit("topic", "file", "1", "cleo"))
    assert {person.login for person in found.people} == {"cleo"}
    assert found.unknown == ()


def test_people_who_may_push_count(place: Place) -> None:
    number = open_pin(place)
    place.approve(number, "cleo")
    (review,) = place.forge.list_reviews(number)
    assert place.forge.can_write(review.person)


def test_the_rules_in_force_say_how_many_approvals(place: Place) -> None:
    assert place.forge.list_rules("main") == []
    place.require(2)
    (rule,) = (rule for rule in place.forge.list_rules("main") if rule["type"] == "pull_request")
    assert rule["parameters"]["required_approving_review_count"] == 2
    assert not any(rule["type"] == "pull_request" for rule in place.forge.list_rules("topic"))


def test_a_file_is_read_at_a_branch_or_a_commit(place: Place) -> None:
    made = place.forge.push_file(BRANCH, PIN, "höher\n", "Promote")
    for reference in (BRANCH, made):
        assert place.forge.read_file(PIN, reference) == "höher\n".encode()


@pytest.mark.parametrize(("path", "ref"), [(PIN, "main"), ("README.md", "nowhere"), ("releases", BRANCH)])
def test_what_is_no_file_is_nothing(place: Place, path: str, ref: str) -> None:
    place.forge.push_file(BRANCH, PIN, "one\n", "Promote")
    assert place.forge.read_file(path, ref) is None


def test_a_branch_is_deleted_once(place: Place) -> None:
    place.forge.push_file(BRANCH, PIN, "one\n", "Promote")
    for _ in range(2):
        place.forge.delete_branch(BRANCH)
    assert place.forge.find_branch(BRANCH) is None


def test_a_deleted_branch_closes_its_pull_request(place: Place) -> None:
    number = open_pin(place)
    place.forge.delete_branch(BRANCH)
    assert place.forge.find_pull(BRANCH) is None
    closed = place.forge.last_closed(BRANCH)
    assert closed is not None
    assert (closed.number, closed.merge_commit) == (number, "")


def test_a_second_push_keeps_what_main_has_become(place: Place) -> None:
    number = open_pin(place)
    place.commit("side", "other", "new\n", "cleo")
    place.merge(place.propose("side", "cleo"))
    second = place.forge.push_file(BRANCH, PIN, "two\n", "Promote another")
    assert place.forge.read_file("other", second) == b"new\n"
    assert place.forge.read_file(PIN, second) == b"two\n"
    assert place.forge.list_paths(number) == [PIN]


def test_what_people_put_beside_a_pin_goes_with_the_next_push(place: Place) -> None:
    number = open_pin(place)
    place.commit(BRANCH, "README.md", "mine\n", "dan")
    place.commit(BRANCH, "extra", "mine\n", "dan")
    place.forge.push_file(BRANCH, PIN, "two\n", "Promote another")
    assert place.forge.list_paths(number) == [PIN]


@pytest.mark.parametrize("method", METHODS)
def test_what_was_pushed_last_is_what_is_merged(place: Place, method: str) -> None:
    number = open_pin(place)
    place.commit("side", "other", "new\n", "cleo")
    place.merge(place.propose("side", "cleo"))
    place.forge.push_file(BRANCH, PIN, "two\n", "Promote another")
    place.merge(number, method)
    assert place.forge.read_file(PIN, "main") == b"two\n"


def test_a_branch_that_a_merge_left_begins_anew(place: Place) -> None:
    publish(place.forge, CHANGE, asked=False)
    place.merge(1)
    publish(place.forge, replace(CHANGE, text="two\n", body="second"), asked=False)
    assert [entry.commit for entry in place.forge.list_authors(2)] == [place.forge.find_branch(BRANCH)]
    assert place.forge.list_paths(2) == [PIN]


def test_a_promotion_that_a_rollback_overtook_is_brought_up_to_main_and_merges(place: Place) -> None:
    for number, change in enumerate((CHANGE, BACK), start=1):
        assert publish(place.forge, change, asked=False).startswith(f"opened #{number}")
    place.merge(2)
    assert publish(place.forge, CHANGE, asked=False).startswith("#1 was brought up to main")
    place.merge(1)
    assert place.forge.read_file(PIN, "main") == b"one\n"


def test_an_approved_promotion_that_was_overtaken_says_to_close_it(place: Place) -> None:
    for change in (CHANGE, BACK):
        publish(place.forge, change, asked=False)
    place.approve(1, "cleo")
    place.merge(2)
    assert "main pins another release since, so it does not merge. Close it" in (
        publish(place.forge, CHANGE, asked=False)
    )
    place.forge.close_pull(1)
    assert publish(place.forge, CHANGE, asked=True).startswith("opened #3")


def test_what_was_approved_is_left_alone_and_the_newer_one_mentioned_once(place: Place) -> None:
    publish(place.forge, CHANGE, asked=False)
    place.approve(1, "cleo")
    for _ in range(2):
        said = publish(place.forge, replace(CHANGE, text="two\n", body="second"), asked=False)
        assert said.startswith("#1 is approved and stays as it is")
    assert place.forge.read_file(PIN, BRANCH) == b"one\n"
    assert len(place.forge.list_comments(1)) == 1


def test_title_and_body_are_written_anew(place: Place) -> None:
    place.forge.update_pull(open_pin(place), "Another", "text")
    found = place.forge.find_pull(BRANCH)
    assert found is not None
    assert (found.title, found.body) == ("Another", "text")


def test_a_body_longer_than_a_description_is_kept_whole_and_up_to_date(place: Place) -> None:
    long = "".join(f"{place_}: {'x' * 90}\n" for place_ in range(300))
    place.forge.push_file(BRANCH, PIN, "one\n", "Promote")
    number = place.forge.open_pull(BRANCH, "Promote", long).number
    for body in (long, f"news\n{long}", "short", long):
        place.forge.update_pull(number, "Promote", body)
        found = place.forge.find_pull(BRANCH)
        assert found is not None
        assert found.body.strip() == body.strip()
    assert place.forge.list_comments(number) == []


def test_comments_are_added_and_listed(place: Place) -> None:
    number = open_pin(place)
    for text in ("one", "two"):
        place.forge.comment(number, text)
    assert place.forge.list_comments(number) == ["one", "two"]
