"""The forge's answers against GitHub's own description of its API."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.judges.openapi import Description
from tests.template import PAYLOAD, ROOT

HERE = Path(__file__).parent
# what `mlops` calls; each has to be among the answers that are judged
USED = (
    "GET /repos/{owner}/{repo}",
    "GET /user",
    "GET /users/{username}",
    "GET /repos/{owner}/{repo}/pulls",
    "POST /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}",
    "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/commits",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/files",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals",
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/update-branch",
    "GET /repos/{owner}/{repo}/commits",
    "GET /repos/{owner}/{repo}/commits/{ref}",
    "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls",
    "GET /repos/{owner}/{repo}/compare/{base}...{head}",
    "GET /repos/{owner}/{repo}/git/ref/{ref}",
    "POST /repos/{owner}/{repo}/git/refs",
    "PATCH /repos/{owner}/{repo}/git/refs/{ref}",
    "POST /repos/{owner}/{repo}/git/blobs",
    "GET /repos/{owner}/{repo}/git/trees/{tree_sha}",
    "POST /repos/{owner}/{repo}/git/trees",
    "GET /repos/{owner}/{repo}/git/commits/{commit_sha}",
    "POST /repos/{owner}/{repo}/git/commits",
    "GET /repos/{owner}/{repo}/contents/{path}",
    "GET /repos/{owner}/{repo}/branches/{branch}",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "GET /repos/{owner}/{repo}/issues",
    "POST /repos/{owner}/{repo}/issues",
    "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
    "GET /repos/{owner}/{repo}/rules/branches/{branch}",
    "GET /repos/{owner}/{repo}/rulesets",
    "POST /repos/{owner}/{repo}/rulesets",
    "GET /repos/{owner}/{repo}/rulesets/{ruleset_id}",
    "PUT /repos/{owner}/{repo}/environments/{environment_name}",
    "GET /repos/{owner}/{repo}/environments/{environment_name}",
    "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies",
    "POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies",
    "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
    "GET /repos/{owner}/{repo}/actions/permissions",
    "GET /repos/{owner}/{repo}/actions/permissions/workflow",
    "POST /repos/{owner}/{repo}/statuses/{sha}",
    "GET /repos/{owner}/{repo}/commits/{ref}/status",
    "GET /repos/{owner}/{repo}/actions/jobs/{job_id}",
    "GET /repos/{owner}/{repo}/actions/oidc/customization/sub",
    "GET /repos/{owner}/{repo}/actions/runs",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
    "POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
    "GET /repos/{owner}/{repo}/actions/workflows",
    "GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}",
    "POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
    "GET /repos/{owner}/{repo}/check-runs/{check_run_id}",
    "POST /repos/{owner}/{repo}/check-runs",
    "GET /repos/{owner}/{repo}/commits/{ref}/check-runs",
    "GET /repos/{owner}/{repo}/commits/{ref}/check-suites",
)
RUNS = ("tests/sandbox/test_runs_control.py", "tests/sandbox/test_runs_service.py")
TESTS = ("tests/sandbox/forge", *RUNS)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every answer that the payload's tests of the forge bring about."""
    file = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "record_answers"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(HERE), str(ROOT / PAYLOAD))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FORGE_ANSWERS": str(file),
    }
    done = subprocess.run(
        [*command, *TESTS],
        cwd=ROOT / PAYLOAD,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def description(judges: Path) -> Description:
    return Description(judges)


def test_every_answer_is_as_github_describes_it(
    answers: list[dict[str, Any]], description: Description
) -> None:
    faults: dict[str, str] = {}
    for answer in answers:
        template = description.template(answer["path"])
        schema = description.schema(answer["method"], template, answer["status"]) if template else None
        found = description.faults(schema, answer["body"]) if schema else []
        if found:
            name = f"{answer['method']} {template} {answer['status']}"
            faults.setdefault(name, f"{found[:6]} in {answer['test']}")
    assert faults == {}


def test_every_route_that_mlops_uses_is_judged(
    answers: list[dict[str, Any]], description: Description
) -> None:
    good = [answer for answer in answers if answer["status"] < 300]
    judged = {f"{answer['method']} {description.template(answer['path'])}" for answer in good}
    assert set(USED) - judged == set()


def test_every_success_has_a_status_that_github_describes(
    answers: list[dict[str, Any]], description: Description
) -> None:
    unknown = set()
    for answer in answers:
        template = description.template(answer["path"])
        if template and answer["status"] < 300:
            described = description.responses(answer["method"], template)
            if str(answer["status"]) not in described:
                unknown.add(f"{answer['method']} {template}: {answer['status']}, not {sorted(described)}")
    assert unknown == set()


def test_a_member_that_is_missing_would_be_found(
    answers: list[dict[str, Any]], description: Description
) -> None:
    template = "/repos/{owner}/{repo}/pulls/{pull_number}"
    pull = next(
        answer["body"]
        for answer in answers
        if answer["status"] == 200
        and answer["method"] == "GET"
        and description.template(answer["path"]) == template
    )
    schema = description.schema("GET", template, 200)
    assert description.faults(schema, pull) == []
    del pull["head"]["sha"]
    assert description.faults(schema, pull) == ["$.head: 'sha' is a required property"]
