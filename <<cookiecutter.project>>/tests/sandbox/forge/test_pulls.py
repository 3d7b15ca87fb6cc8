"""Pull requests from branch to merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def test_a_pull_request_is_opened_listed_reviewed_and_merged_with_pygithub(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one\n"})
    pull = desk.hub("ben").create_pull(base="main", head="topic", title="Add a", body="Why")
    assert (pull.number, pull.state, pull.mergeable, pull.mergeable_state) == (1, "open", True, "clean")
    assert [found.number for found in desk.hub("cleo").get_pulls(head="acme:topic")] == [1]
    assert [file.filename for file in pull.get_files()] == ["a.txt"]
    desk.hub("cleo").get_pull(1).create_review(event="APPROVE")
    merged = desk.hub("ben").get_pull(1).merge(merge_method="squash", sha=pull.head.sha)
    assert merged.merged
    assert desk.hub("ben").get_branch("main").commit.sha == merged.sha
    assert desk.hub("ben").get_pull(1).merged_by.login == "ben"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"head": "topic", "base": "main"}, 'Invalid request.\n\n"title" wasn\'t supplied.'),
        ({"title": "x"}, 'Invalid request.\n\n"base", "head" weren\'t supplied.'),
        ({"title": "x", "head": "gone", "base": "main"}, "Validation Failed | PullRequest invalid head"),
        ({"title": "x", "head": "topic", "base": "gone"}, "Validation Failed | PullRequest invalid base"),
        (
            {"title": "x", "head": "main", "base": "main"},
            "Validation Failed | PullRequest custom No commits between main and main",
        ),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(desk: Desk, body: dict[str, Any], said: str) -> None:
    desk.commit("topic", {"a.txt": "one"})
    assert desk.refusal("ben", "POST", "/pulls", body) == (422, said)


def test_a_branch_has_one_open_pull_request_to_a_base(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    number = desk.propose()
    body = {"title": "Again", "head": "topic", "base": "main"}
    said = "Validation Failed | PullRequest custom A pull request already exists for acme:topic."
    assert desk.refusal("ben", "POST", "/pulls", body) == (422, said)
    desk.ask("ben", "PATCH", f"/pulls/{number}", {"state": "closed"})
    assert desk.propose() == number + 1


def test_a_body_longer_than_github_takes_is_refused(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    body = {"title": "x", "head": "topic", "base": "main", "body": "x" * 65537}
    status, said = desk.refusal("ben", "POST", "/pulls", body)
    assert status == 422
    assert "body is too long (maximum is 65536 characters)" in said


def test_lists_are_filtered_sorted_and_paged(desk: Desk) -> None:
    for number in range(5):
        desk.commit(f"t{number}", {"a.txt": str(number)})
        desk.propose(f"t{number}")
    desk.ask("ben", "PATCH", "/pulls/2", {"state": "closed"})
    first = desk.call("ben", "GET", "/pulls?per_page=3")
    assert [pull["number"] for pull in first.get_json()] == [5, 4, 3]
    assert 'per_page=3&page=2>; rel="next"' in first.headers["Link"]
    assert [pull["number"] for pull in desk.ask("ben", "GET", "/pulls?per_page=3&page=2")] == [1]
    assert [pull["number"] for pull in desk.ask("ben", "GET", "/pulls?state=closed")] == [2]
    assert [pull["number"] for pull in desk.ask("ben", "GET", "/pulls?head=acme:t3&base=main")] == [4]
    assert desk.ask("ben", "GET", "/pulls?head=eve:t3") == []
    assert desk.ask("ben", "GET", "/pulls?base=other") == []
    oldest = desk.ask("ben", "GET", "/pulls?state=all&sort=created&direction=asc")
    assert [pull["number"] for pull in oldest] == [1, 2, 3, 4, 5]
    assert desk.hub("ben").get_pulls(state="all").totalCount == 5


def test_title_body_and_state_are_edited_by_its_author_and_by_writers(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    assert desk.ask("cleo", "PATCH", "/pulls/1", {"title": "Better", "body": "Why"})["title"] == "Better"
    status, said = desk.refusal("eve", "PATCH", "/pulls/1", {"title": "Worse"})
    assert (status, said) == (403, "Must have push access, or be the author, to edit a pull request.")
    assert desk.ask("ben", "PATCH", "/pulls/1", {"state": "closed"})["state"] == "closed"
    assert desk.ask("ben", "PATCH", "/pulls/1", {"state": "open"})["state"] == "open"


def test_a_merged_pull_request_is_not_reopened(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.merge(desk.propose())
    status, said = desk.refusal("ben", "PATCH", "/pulls/1", {"state": "open"})
    assert (status, "it was merged" in said) == (422, True)


def test_commits_and_files_are_those_that_merging_brings(desk: Desk) -> None:
    first = desk.commit("topic", {"a.txt": "one\n"})
    second = desk.commit("topic", {"b/c.txt": "two\n", "README.md": None})
    desk.propose()
    desk.commit("other", {"d.txt": "three"})
    desk.merge(desk.propose("other"))
    assert [commit["sha"] for commit in desk.ask("ben", "GET", "/pulls/1/commits")] == [first, second]
    files = {file["filename"]: file for file in desk.ask("ben", "GET", "/pulls/1/files")}
    assert {name: file["status"] for name, file in files.items()} == {
        "README.md": "removed",
        "a.txt": "added",
        "b/c.txt": "added",
    }
    assert files["a.txt"]["patch"] == "@@ -0,0 +1 @@\n+one"


def test_a_conflict_is_seen_and_cannot_be_merged(desk: Desk) -> None:
    desk.commit("topic", {"README.md": "one"})
    desk.commit("other", {"README.md": "two"})
    desk.propose()
    desk.merge(desk.propose("other"))
    pull = desk.ask("ben", "GET", "/pulls/1")
    assert (pull["mergeable"], pull["mergeable_state"]) == (False, "dirty")
    assert desk.refusal("ben", "PUT", "/pulls/1/merge") == (405, "Pull Request is not mergeable")


def test_a_draft_is_not_merged(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose(draft=True)
    assert desk.ask("ben", "GET", "/pulls/1")["mergeable_state"] == "draft"
    assert desk.refusal("ben", "PUT", "/pulls/1/merge") == (405, "Pull Request is still a draft")


def test_deleting_a_branch_closes_its_pull_request(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.ask("ben", "DELETE", "/git/refs/heads/topic")
    assert desk.ask("ben", "GET", "/pulls/1")["state"] == "closed"
    status, said = desk.refusal("ben", "PATCH", "/pulls/1", {"state": "open"})
    assert (status, "the topic branch was deleted" in said) == (422, True)


def test_pushing_a_pull_requests_commits_to_its_base_merges_it(desk: Desk) -> None:
    head = desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.ask("cleo", "PATCH", "/git/refs/heads/main", {"sha": head})
    pull = desk.ask("ben", "GET", "/pulls/1")
    assert (pull["merged"], pull["merged_by"]["login"], pull["merge_commit_sha"]) == (True, "cleo", head)


def test_a_pull_request_that_does_not_exist_is_not_found(desk: Desk) -> None:
    assert desk.refusal("ben", "GET", "/pulls/9") == (404, "Not Found")
