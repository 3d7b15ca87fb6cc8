"""The template's own buildspec, run by the CodeBuild of the sandbox that it ships."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config

from tests.template import PAYLOAD, ROOT, list_files

ACCOUNT, REGION = "222222222222", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"
PROJECT = {
    "project": "shop",
    "owner_team": "@acme/ml",
    "repository": "acme/shop",
    "region": REGION,
    "accounts": dict.fromkeys(("training", "staging", "prod"), ACCOUNT),
}
TRUST = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
ALLOWED = {"Effect": "Allow", "Action": ["codebuild:*", "codecommit:GitPull", "logs:*"], "Resource": "*"}
# Of each suite one file that takes a moment, and what `make check` runs: `make test` is what runs this
OTHERS = ("*/tests/*/*", "*/test_[!ap]*", "*/test_a[!n]*", "*/test_p[!s]*")
FEW = " ".join(["-k 'test_infra or test_psi or has_a_prompt'", *(f"--ignore-glob={each}" for each in OTHERS)])
GIT = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
BROKEN = f"{PAYLOAD}/src/mlops/plan.py"


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def sandbox(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / PAYLOAD)}
    command = [sys.executable, "-m", "sandbox", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sandbox's AWS, for a project that is as small as it needs."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "project.yml").write_text(json.dumps(PROJECT))
    (folder / "infra").symlink_to(ROOT / PAYLOAD / "infra")
    sandbox(folder, "up", "--detach")
    yield json.loads((folder / ".sandbox/sandbox.json").read_text())["endpoint"]
    sandbox(folder, "down")


def connect(endpoint: str, service: str) -> Any:  # noqa: ANN401 (its methods are made at run time)
    """A client of the account's root user."""
    create: Any = boto3.session.Session(f"AKIAROOT{ACCOUNT}", "none", region_name=REGION).client
    return create(service, endpoint_url=endpoint, config=Config(proxies={}))


