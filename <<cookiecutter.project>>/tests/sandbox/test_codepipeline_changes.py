"""What pipelines hear of the forge's events: pushes and pull requests, with the paths that they touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pygit2
import pytest

from sandbox.codepipeline.bus import made_input
from sandbox.codepipeline.changes import read_change
from sandbox.forge.events import ZERO, Event
from sandbox.forge.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

ADA = pygit2.Signature("Ada", "ada@example.com")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path, "acme/shop", 1, 2)


def commit(repository: Repository, branch: str, path: str, *parents: str) -> str:
    """A commit of one file beside those of its parent."""
    git: Any = repository.git
    builder = git.TreeBuilder(git[parents[0]].tree) if parents else git.TreeBuilder()
    builder.insert(path, git.create_blob(path.encode()), 0o100644)
    made = git.create_commit(None, ADA, ADA, path, builder.write(), list(parents))
    repository.set_ref(f"refs/heads/{branch}", str(made))
    return str(made)


def test_a_push_touches_what_differs_from_before(repository: Repository) -> None:
    first = commit(repository, "main", "a")
    second = commit(repository, "main", "b", first)
    event = Event("push", "refs/heads/main", second, second, "ada", 1, payload={"before": first})
    found = read_change(event, repository)
    assert found is not None
    assert (found.kind, found.branch, found.commit, found.paths) == ("push", "main", second, ("b",))


def test_a_new_branch_touches_all_that_it_has(repository: Repository) -> None:
    only = commit(repository, "main", "a")
    event = Event("push", "refs/heads/main", only, only, "ada", 1, payload={"before": ZERO})
    found = read_change(event, repository)
    assert found is not None
    assert found.paths == ("a",)


def pull(repository: Repository, action: str, held: bool = False) -> Event:
    """Of a branch that left main before main went on."""
    first = commit(repository, "main", "a")
    head = commit(repository, "work", "b", first)
    commit(repository, "main", "c", first)
    payload = {"pull_request": {"number": 7, "title": "Work"}}
    place = ("pull_request", "refs/pull/7/merge", head, head, "ada", 1)
    return Event(*place, action=action, head_ref="work", base_ref="main", payload=payload, held=held)


@pytest.mark.parametrize(
    ("action", "kind"), [("opened", "OPEN"), ("synchronize", "UPDATED"), ("closed", "CLOSED")]
)
def test_a_pull_request_touches_what_it_changes_and_not_what_main_did(
    repository: Repository, action: str, kind: str
) -> None:
    found = read_change(pull(repository, action), repository)
    assert found is not None
    assert (found.kind, found.branch, found.source_branch, found.pull) == (kind, "main", "work", 7)
    assert found.paths == ("b",)


def test_what_waits_for_a_person_or_is_no_change_starts_nothing(repository: Repository) -> None:
    assert read_change(pull(repository, "opened", held=True), repository) is None
    assert read_change(pull(repository, "labeled"), repository) is None


def test_a_target_is_given_the_event_a_text_or_one_made_of_both() -> None:
    event = {"detail": {"oldCommitId": "abc"}}
    transformer = {
        "InputPathsMap": {"old": "$.detail.oldCommitId", "none": "$.detail.x"},
        "InputTemplate": '{"variables": [{"name": "BASE", "value": "<old><none>"}]}',
    }
    assert made_input({}, event) == '{"detail": {"oldCommitId": "abc"}}'
    assert made_input({"Input": "{}"}, event) == "{}"
    assert made_input({"InputTransformer": transformer}, event) == (
        '{"variables": [{"name": "BASE", "value": "abc"}]}'
    )
