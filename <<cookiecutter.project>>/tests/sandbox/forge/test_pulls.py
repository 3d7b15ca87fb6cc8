"""Pull requests from branch to merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
