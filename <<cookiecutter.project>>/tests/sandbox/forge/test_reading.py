"""Files, branches, histories and comparisons."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def test_a_file_a_folder_and_raw_bytes_are_read_at_a_ref(desk: Desk) -> None:
    desk.commit("topic", {"d/a.txt": "one"})
    file = desk.ask("eve", "GET", "/contents/d/a.txt?ref=topic")
    assert (file["type"], base64.b64decode(file["content"])) == ("file", b"one")
    assert [one["name"] for one in desk.ask("eve", "GET", "/contents/?ref=topic")] == ["README.md", "d"]
    assert desk.refusal("eve", "GET", "/contents/d/a.txt") == (404, "Not Found")
    assert desk.refusal("eve", "GET", "/contents/d?ref=gone") == (404, "Not Found")


def test_branches_with_slashes_are_found_and_say_whether_rules_protect_them(desk: Desk) -> None:
    desk.rule()
    desk.commit("mlops/staging/tumor", {"a.txt": "one"})
    assert desk.ask("eve", "GET", "/branches/mlops/staging/tumor")["protected"] is False
    assert desk.ask("eve", "GET", "/branches/main")["protected"] is True
    assert [one["name"] for one in desk.ask("eve", "GET", "/branches")] == ["main", "mlops/staging/tumor"]
    assert desk.refusal("eve", "GET", "/branches/gone") == (404, "Not Found")


def test_history_is_narrowed_by_author_path_and_start(desk: Desk) -> None:
    first = desk.commit("topic", {"a.txt": "one"})
    second = desk.commit("topic", {"b.txt": "two"}, who="cleo")
    shas = {
        query: [commit["sha"] for commit in desk.ask("eve", "GET", f"/commits?sha=topic&{query}")]
        for query in ("author=ben", "path=b.txt", "author=cleo@example.com", "per_page=2")
    }
    assert shas["author=ben"] == [first]
    assert shas["path=b.txt"] == [second]
    assert shas["author=cleo@example.com"] == []
    assert shas["per_page=2"] == [second, first]
    assert len(desk.ask("eve", "GET", "/commits")) == 1
    assert desk.ask("eve", "GET", "/commits?since=2100-01-01T00:00:00Z") == []


def test_an_empty_repository_says_so(empty: Desk) -> None:
    assert empty.refusal("ada", "GET", "/commits") == (409, "Git Repository is empty.")


def test_a_commit_shows_its_files_and_accounts(desk: Desk) -> None:
    sha = desk.commit("feature/x", {"a.txt": "one\ntwo\n"})
    for name in (sha, sha[:10], "feature/x", "refs/heads/feature/x"):
        commit = desk.ask("eve", "GET", f"/commits/{name}")
        assert (commit["sha"], commit["author"]["login"]) == (sha, "ben")
    assert commit["stats"] == {"total": 2, "additions": 2, "deletions": 0}
    assert [file["filename"] for file in commit["files"]] == ["a.txt"]
    assert desk.refusal("eve", "GET", "/commits/gone") == (422, "No commit found for SHA: gone")


def test_a_rename_names_both_paths(desk: Desk) -> None:
    desk.commit("topic", {"b.txt": "# shop\n", "README.md": None})
    (file,) = desk.ask("eve", "GET", "/commits/topic")["files"]
    assert (file["status"], file["previous_filename"], file["filename"]) == ("renamed", "README.md", "b.txt")


def test_a_comparison_counts_from_where_histories_part(desk: Desk) -> None:
    base = desk.forge.repository.branch("main")
    desk.commit("one", {"a.txt": "1"})
    desk.commit("two", {"b.txt": "2"})
    found = desk.ask("eve", "GET", "/compare/one...two")
    assert (found["status"], found["ahead_by"], found["behind_by"]) == ("diverged", 1, 1)
    assert found["merge_base_commit"]["sha"] == base
    assert [file["filename"] for file in found["files"]] == ["b.txt"]
    states = [desk.ask("eve", "GET", f"/compare/{ends}")["status"] for ends in ("main...one", "one...main")]
    assert states == ["ahead", "behind"]
    assert desk.refusal("eve", "GET", "/compare/main...gone") == (404, "Not Found")


def test_statuses_of_a_commit_add_up(desk: Desk) -> None:
    sha = desk.commit("topic", {"a.txt": "1"})
    path = f"/statuses/{sha}"
    assert desk.ask("eve", "GET", "/commits/topic/status")["state"] == "pending"
    desk.ask("ben", "POST", path, {"state": "pending", "context": "lint"})
    desk.ask("ben", "POST", path, {"state": "success", "context": "lint", "description": "fine"})
    found = desk.ask("eve", "GET", "/commits/topic/status")
    assert (found["state"], found["total_count"]) == ("success", 1)
    assert len(desk.ask("eve", "GET", "/commits/topic/statuses")) == 2
    said = "Validation Failed | Status invalid state"
    assert desk.refusal("ben", "POST", path, {"state": "odd"}) == (422, said)
    assert desk.refusal("ben", "POST", f"/statuses/{'0' * 40}", {"state": "success"})[0] == 422
