"""Many callers at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def test_numbers_are_given_once(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: desk.ask("ben", "POST", "/issues", {"title": "x"}), range(24)))
    assert sorted(issue["number"] for issue in made) == list(range(1, 25))


def test_merges_at_the_same_moment_lose_nothing(desk: Desk) -> None:
    for number in range(6):
        desk.commit(f"t{number}", {f"{number}.txt": "x"})
        desk.propose(f"t{number}")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: desk.merge(number, merge_method="squash"), range(1, 7)))
    names = {entry["name"] for entry in desk.ask("ben", "GET", "/contents")}
    assert names == {"README.md", *(f"{number}.txt" for number in range(6))}
    assert len(desk.ask("ben", "GET", "/commits")) == 7


def test_pushes_and_calls_at_the_same_moment_are_all_seen(desk: Desk) -> None:
    clones = [desk.clone("ben") for _ in range(4)]
    for number, clone in enumerate(clones):
        clone.commit({f"{number}.txt": "x"})

    def push(number: int) -> int:
        pushed = clones[number].push("origin", f"HEAD:refs/heads/p{number}").returncode
        desk.propose(f"p{number}")
        return pushed

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(push, range(4))) == [0] * 4
    assert len(desk.ask("ben", "GET", "/pulls")) == 4
    assert sorted(event.ref for event in desk.runs.events if event.name == "push") == [
        f"refs/heads/p{number}" for number in range(4)
    ]


def test_a_pull_request_is_merged_by_one_of_those_who_try(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "x"})
    desk.propose()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: desk.call("ben", "PUT", "/pulls/1/merge").status_code, range(4)))
    assert sorted(found) == [200, 405, 405, 405]
