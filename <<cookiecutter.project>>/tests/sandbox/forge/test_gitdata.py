"""Commits made through the API, as `mlops propose` makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from github import InputGitTreeElement

from tests.sandbox.forge.conftest import entry

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def test_a_commit_is_made_with_pygithub(desk: Desk) -> None:
    hub = desk.hub("ben")
    base = hub.get_git_commit(hub.get_branch("main").commit.sha)
    blob = hub.create_git_blob("bytes", "utf-8")
    elements = [
        InputGitTreeElement("a/b.txt", "100644", "blob", content="inline"),
        InputGitTreeElement("c.txt", "100755", "blob", sha=blob.sha),
    ]
    commit = hub.create_git_commit("Add two", hub.create_git_tree(elements, base.tree), [base])
    hub.create_git_ref("refs/heads/made", commit.sha)
    assert hub.get_contents("a/b.txt", ref="made").decoded_content == b"inline"  # type: ignore[union-attr]
    made = hub.get_commit("made")
    assert (made.author.login, made.commit.message) == ("ben", "Add two")
    assert [element.mode for element in hub.get_git_tree("made").tree if element.path == "c.txt"] == [
        "100755"
    ]


def test_entries_are_removed_and_replaced(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one", "d/e.txt": "two", "d/f.txt": "three"})
    desk.commit("topic", {"README.md": None, "d/e.txt": "new"})
    tree = desk.ask("ben", "GET", "/git/trees/topic?recursive=1")["tree"]
    assert [(one["path"], one["type"]) for one in tree] == [
        ("a.txt", "blob"),
        ("d", "tree"),
        ("d/e.txt", "blob"),
        ("d/f.txt", "blob"),
    ]
    assert desk.forge.repository.file(desk.forge.repository.branch("topic") or "", "d/e.txt") == b"new"


def test_an_author_of_ones_own_is_kept(desk: Desk) -> None:
    main = desk.ask("ben", "GET", "/branches/main")["commit"]
    author = {"name": "Someone", "email": "one@example.org", "date": "2026-03-01T10:00:00+02:00"}
    body = {"message": "x", "tree": main["commit"]["tree"]["sha"], "parents": [main["sha"]], "author": author}
    made = desk.ask("ben", "POST", "/git/commits", body)
    assert made["author"] == {**author, "date": "2026-03-01T08:00:00Z"}
    assert desk.ask("ben", "GET", f"/git/commits/{made['sha']}")["committer"]["name"] == "Someone"


def test_binary_blobs_come_back_as_they_went(desk: Desk) -> None:
    made = desk.ask("ben", "POST", "/git/blobs", {"content": "AAEC/w==", "encoding": "base64"})
    blob = desk.ask("ben", "GET", f"/git/blobs/{made['sha']}")
    assert (blob["content"].strip(), blob["size"]) == ("AAEC/w==", 4)


def test_references_are_made_moved_listed_and_deleted(desk: Desk) -> None:
    sha = desk.ask("ben", "GET", "/git/ref/heads/main")["object"]["sha"]
    desk.ask("ben", "POST", "/git/refs", {"ref": "refs/heads/feature/a", "sha": sha})
    desk.ask("ben", "POST", "/git/refs", {"ref": "refs/heads/feature/b", "sha": sha})
    found = desk.ask("ben", "GET", "/git/matching-refs/heads/feature")
    assert [one["ref"] for one in found] == ["refs/heads/feature/a", "refs/heads/feature/b"]
    assert desk.call("ben", "DELETE", "/git/refs/heads/feature/a").status_code == 204
    assert desk.refusal("ben", "GET", "/git/ref/heads/feature/a") == (404, "Not Found")
    assert desk.refusal("ben", "GET", "/git/ref/heads/feature") == (404, "Not Found")


def test_losing_commits_takes_force(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    base = desk.forge.repository.branch("main")
    path = "/git/refs/heads/topic"
    assert desk.refusal("ben", "PATCH", path, {"sha": base}) == (422, "Update is not a fast forward")
    assert desk.ask("ben", "PATCH", path, {"sha": base, "force": True})["object"]["sha"] == base


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/git/refs", {"ref": "refs/heads/main", "sha": "main"}, "Reference already exists"),
        ("/git/refs", {"ref": "refs/heads/x", "sha": "0" * 40}, "Object does not exist"),
        ("/git/refs", {"ref": "refs/pull/1/head", "sha": "main"}, "Reference name must start with"),
        ("/git/refs", {"ref": "refs/heads/a..b", "sha": "main"}, "Reference name must start with"),
        ("/git/commits", {"message": "x", "tree": "main"}, "Tree SHA does not exist"),
        (
            "/git/commits",
            {"message": "x", "tree": "tree", "parents": ["0" * 40]},
            "Parent SHA does not exist",
        ),
        ("/git/commits", {"message": "", "tree": "tree"}, '"message" wasn\'t supplied'),
        ("/git/trees", {"base_tree": "0" * 40}, "base_tree is not a valid tree oid"),
        ("/git/trees", {"tree": [{"path": "a", "mode": "1"}]}, "tree.mode '1' is not valid"),
        ("/git/trees", {"tree": [{"path": ".git/x", "content": ""}]}, "tree.path '.git/x'"),
        ("/git/trees", {"tree": [{"path": "a", "sha": "f" * 40}]}, "is not a valid object"),
        ("/git/blobs", {}, '"content" wasn\'t supplied'),
        ("/git/blobs", {"content": "x", "encoding": "base64"}, "content is not valid Base64"),
    ],
)
def test_what_git_could_not_keep_is_refused(desk: Desk, path: str, body: dict[str, Any], said: str) -> None:
    main = desk.ask("ben", "GET", "/branches/main")["commit"]
    real = {"main": main["sha"], "tree": main["commit"]["tree"]["sha"]}
    given = {key: real.get(value, value) if isinstance(value, str) else value for key, value in body.items()}
    status, found = desk.refusal("ben", "POST", path, given)
    assert status == 422
    assert said in found


def test_a_job_needs_contents_write_and_cannot_change_workflows(desk: Desk) -> None:
    reader, writer = desk.job(contents="read"), desk.job(contents="write")
    tree = {"tree": [entry(".github/workflows/x.yml", "on: push")]}
    assert desk.refusal(reader, "POST", "/git/trees", tree) == (403, "Resource not accessible by integration")
    main = desk.ask(writer, "GET", "/branches/main")["commit"]["sha"]
    made = desk.ask(writer, "POST", "/git/trees", tree)["sha"]
    body = {"message": "x", "tree": made, "parents": [main]}
    sha = desk.ask(writer, "POST", "/git/commits", body)["sha"]
    status, said = desk.refusal(writer, "POST", "/git/refs", {"ref": "refs/heads/x", "sha": sha})
    assert (status, "refusing to allow a GitHub App to create or update workflow" in said) == (422, True)
