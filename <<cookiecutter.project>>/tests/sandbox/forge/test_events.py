"""What starts workflows, with which commits, and whose runs wait for a writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.forge.events import Event
    from tests.sandbox.forge.conftest import Desk


def seen(desk: Desk, name: str = "pull_request") -> list[Event]:
    return [event for event in desk.runs.events if event.name == name]


def test_opening_runs_on_the_test_merge_and_checks_land_on_the_head(desk: Desk) -> None:
    head = desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    (event,) = seen(desk)
    assert (event.action, event.ref, event.head_sha) == ("opened", "refs/pull/1/merge", head)
    assert event.sha == desk.forge.repository.resolve("refs/pull/1/merge")
    merged = desk.forge.repository.commit(event.sha)
    assert [str(parent) for parent in merged.parent_ids] == [desk.forge.repository.branch("main"), head]
    assert (event.head_ref, event.base_ref, event.actor, event.held) == ("topic", "main", "ben", False)
    assert event.payload["pull_request"]["head"]["sha"] == head


def test_each_activity_has_its_action(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.commit("topic", {"a.txt": "two"})
    desk.ask("ben", "PATCH", "/pulls/1", {"title": "Better"})
    desk.ask("ben", "POST", "/issues/1/labels", {"labels": ["urgent"]})
    desk.ask("ben", "PATCH", "/pulls/1", {"state": "closed"})
    desk.ask("ben", "PATCH", "/pulls/1", {"state": "open"})
    desk.merge(1)
    actions = ["opened", "synchronize", "edited", "labeled", "closed", "reopened", "closed"]
    assert [event.action for event in seen(desk)] == actions
    assert seen(desk)[-1].payload["pull_request"]["merged"]
    assert seen(desk)[1].payload["after"] == seen(desk)[1].head_sha


def test_a_merge_pushes_to_its_base(desk: Desk) -> None:
    before = desk.forge.repository.branch("main")
    desk.commit("topic", {"a.txt": "one"})
    sha = desk.merge(desk.propose(), "cleo")
    event = seen(desk, "push")[-1]
    assert (event.ref, event.sha, event.actor) == ("refs/heads/main", sha, "cleo")
    assert (event.payload["before"], event.payload["after"]) == (before, sha)


def test_a_review_is_an_event_of_its_own(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.approve(1, "cleo")
    (event,) = seen(desk, "pull_request_review")
    assert (event.action, event.actor) == ("submitted", "cleo")
    assert event.payload["review"]["state"] == "approved"


def test_a_job_that_opens_a_pull_request_starts_only_held_runs(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    token = desk.job(contents="write", pull_requests="write")
    desk.propose(who=token)
    desk.commit("topic", {"a.txt": "two"}, who=token)
    desk.ask(token, "PATCH", "/pulls/1", {"title": "Better"})
    assert [(event.action, event.held) for event in seen(desk)] == [("opened", True), ("synchronize", True)]
    assert {event.actor for event in seen(desk)} == {"github-actions[bot]"}


def test_a_persons_push_to_a_jobs_pull_request_is_not_held(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose(who=desk.job(pull_requests="write"))
    desk.commit("topic", {"a.txt": "two"})
    assert [event.held for event in seen(desk)] == [True, False]


def test_what_a_job_merges_pushes_or_approves_starts_nothing(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.runs.events.clear()
    token = desk.job(contents="write", pull_requests="write")
    desk.approve(1, token)
    desk.merge(1, token)
    assert desk.runs.events == []


def test_a_pull_request_in_conflict_starts_nothing(desk: Desk) -> None:
    desk.commit("topic", {"README.md": "one"})
    desk.commit("other", {"README.md": "two"})
    desk.merge(desk.propose("other"))
    desk.propose()
    assert [event.payload["number"] for event in seen(desk) if event.action == "opened"] == [1]


def test_a_refused_call_starts_nothing(desk: Desk) -> None:
    desk.rule()
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.runs.events.clear()
    desk.refusal("ben", "PUT", "/pulls/1/merge")
    # the title was changed, and that undone, before the base turned out to be missing
    desk.refusal("ben", "PATCH", "/pulls/1", {"title": "Better", "base": "gone"})
    desk.ask("ben", "GET", "/pulls/1")
    assert desk.runs.events == []


def test_a_deleted_branch_is_no_push(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.runs.events.clear()
    desk.ask("ben", "DELETE", "/git/refs/heads/topic")
    assert desk.runs.events == []
