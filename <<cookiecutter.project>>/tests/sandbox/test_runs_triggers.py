"""`on:` and its filters: which events start a workflow."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sandbox.forge.events import Event
from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.patterns import matches
from sandbox.forge.runs.triggers import asks_to_skip, check_filters, starts
from sandbox.forge.runs.workflow import Workflow, read_workflow

SHA = "1" * 40


def workflow(on: Any) -> Workflow:
    jobs = {"a": {"runs-on": "x", "steps": [{"run": "true"}]}}
    return read_workflow(".github/workflows/x.yml", yaml.safe_dump({"on": on, "jobs": jobs}))


def event(name: str, ref: str = "refs/heads/main", **members: Any) -> Event:
    return Event(name, ref, SHA, SHA, "ada", 1, **members)


# Expected values: docs.github.com, "Workflow syntax", filter pattern cheat sheet
@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("feature/*", "feature/a", True),
        ("feature/*", "feature/a/b", False),
        ("feature/**", "feature/a/b", True),
        ("*", "a/b", False),
        ("**", "a/b", True),
        ("v2*", "v2.0", True),
        ("v[12].[0-9]+.[0-9]+", "v1.10.1", True),
        ("v[12].[0-9]+.[0-9]+", "v3.1.1", False),
        ("*.jsx?", "page.js", True),
        ("**.js", "js/index.js", True),
        ("docs/**", "docs/a/b.md", True),
        ("**/docs/**", "docs/b.md", True),
        ("**/docs/**", "a/docs/b.md", True),
        ("**/README.md", "README.md", True),
        ("models/*/model.yml", "models/tumor/model.yml", True),
        ("a.b", "axb", False),
    ],
)
def test_a_pattern_fits_as_github_documents(pattern: str, name: str, fits: bool) -> None:
    assert matches([pattern], name) is fits


def test_the_last_pattern_that_fits_decides() -> None:
    assert not matches(["releases/**", "!releases/old/**"], "releases/old/x")
    assert matches(["releases/**", "!releases/old/**", "releases/old/x"], "releases/old/x")


@pytest.mark.parametrize(
    ("on", "found", "expected"),
    [
        ("push", event("push"), True),
        (["push"], event("pull_request", action="opened"), False),
        ({"push": {"branches": ["main"]}}, event("push"), True),
        ({"push": {"branches": ["main"]}}, event("push", "refs/heads/other"), False),
        ({"push": {"branches": ["main"]}}, event("push", "refs/tags/v1"), False),
        ({"push": {"tags": ["v*"]}}, event("push"), False),
        ({"push": {"tags": ["v*"]}}, event("push", "refs/tags/v1"), True),
        ({"push": {"branches-ignore": ["mlops/**"]}}, event("push", "refs/heads/mlops/a/b"), False),
        (
            {"pull_request": {"branches": ["main"]}},
            event("pull_request", action="opened", base_ref="main"),
            True,
        ),
        (
            {"pull_request": {"branches": ["main"]}},
            event("pull_request", action="opened", base_ref="x"),
            False,
        ),
        ("pull_request", event("pull_request", action="closed"), False),
        ({"pull_request": {"types": ["closed"]}}, event("pull_request", action="closed"), True),
        ({"repository_dispatch": {"types": ["gate"]}}, event("repository_dispatch", action="gate"), True),
        ({"repository_dispatch": {"types": ["gate"]}}, event("repository_dispatch", action="x"), False),
        ("workflow_dispatch", event("workflow_dispatch", workflow="x.yml"), True),
        ("workflow_dispatch", event("workflow_dispatch", workflow="y.yml"), False),
        ({"schedule": [{"cron": "0 * * * *"}]}, event("schedule", workflow="x.yml"), True),
        ({"schedule": [{"cron": "0 * * * *"}]}, event("schedule", workflow="y.yml"), False),
        ({"push": {"paths": ["releases/**"]}}, event("push"), True),
        ({"push": {"paths": ["models/**"]}}, event("push"), False),
        ({"push": {"paths-ignore": ["releases/**"]}}, event("push"), True),
        ({"push": {"paths-ignore": ["**/*.yml", "README.md"]}}, event("push"), False),
    ],
)
def test_an_event_starts_what_its_filters_let_through(on: Any, found: Event, expected: bool) -> None:
    changed = ["releases/prod/tumor.yml", "README.md"]
    assert starts(workflow(on), found, lambda: changed) is expected


@pytest.mark.parametrize("message", ["Fix [skip ci]", "[no ci] x", "x\n\n[actions skip]"])
def test_a_message_can_keep_a_push_from_starting_anything(message: str) -> None:
    assert asks_to_skip(event("push"), message)
    assert not asks_to_skip(event("workflow_dispatch"), message)


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ({"push": {"branch": ["main"]}}, "`on.push` has 'branch'"),
        ({"push": {"paths": ["a"], "paths-ignore": ["b"]}}, "has both 'paths' and 'paths-ignore'"),
        ("pull_request_target", "`on` names 'pull_request_target', which nothing fires here"),
    ],
)
def test_a_filter_that_does_not_exist_is_refused(on: Any, said: str) -> None:
    with pytest.raises(WorkflowError) as refused:
        check_filters(workflow(on))
    assert said in str(refused.value)
