"""The page of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.test import Client

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def test_a_person_reads_a_pull_request_in_a_browser(desk: Desk) -> None:
    head = desk.commit("topic", {"a.txt": "one"})
    desk.propose(title="Add <a>", body="<script>alert(1)</script>")
    desk.approve(1, "cleo")
    desk.runs.finish(head, "test", "failure")
    page = Client(desk.forge.wsgi).get("/acme/shop/pull/1")
    assert page.status_code == 200
    for part in (
        "Add &lt;a&gt; #1",
        "&lt;script&gt;",
        "cleo<td>APPROVED",
        "test<td>failure",
        "a.txt<td>added",
    ):
        assert part in page.text, part


def test_a_pull_request_that_is_not_there_has_no_page(desk: Desk) -> None:
    assert Client(desk.forge.wsgi).get("/acme/shop/pull/9").status_code == 404