@dataclass(frozen=True)
class Repository:
    """The template as git holds it, with what is not committed yet; on the sandbox's CodeCommit."""

    folder: Path
    endpoint: str

    def push(self, message: str) -> str:
        """Commit all and push; the commit."""
        user = f"AKIAROOT{ACCOUNT}:20261122T120000Z{'0' * 64}"
        remote = f"{self.endpoint.replace('://', f'://{user}@')}/v1/repos/template"
        for command in (
            ["add", "--all"],
            ["commit", "-q", "-m", message],
            ["push", "-q", remote, "HEAD:main"],
        ):
            subprocess.run([*GIT, *command], cwd=self.folder, check=True, capture_output=True)
        head = subprocess.run(
            [*GIT, "rev-parse", "HEAD"], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return head.stdout.strip()


@pytest.fixture(scope="module")
def repository(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("template")
    for path in list_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    connect(endpoint, "codecommit").create_repository(repositoryName="template")
    subprocess.run([*GIT, "init", "-q", "-b", "main"], cwd=folder, check=True)
    return Repository(folder, endpoint)


@pytest.fixture(scope="module")
def codebuild(endpoint: str, repository: Repository) -> Any:  # noqa: ANN401 (as above)
    """CodeBuild with a project for the template, as docs of CodeBuild have one made."""
    iam, client = connect(endpoint, "iam"), connect(endpoint, "codebuild")
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=document(TRUST))
    iam.put_role_policy(RoleName="ci", PolicyName="ci", PolicyDocument=document(ALLOWED))
    place = f"https://git-codecommit.{REGION}.amazonaws.com/v1/repos/template"
    client.create_project(
        name="template",
        serviceRole=ROLE,
        source={"type": "CODECOMMIT", "location": place, "buildspec": "buildspec/ci.yml"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "computeType": "BUILD_GENERAL1_SMALL",
            "image": "aws/codebuild/amazonlinux2-x86_64-standard:5.0",
        },
    )
    return client


def build(codebuild: Any, commit: str, **settings: str) -> dict[str, Any]:  # noqa: ANN401
    """Build a commit; how it ended."""
    variables = [{"name": name, "value": value} for name, value in settings.items()]
    started = codebuild.start_build(
        projectName="template", sourceVersion=commit, environmentVariablesOverride=variables
    )["build"]
    while not (found := codebuild.batch_get_builds(ids=[started["id"]])["builds"][0])["buildComplete"]:
        time.sleep(0.2)
    return dict(found)


def read_log(endpoint: str, build: dict[str, Any]) -> str:
    """What a build printed."""
    place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
    logs, lines = connect(endpoint, "logs"), []
    token: dict[str, str] = {}
    while (page := logs.get_log_events(**place, startFromHead=True, **token))["events"]:
        lines += [event["message"] for event in page["events"]]
        token = {"nextToken": page["nextForwardToken"]}
    return "\n".join(lines)


def test_codebuild_sets_up_checks_and_tests_the_template_by_its_own_buildspec(
    endpoint: str,
    repository: Repository,
    codebuild: Any,  # noqa: ANN401
    checking: dict[str, str],
) -> None:
    done = build(codebuild, repository.push("Start"), PYTEST_ADDOPTS=FEW, WORKERS="0", **checking)
    log = read_log(endpoint, done)
    assert done["buildStatus"] == "SUCCEEDED", log
    commands = [
        line.partition("Running command ")[2] for line in log.splitlines() if "Running command" in line
    ]
    assert commands == ["make setup", "make check", "make test"]
    assert log.count("Success: no issues found") >= 3, (
        "mypy has judged the payload, its models and the template"
    )
    reports = codebuild.batch_get_reports(reportArns=done["reportArns"])["reports"]
    (cases,) = [codebuild.describe_test_cases(reportArn=each["arn"])["testCases"] for each in reports]
    assert {each["status"] for each in cases} == {"SUCCEEDED"}
    suites = {suite for suite in ("test_answers", "test_psi") for each in cases if suite in each["prefix"]}
    assert suites == {"test_answers", "test_psi"}, "the template's own, and the payload's"


def test_a_build_of_what_does_not_parse_fails_in_its_check(
    endpoint: str,
    repository: Repository,
    codebuild: Any,  # noqa: ANN401
) -> None:
    (repository.folder / BROKEN).write_text("def plan(:\n")
    done = build(codebuild, repository.push("Break the plan"))
    assert done["buildStatus"] == "FAILED"
    failed = {
        each["phaseType"]: each["contexts"] for each in done["phases"] if each.get("phaseStatus") == "FAILED"
    }
    (context,) = failed.pop("BUILD")
    assert "make check" in context["message"]
    assert not failed, "no other phase failed"
    assert "src/mlops/plan.py" in read_log(endpoint, done)


VERB = re.compile(r"bin/mlops (?:data )?(\w+)")
# Under a CI without a matrix, make goes through the models
GOES_THROUGH = {"make affected": {"lint", "test"}, "make start": {"publish", "train"}}
SETTINGS = {"make setup GROUP=tool", "make setup GROUP=train", "make setup"}


def acts(commands: list[str]) -> set[str]:
    """The verbs and make targets that commands come to, whatever they are told."""
    found: set[str] = set()
    for command in commands:
        through = next((acts for start, acts in GOES_THROUGH.items() if command.startswith(start)), set())
        verbs = {match[1] for match in VERB.finditer(command)}
        targets = set(re.findall(r"make (lint|test)", command))
        found |= through | verbs | targets
    return found


@pytest.mark.parametrize(
    "path", sorted((ROOT / PAYLOAD).glob(".github/workflows/*.yml")), ids=lambda path: path.stem
)
def test_a_buildspec_does_what_the_workflow_of_its_name_does(path: Path) -> None:
    workflow = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 (it constructs text only)
    called = [job["uses"].rpartition("/")[2] for job in workflow["jobs"].values() if "uses" in job]
    files = [path, *(path.with_name(name) for name in called)]
    jobs = [job for file in files for job in yaml.load(file.read_text(), yaml.BaseLoader)["jobs"].values()]  # noqa: S506
    on_github = acts([step["run"] for job in jobs for step in job.get("steps", []) if "run" in step])
    spec = yaml.safe_load((ROOT / PAYLOAD / "buildspec" / path.name).read_text())
    commands = [command for phase in spec["phases"].values() for command in phase["commands"]]
    assert acts(commands) == on_github
    assert SETTINGS & set(commands)
