"""Workflows and buildspecs: what triggers them, what they may do, that they only call make."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlops.cli import VERBS

from tests.template import PAYLOAD, ROOT

WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *(ROOT / PAYLOAD).glob(".github/workflows/*.yml")])
BUILDSPECS = sorted([*ROOT.glob("buildspec/*.yml"), *(ROOT / PAYLOAD).glob("buildspec/*.yml")])
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
# The commits that were looked up in the actions' own tags
KNOWN_ACTIONS = {
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1",
    "actions/upload-artifact": "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
}


def name_file(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def load(path: Path) -> dict[str, Any]:
    """Every scalar as text: YAML 1.1 would read the key `on` as true."""
    loaded = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 (it constructs text only)
    assert isinstance(loaded, dict)
    return loaded


def list_steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job.get("steps", [])]


def list_make_targets(path: Path) -> list[str]:
    """The targets that the Makefile beside a workflow or buildspec defines."""
    makefile = next(folder / "Makefile" for folder in path.parents if (folder / "Makefile").exists())
    return re.findall(r"^([a-z-]+):", makefile.read_text(), re.MULTILINE)


def list_workflow_commands(path: Path) -> list[str]:
    return [step["run"] for step in list_steps(path) if "run" in step]


def list_buildspec_commands(path: Path) -> list[str]:
    return [command for phase in load(path)["phases"].values() for command in phase["commands"]]


CHECKS = [path for path in WORKFLOWS if path.stem in ("check", "ci")]
ACTING = [path for path in WORKFLOWS if path not in CHECKS]
# What a job may write, by the file and job that has a reason to
WRITES = {
    ("train", "train"): {"id-token"},
    ("propose", "propose"): {"actions", "contents", "id-token", "pull-requests"},
    ("audit", "audit"): {"id-token", "issues"},
    ("deploy", "staging"): {"id-token"},
    ("deploy", "prod"): {"id-token"},
    ("rollback", "staging"): {"id-token"},
    ("rollback", "prod"): {"id-token"},
    ("rollback", "propose"): {"actions", "contents", "id-token", "pull-requests"},
    ("reconcile", "deploy"): {"id-token"},
    ("reconcile", "propose"): {"actions", "contents", "id-token", "pull-requests"},
}


@pytest.mark.parametrize("path", CHECKS, ids=name_file)
def test_a_check_runs_on_pull_requests_and_on_main(path: Path) -> None:
    triggers = load(path)["on"]
    assert triggers["pull_request"] == ""
    assert triggers["push"] == {"branches": ["main"]}


@pytest.mark.parametrize("path", ACTING, ids=name_file)
def test_nothing_that_acts_runs_for_a_pull_request(path: Path) -> None:
    triggers = set(load(path)["on"])
    assert triggers.isdisjoint({"pull_request", "pull_request_target", "workflow_run"})


@pytest.mark.parametrize("path", CHECKS, ids=name_file)
def test_a_check_may_read_the_repository_and_nothing_else(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert [job for job in workflow["jobs"].values() if "permissions" in job] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_no_workflow_reads_a_stored_secret(path: Path) -> None:
    assert "secrets" not in path.read_text()


@pytest.mark.parametrize("path", ACTING, ids=name_file)
def test_a_job_may_write_only_what_it_has_a_reason_for(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] in ("{}", {}, {"contents": "read"})
    found = {
        (path.stem, name): {scope for scope, level in job["permissions"].items() if level == "write"}
        for name, job in workflow["jobs"].items()
        if "permissions" in job
    }
    assert found == {place: scopes for place, scopes in WRITES.items() if place[0] == path.stem}


@pytest.mark.parametrize("path", ACTING, ids=name_file)
def test_a_job_that_deploys_or_flips_is_in_the_environment_of_its_role(path: Path) -> None:
    for job in load(path)["jobs"].values():
        roles = [
            step["run"].split()[2] for step in job.get("steps", []) if "mlops login" in step.get("run", "")
        ]
        for role in roles:
            wanted = role.removeprefix("deploy-") if role.startswith(("deploy-", "rollback-")) else None
            assert job.get("environment") == wanted


@pytest.mark.parametrize("path", CHECKS, ids=name_file)
def test_a_newer_push_to_a_pull_request_cancels_the_older_run(path: Path) -> None:
    concurrency = load(path)["concurrency"]
    assert concurrency["group"] == "${{ github.workflow }}-${{ github.ref }}"
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


@pytest.mark.parametrize("path", ACTING, ids=name_file)
def test_what_acts_is_never_cancelled_half_way(path: Path) -> None:
    workflow = load(path)
    groups = [
        holder["concurrency"] for holder in (workflow, *workflow["jobs"].values()) if "concurrency" in holder
    ]
    assert groups
    assert {group["cancel-in-progress"] for group in groups} == {"false"}


def test_the_check_that_main_requires_is_a_job_that_always_reports() -> None:
    ruleset = json.loads((ROOT / PAYLOAD / ".github/rulesets/main.json").read_text())
    rules = {rule["type"]: rule.get("parameters", {}) for rule in ruleset["rules"]}
    required = [check["context"] for check in rules["required_status_checks"]["required_status_checks"]]
    jobs = load(ROOT / PAYLOAD / ".github/workflows/check.yml")["jobs"]
    (last,) = [job for job in jobs.values() if job["name"] in required]
    assert last["if"] == "always()"
    assert set(last["needs"]) == set(jobs) - {"check"}
    assert ruleset["bypass_actors"] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_actions_are_pinned_to_commits_that_were_looked_up(path: Path) -> None:
    used = [step["uses"] for step in list_steps(path) if "uses" in step]
    called = [job["uses"] for job in load(path)["jobs"].values() if "uses" in job]
    assert used or called
    assert [name for name in called if not name.startswith("./.github/workflows/")] == []
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
    jobs = [job for job in load(path)["jobs"].values() if "uses" not in job]
    assert all(int(job["timeout-minutes"]) <= 350 for job in jobs)  # GitHub's own end is at 360


@pytest.mark.parametrize("path", WORKFLOWS + BUILDSPECS, ids=name_file)
def test_ci_calls_nothing_but_verbs_and_make_targets_that_exist(path: Path) -> None:
    listed = list_workflow_commands(path) if path in WORKFLOWS else list_buildspec_commands(path)
    words = [command.split() for command in listed]
    assert {word[0] for word in words} <= {"make", "bin/mlops", "test"}
    assert {word[1] for word in words if word[0] == "make"} <= set(list_make_targets(path))
    assert {word[1] for word in words if word[0] == "bin/mlops"} <= set(VERBS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_file)
def test_no_value_of_an_event_is_pasted_into_a_script(path: Path) -> None:
    assert [command for command in list_workflow_commands(path) if "${{" in command] == []


@pytest.mark.parametrize("path", WORKFLOWS + BUILDSPECS, ids=name_file)
def test_a_header_says_what_triggers_it_and_what_it_may_do(path: Path) -> None:
    header = " ".join(line.removeprefix("# ") for line in path.read_text().split("\n\n")[0].splitlines())
    assert header.startswith("Triggered ")
    assert re.search(r"changes nothing|[Aa]cts? as", header) or path.stem == "rollback"


def test_github_and_codebuild_run_the_same_targets() -> None:
    on_github = list_workflow_commands(ROOT / ".github/workflows/ci.yml")
    assert on_github == list_buildspec_commands(ROOT / "buildspec/ci.yml")
