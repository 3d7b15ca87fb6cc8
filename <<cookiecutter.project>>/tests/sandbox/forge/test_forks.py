"""Someone outside proposes from a copy of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox.forge.conftest import run_git

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk

FORK = "//repos/eve/shop"


def push_to_fork(desk: Desk, text: str, who: str = "eve") -> str:
    """Commit in a clone of the repository, and push that to the fork."""
    desk.ask("eve", "POST", "/forks")
    clone = desk.clone("eve")
    head = clone.commit({"eve.txt": text})
    remote = desk.url.replace("http://", f"http://x:{desk.token(who)}@") + "/eve/shop.git"
    run_git(clone.folder, "push", "-q", "--force", remote, "HEAD:refs/heads/idea")
    return head


def test_a_fork_is_the_readers_own(desk: Desk) -> None:
    made = desk.ask("eve", "POST", "/forks")
    assert (made["full_name"], made["fork"]) == ("eve/shop", True)
    assert desk.ask("eve", "POST", "/forks")["id"] == made["id"]
    assert [fork["full_name"] for fork in desk.ask("ada", "GET", "/forks")] == ["eve/shop"]
    assert desk.ask("eve", "GET", f"{FORK}/branches/main")["name"] == "main"


def test_a_fork_proposes_and_its_first_runs_wait(desk: Desk) -> None:
    head = push_to_fork(desk, "one")
    pull = desk.ask("eve", "POST", "/pulls", {"title": "Idea", "head": "eve:idea", "base": "main"})
    assert (pull["head"]["repo"]["full_name"], pull["head"]["sha"]) == ("eve/shop", head)
    event = desk.runs.events[-1]
    assert (event.is_fork, event.held, event.actor) == (True, True, "eve")
    desk.approve(1, "ben")
    desk.merge(1, "ben")
    assert desk.forge.repository.file(desk.forge.repository.branch("main") or "", "eve.txt") == b"one"


def test_a_push_to_the_fork_updates_its_pull_request(desk: Desk) -> None:
    push_to_fork(desk, "one")
    desk.ask("eve", "POST", "/pulls", {"title": "Idea", "head": "eve:idea", "base": "main"})
    head = push_to_fork(desk, "two")
    assert desk.ask("ben", "GET", "/pulls/1")["head"]["sha"] == head
    assert desk.runs.events[-1].action == "synchronize"


def test_whoever_has_contributed_is_not_asked_to_wait_again(desk: Desk) -> None:
    push_to_fork(desk, "one")
    desk.ask("eve", "POST", "/pulls", {"title": "Idea", "head": "eve:idea", "base": "main"})
    desk.merge(1)
    push_to_fork(desk, "two")
    desk.ask("eve", "POST", "/pulls", {"title": "More", "head": "eve:idea", "base": "main"})
    assert [event.held for event in desk.runs.events if event.action == "opened"] == [True, False]


def test_readers_do_not_propose_from_the_repositorys_own_branches(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    body = {"title": "x", "head": "topic", "base": "main"}
    said = "Must have push access to acme/shop to propose from its branches."
    assert desk.refusal("eve", "POST", "/pulls", body) == (403, said)


def test_a_fork_has_no_conversations_of_its_own(desk: Desk) -> None:
    desk.ask("eve", "POST", "/forks")
    assert desk.refusal("eve", "GET", f"{FORK}/pulls") == (404, "Not Found")


def test_others_do_not_push_to_a_fork(desk: Desk) -> None:
    desk.ask("eve", "POST", "/forks")
    body = {"ref": "refs/heads/x", "sha": desk.forge.repository.branch("main")}
    assert desk.refusal("ada", "POST", f"{FORK}/git/refs", body) == (
        403,
        "Must have push access to repository",
    )
