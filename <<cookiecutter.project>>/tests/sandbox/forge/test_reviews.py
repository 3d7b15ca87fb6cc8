"""Reviews: on which commit, by whom, taken back how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


@pytest.fixture
def opened(desk: Desk) -> Desk:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    return desk


def test_a_review_names_the_head_or_the_commit_that_was_read(opened: Desk) -> None:
    first = opened.ask("ben", "GET", "/pulls/1")["head"]["sha"]
    second = opened.commit("topic", {"a.txt": "two"})
    opened.approve(1, "cleo")
    opened.ask("dan", "POST", "/pulls/1/reviews", {"event": "APPROVE", "commit_id": first})
    found = [(one["user"]["login"], one["commit_id"]) for one in opened.ask("eve", "GET", "/pulls/1/reviews")]
    assert found == [("cleo", second), ("dan", first)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "event is '', not one of: APPROVE, REQUEST_CHANGES, COMMENT"),
        ({"event": "COMMENT"}, "Body can't be blank"),
        ({"event": "REQUEST_CHANGES"}, "Body can't be blank"),
        ({"event": "APPROVE", "commit_id": "0" * 40}, "Commit is not part of the pull request"),
    ],
)
def test_a_review_that_says_nothing_is_refused(opened: Desk, body: dict[str, Any], said: str) -> None:
    status, found = opened.refusal("cleo", "POST", "/pulls/1/reviews", body)
    assert status == 422
    assert said in found


def test_a_comment_by_the_author_is_fine(opened: Desk) -> None:
    body = {"event": "COMMENT", "body": "Ready"}
    assert opened.ask("ben", "POST", "/pulls/1/reviews", body)["state"] == "COMMENTED"


def test_dismissing_takes_write_access_a_message_and_a_verdict(opened: Desk) -> None:
    review = opened.approve(1, "cleo")
    comment = opened.ask("dan", "POST", "/pulls/1/reviews", {"event": "COMMENT", "body": "x"})["id"]
    path, why = "/pulls/1/reviews/{}/dismissals", {"message": "Stale"}
    assert opened.refusal("eve", "PUT", path.format(review), why)[0] == 403
    said = 'Invalid request.\n\n"message" wasn\'t supplied.'
    assert opened.refusal("ben", "PUT", path.format(review), {}) == (422, said)
    said = "Unprocessable Entity | Can not dismiss a commented pull request review"
    assert opened.refusal("ben", "PUT", path.format(comment), why) == (422, said)
    assert opened.ask("ben", "PUT", path.format(review), why)["state"] == "DISMISSED"
    assert opened.ask("ben", "GET", f"/pulls/1/reviews/{review}")["state"] == "DISMISSED"
    assert opened.refusal("ben", "PUT", path.format(9), why) == (404, "Not Found")
    assert [event.action for event in opened.runs.events][-1] == "dismissed"
