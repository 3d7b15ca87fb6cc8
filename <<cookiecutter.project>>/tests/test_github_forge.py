"""GitHub as the forge, over HTTP: what each method asks, and what it makes of refusals and faults."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pygit2
import pytest

from mlops.errors import UsageError
from mlops.forge import ForgeError, open_forge
from mlops.github_forge import connect
from mlops.project import read_project
from sandbox.clock import Clock
from sandbox.forge.app import Forge
from sandbox.forge.people import BOT, PEOPLE
from tests.sandbox.forge.conftest import NAME, Answers

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.github_forge import GithubForge
    from tests.hub import Port
    from tests.sandbox.forge.conftest import Desk

PIN = "releases/prod/guess.yml"
BRANCH = "mlops/prod/guess"
CHECK = "on: workflow_dispatch\njobs: {check: {runs-on: ubuntu-24.04, steps: [{run: 'true'}]}}\n"
IDS = {person.login: person.id for person in (*PEOPLE, BOT)}


def commit(desk: Desk, message: str, author: str = "ben@example.com", branch: str = "topic") -> str:
    """A commit on a branch by whoever has an e-mail address; its hash."""
    git = desk.forge.repository.git
    reference = git.references.get(f"refs/heads/{branch}")
    parent = (reference or git.references["refs/heads/main"]).target
    tree = git.TreeBuilder(git[parent].tree)
    tree.insert("file", git.create_blob(f"{time.monotonic_ns()}".encode()), 0o100644)
    by = pygit2.Signature("Somebody", author)
    made = git.create_commit(None, by, by, message, tree.write(), [parent])
    git.references.create(f"refs/heads/{branch}", made, force=True)
    return str(made)


def open_pin(hub: GithubForge, text: str = "one\n") -> int:
    """A pull request of a pin."""
    hub.push_file(BRANCH, PIN, text, "Promote")
    return hub.open_pull(BRANCH, "Promote", "the body").number


def test_a_pull_request_is_opened_and_found_by_its_branch(hub: GithubForge) -> None:
    assert hub.find_pull(BRANCH) is None
    number = open_pin(hub)
    found = hub.find_pull(BRANCH)
    assert found is not None
    assert (found.number, found.title, found.body, found.branch) == (number, "Promote", "the body", BRANCH)
    assert (found.author.login, found.author.id, found.author.is_bot) == ("ben", IDS["ben"], False)
    assert (found.is_open, found.merge_commit, found.merged_by, found.base) == (True, "", None, "main")
    assert found.head == hub.find_branch(BRANCH)


def test_a_pipelines_status_is_a_check_and_nothing_has_to_start_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", desk.token("ben"))
    piped = connect(NAME, by_workflow=False)
    head = piped.push_file(BRANCH, PIN, "one\n", "Promote")
    piped.start_checks(BRANCH)
    assert not piped.has_checks(head)
    piped.write_status(head, "success", "check", "acme-check: Succeeded", "https://console.example/1")
    assert piped.has_checks(head)


def test_a_branch_of_that_name_in_a_fork_is_not_taken_for_the_bots(desk: Desk, hub: GithubForge) -> None:
    desk.ask("eve", "POST", "/forks", {})
    clone = desk.clone("eve")
    clone.git("remote", "set-url", "origin", clone.remote().replace(NAME, "eve/shop"))
    clone.git("checkout", "-q", "-b", BRANCH)
    clone.commit({PIN: "two\n"})
    assert clone.push().returncode == 0
    desk.propose(f"eve:{BRANCH}", "eve")
    assert hub.find_pull(BRANCH) is None
    assert hub.list_open() == []


def test_a_direct_push_leads_to_no_pull_request(desk: Desk, hub: GithubForge) -> None:
    assert hub.merged_pull(commit(desk, "Straight", branch="main")) is None


def test_reviews_are_told_in_order_with_what_they_saw(desk: Desk, hub: GithubForge) -> None:
    number = open_pin(hub)
    head = hub.find_branch(BRANCH)
    desk.approve(number, "cleo")
    refusal = {"event": "REQUEST_CHANGES", "body": "no"}
    desk.ask("dan", "POST", f"/pulls/{number}/reviews", refusal)
    reviews = hub.list_reviews(number)
    assert [(review.person.login, review.state, review.commit) for review in reviews] == [
        ("cleo", "APPROVED", head),
        ("dan", "CHANGES_REQUESTED", head),
    ]
    assert reviews[0].submitted_at.endswith("Z")


def test_all_pages_of_a_long_list_are_read(desk: Desk, hub: GithubForge) -> None:
    files: dict[str, str | None] = {f"file{place:03}": f"{place}\n" for place in range(130)}
    desk.commit("wide", files)
    number = desk.propose("wide")
    for place in range(105):
        commit(desk, f"Change {place}", branch="wide")
        desk.ask("cleo", "POST", f"/pulls/{number}/reviews", {"event": "COMMENT", "body": f"{place}"})
    desk.call("ben", "PATCH", f"/pulls/{number}", {"title": "Read again"})
    assert len(hub.list_reviews(number)) == 105
    assert sorted(files) == [path for path in hub.list_paths(number) if path != "file"]


def test_a_rename_counts_as_both_its_names(desk: Desk, hub: GithubForge) -> None:
    desk.commit("moved", {"README.md": None, "GUIDE.md": "# shop\n"})
    assert hub.list_paths(desk.propose("moved")) == ["GUIDE.md", "README.md"]


def test_the_author_of_a_commit_is_a_person(desk: Desk, hub: GithubForge) -> None:
    found = hub.read_authors(commit(desk, "Change", "cleo@example.com"))
    assert [(person.login, person.id) for person in found.people] == [("cleo", IDS["cleo"])]
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("address", "login"),
    [
        (f"{IDS['cleo']}+cleo@users.noreply.github.com", "cleo"),
        (f"{IDS['cleo']}+renamed@users.noreply.github.com", "cleo"),
        ("cleo@users.noreply.github.com", "cleo"),
        ("ada@example.com", "ada"),
    ],
)
def test_a_co_author_is_found_by_either_address(
    desk: Desk, hub: GithubForge, address: str, login: str
) -> None:
    found = hub.read_authors(commit(desk, f"Change\n\nCo-authored-by: Cleo Marsh <{address}>"))
    assert {person.login for person in found.people} == {"ben", login}
    assert found.unknown == ()


@pytest.mark.parametrize(
    "address",
    ["x@laptop", "999999+ghost@users.noreply.github.com", "ghost@users.noreply.github.com"],
)
def test_a_co_author_whom_nobody_knows_is_told(desk: Desk, hub: GithubForge, address: str) -> None:
    found = hub.read_authors(commit(desk, f"Change\n\nco-authored-by: Ghost <{address}>"))
    assert [person.login for person in found.people] == ["ben"]
    assert found.unknown == (address,)


def test_an_author_whom_nobody_knows_is_told(desk: Desk, hub: GithubForge) -> None:
    assert hub.read_authors(commit(desk, "Change", "x@laptop")).unknown == ("x@laptop",)


def test_each_commit_of_a_pull_request_has_its_authors(desk: Desk, hub: GithubForge) -> None:
    first, second = commit(desk, "One"), commit(desk, "Two", "dan@example.com")
    found = hub.list_authors(desk.propose("topic"))
    assert [(entry.commit, entry.people[0].login) for entry in found] == [(first, "ben"), (second, "dan")]


@pytest.mark.parametrize(("login", "may"), [("ada", True), ("ben", True), ("eve", False)])
def test_who_may_push_is_asked_of_the_forge(desk: Desk, hub: GithubForge, login: str, may: bool) -> None:
    number = open_pin(hub)
    desk.ask(login if login != "ben" else "dan", "POST", f"/pulls/{number}/reviews", {"event": "APPROVE"})
    (review,) = hub.list_reviews(number)
    assert hub.can_write(review.person) is may


def test_the_rules_in_force_are_listed(desk: Desk, hub: GithubForge) -> None:
    assert hub.list_rules("main") == []
    desk.rule()
    kinds = [rule["type"] for rule in hub.list_rules("main")]
    assert kinds == ["pull_request", "non_fast_forward", "deletion"]


def test_a_second_push_keeps_what_main_has_become(desk: Desk, hub: GithubForge) -> None:
    first = hub.push_file(BRANCH, PIN, "one\n", "Promote")
    desk.commit("side", {"other": "new\n"})
    desk.merge(desk.propose("side"), who="ada")
    second = hub.push_file(BRANCH, PIN, "two\n", "Promote another")
    assert hub.read_file("other", second) == b"new\n"
    assert hub.read_file(PIN, second) == b"two\n"
    git = desk.forge.repository.git
    assert git.descendant_of(second, first), "the branch was forced"


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
@pytest.mark.parametrize("is_behind", [False, True])
def test_what_was_pushed_last_is_what_is_merged(
    desk: Desk, hub: GithubForge, method: str, is_behind: bool
) -> None:
    number = open_pin(hub)
    if is_behind:
        desk.commit("side", {"other": "new\n"})
        desk.merge(desk.propose("side"), who="ada")
    hub.push_file(BRANCH, PIN, "two\n", "Promote another")
    assert hub.list_paths(number) == [PIN]
    desk.merge(number, who="ada", merge_method=method)
    assert hub.read_file(PIN, "main") == b"two\n"


def test_checks_are_started_on_the_branch(desk: Desk, forge_port: Port, hub: GithubForge) -> None:
    desk.commit("side", {".github/workflows/check.yml": CHECK})
    desk.merge(desk.propose("side"), who="ada")
    head = hub.push_file(BRANCH, PIN, "one\n", "Promote")
    forge = Forge(desk.folder / "forge", Answers(), desk.forge.ground.issuer, Clock(), "http://127.0.0.1:1")
    forge_port.server.app = forge.wsgi
    try:
        assert not hub.has_checks(head)
        hub.start_checks(BRANCH)
        assert hub.has_checks(head)
    finally:
        forge.close()


def test_a_pull_request_that_a_workflow_opens_is_the_bots(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", desk.job(contents="write", pull_requests="write"))
    hub = connect(NAME)
    open_pin(hub)
    found = hub.find_pull(BRANCH)
    assert found is not None
    assert (found.author.id, found.author.is_bot) == (IDS["github-actions[bot]"], True)


def test_a_job_without_the_permission_is_refused_with_the_remedy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", desk.job(contents="read"))
    with pytest.raises(
        ForgeError, match=r"403: Resource not accessible by integration.*`permissions:` of the workflow"
    ):
        connect(NAME).push_file(BRANCH, PIN, "one\n", "Promote")


def test_a_token_that_nobody_has_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_stolen")
    with pytest.raises(ForgeError, match=r"401: Bad credentials\. The token in GITHUB_TOKEN is not valid"):
        connect(NAME).find_pull(BRANCH)


def test_without_a_token_it_is_said_how_to_get_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with pytest.raises(UsageError, match=r"GITHUB_TOKEN is not set.*gh auth token"):
        open_forge(read_project(root))


def test_what_the_forge_finds_wrong_is_told_in_its_words(hub: GithubForge) -> None:
    open_pin(hub)
    with pytest.raises(ForgeError, match=r"422: Validation Failed \(A pull request already exists for acme"):
        hub.open_pull(BRANCH, "Twice", "")


def test_a_run_asks_once_what_cannot_change(desk: Desk, hub: GithubForge, forge_port: Port) -> None:
    number = open_pin(hub)
    merged = desk.merge(number, who="ada")
    asked: list[str] = []
    serve = forge_port.server.app

    def count(environ: dict[str, Any], start_response: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return serve(environ, start_response)

    forge_port.server.app = count
    for _ in range(5):
        pull, authorship = hub.merged_pull(merged), hub.read_authors(merged)
        assert pull is not None
        assert (pull.number, authorship.commit) == (number, merged)
    assert len(asked) == 3, asked
