"""Issues, comments and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def test_issues_and_pull_requests_share_numbers_and_lists(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    assert desk.ask("eve", "POST", "/issues", {"title": "Odd"})["number"] == 1
    assert desk.propose() == 2
    found = desk.ask("eve", "GET", "/issues")
    assert [(issue["number"], "pull_request" in issue) for issue in found] == [(2, True), (1, False)]
    assert desk.refusal("eve", "GET", "/pulls/1") == (404, "Not Found")


def test_an_issue_is_found_by_label_and_closed_with_pygithub(desk: Desk) -> None:
    hub = desk.hub("ben")
    issue = hub.create_issue("Drift", body="See", labels=["drift", "prod"])
    assert [found.number for found in hub.get_issues(labels=["Drift"])] == [issue.number]
    assert list(hub.get_issues(labels=["other"])) == []
    issue.edit(state="closed", state_reason="not_planned", body="Gone")
    assert list(hub.get_issues(labels=["drift"])) == []
    closed = hub.get_issue(issue.number)
    assert (closed.state, closed.state_reason, closed.body) == ("closed", "not_planned", "Gone")
    issue.edit(state="open")
    assert hub.get_issue(issue.number).closed_at is None


def test_comments_are_written_listed_edited_and_deleted(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    made = desk.ask("eve", "POST", "/issues/1/comments", {"body": "Hm"})
    path = f"/issues/comments/{made['id']}"
    assert desk.ask("eve", "PATCH", path, {"body": "Hm."})["body"] == "Hm."
    assert [one["body"] for one in desk.ask("ben", "GET", "/issues/1/comments")] == ["Hm."]
    assert desk.ask("ben", "GET", "/pulls/1")["comments"] == 1
    other = desk.ask("ben", "POST", "/issues/1/comments", {"body": "Mine"})
    said = "Must have push access, or be the author, to change a comment."
    assert desk.refusal("eve", "DELETE", f"/issues/comments/{other['id']}") == (403, said)
    assert desk.call("ben", "DELETE", path).status_code == 204
    assert desk.refusal("ben", "GET", path) == (404, "Not Found")


def test_an_empty_or_endless_comment_is_refused(desk: Desk) -> None:
    desk.ask("ben", "POST", "/issues", {"title": "Odd"})
    assert desk.refusal("ben", "POST", "/issues/1/comments", {"body": ""})[0] == 422
    status, said = desk.refusal("ben", "POST", "/issues/1/comments", {"body": "x" * 65537})
    assert (status, "maximum is 65536 characters" in said) == (422, True)


def test_labels_are_made_by_use_and_described_on_purpose(desk: Desk) -> None:
    desk.ask("ben", "POST", "/issues", {"title": "Odd"})
    desk.ask("ben", "POST", "/labels", {"name": "drift", "color": "ff0000", "description": "moved"})
    added = desk.ask("ben", "POST", "/issues/1/labels", {"labels": ["Drift", "new"]})
    assert [(label["name"], label["color"]) for label in added] == [("drift", "ff0000"), ("new", "ededed")]
    assert [label["name"] for label in desk.ask("ben", "DELETE", "/issues/1/labels/new")] == ["drift"]
    assert desk.refusal("ben", "DELETE", "/issues/1/labels/new") == (404, "Label does not exist")
    assert desk.ask("ben", "PUT", "/issues/1/labels", {"labels": []}) == []
    assert {label["name"] for label in desk.ask("ben", "GET", "/labels")} == {"drift", "new"}
    status, said = desk.refusal("ben", "POST", "/labels", {"name": "DRIFT"})
    assert (status, "already_exists" in said) == (422, True)


def test_readers_write_issues_and_do_not_sort_them(desk: Desk) -> None:
    made = desk.ask("eve", "POST", "/issues", {"title": "Odd", "labels": ["x"]})
    assert made["labels"] == []
    said = "Must have triage access to repository"
    assert desk.refusal("eve", "POST", "/issues/1/labels", {"labels": ["x"]}) == (403, said)
    assert desk.ask("eve", "PATCH", "/issues/1", {"state": "closed"})["closed_by"]["login"] == "eve"


def test_an_issue_without_a_title_or_with_an_odd_state_is_refused(desk: Desk) -> None:
    assert desk.refusal("ben", "POST", "/issues", {"body": "x"})[0] == 422
    desk.ask("ben", "POST", "/issues", {"title": "Odd"})
    said = "Validation Failed | Issue invalid state"
    assert desk.refusal("ben", "PATCH", "/issues/1", {"state": "lost"}) == (422, said)
