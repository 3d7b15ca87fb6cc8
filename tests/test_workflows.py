"""Workflows and buildspecs: what triggers them, what they may do, that they only call make."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.template import PAYLOAD, ROOT

WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *(ROOT / PAYLOAD).glob(".github/workflows/*.yml")])
BUILDSPECS = sorted([*ROOT.glob("buildspec/*.yml"), *(ROOT / PAYLOAD).glob("buildspec/*.yml")])
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
# The commits that were looked up in the actions' own tags
KNOWN_ACTIONS = {
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1",
}


def name_file(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def load(path: Path) -> dict[str, Any]:
    """Every scalar as text: YAML 1.1 would read the key `on` as true."""
    loaded = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 (it constructs text only)
    assert isinstance(loaded, dict)
    return loaded


def list_steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def list_make_targets(path: Path) -> list[str]:
    """The targets that the Makefile beside a workflow or buildspec defines."""
    makefile = next(folder / "Makefile" for folder in path.parents if (folder / "Makefile").exists())
    return re.findall(r"^([a-z-]+):", makefile.read_text(), re.MULTILINE)


def list_workflow_commands(path: Path) -> list[str]:
    return [step["run"] for step in list_steps(path) if "run" in step]


def list_buildspec_commands(path: Path) -> list[str]:
    return [command for phase in load(path)["phases"].values() for command in phase["commands"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_a_check_runs_on_pull_requests_and_on_main_alone(path: Path) -> None:
    assert load(path)["on"] == {"pull_request": "", "push": {"branches": ["main"]}}


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_a_check_may_read_the_repository_and_nothing_else(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert [job for job in workflow["jobs"].values() if "permissions" in job] == []
    assert "secrets." not in path.read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_a_newer_push_to_a_pull_request_cancels_the_older_run(path: Path) -> None:
    concurrency = load(path)["concurrency"]
    assert concurrency["group"] == "${{ github.workflow }}-${{ github.ref }}"
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_actions_are_pinned_to_commits_that_were_looked_up(path: Path) -> None:
    used = [step["uses"] for step in list_steps(path) if "uses" in step]
    assert used
    for action in used:
        assert PINNED.fullmatch(action)
        name, commit = action.split("@")
        assert KNOWN_ACTIONS[name] == commit


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_a_checkout_leaves_no_credentials_behind(path: Path) -> None:
    checkouts = [step for step in list_steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == ["false"] * len(checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_every_job_ends_by_itself(path: Path) -> None:
    assert all(int(job["timeout-minutes"]) <= 60 for job in load(path)["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS + BUILDSPECS, ids=name_file)
def test_ci_calls_nothing_but_make_targets_that_exist(path: Path) -> None:
    listed = list_workflow_commands(path) if path in WORKFLOWS else list_buildspec_commands(path)
    assert [command.split()[0] for command in listed] == ["make"] * len(listed)
    assert {command.split()[1] for command in listed} <= set(list_make_targets(path))


@pytest.mark.parametrize("path", WORKFLOWS + BUILDSPECS, ids=name_file)
def test_a_header_says_what_triggers_it_and_what_it_may_change(path: Path) -> None:
    header = path.read_text().split("\n\n")[0]
    assert header.startswith("# Triggered by ")
    assert "changes nothing" in header


def test_github_and_codebuild_run_the_same_targets() -> None:
    for folder, workflow, buildspec in [(ROOT, "ci", "ci"), (ROOT / PAYLOAD, "check", "check")]:
        on_github = list_workflow_commands(folder / f".github/workflows/{workflow}.yml")
        assert on_github == list_buildspec_commands(folder / f"buildspec/{buildspec}.yml")
