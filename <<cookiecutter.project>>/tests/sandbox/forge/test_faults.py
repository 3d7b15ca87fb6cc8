"""Faults that tests switch on, and the headers that clients pace themselves by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import Client

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def switch(desk: Desk, **fault: Any) -> Any:
    return Client(desk.forge.wsgi).post("/_faults", json=fault)


def test_a_fault_meets_the_requests_it_was_made_for_and_no_more(desk: Desk) -> None:
    switch(desk, status=503, count=2, match="GET .*/pulls$")
    statuses = [desk.call("ben", "GET", "/pulls").status_code for _ in range(3)]
    assert statuses == [503, 503, 200]


def test_other_requests_do_not_meet_it(desk: Desk) -> None:
    switch(desk, status=403, match="POST .*/pulls$", headers={"Retry-After": "1"})
    assert desk.call("ben", "GET", "/pulls").status_code == 200
    answer = desk.call("ben", "POST", "/pulls")
    assert (answer.status_code, answer.headers["Retry-After"]) == (403, "1")
    assert "secondary rate limit" in answer.get_json()["message"]


def test_faults_are_listed_and_cleared(desk: Desk) -> None:
    switch(desk, status=429)
    client = Client(desk.forge.wsgi)
    assert client.get("/_faults").get_json() == [{"status": 429, "count": 1, "match": "", "headers": {}}]
    assert client.delete("/_faults").status_code == 204
    assert desk.call("ben", "GET", "/pulls").status_code == 200


@pytest.mark.parametrize(
    "fault", [{}, {"status": 200}, {"status": 503, "count": 0}, {"status": 503, "match": "("}]
)
def test_a_fault_that_makes_no_sense_is_refused(desk: Desk, fault: dict[str, Any]) -> None:
    assert switch(desk, **fault).status_code == 422


def test_every_answer_counts_against_its_tokens_limit(desk: Desk) -> None:
    used = [int(desk.call("dan", "GET", "//user").headers["X-RateLimit-Used"]) for _ in range(2)]
    assert used == [1, 2]
    refused = desk.call("dan", "GET", "/nowhere").headers
    assert (refused["X-RateLimit-Remaining"], refused["X-RateLimit-Limit"]) == ("4997", "5000")
