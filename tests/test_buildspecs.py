"""The template's own buildspec, run by the CodeBuild of the sandbox that it ships."""

import functools
import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config

from tests.template import PAYLOAD, ROOT, list_files

ACCOUNT, REGION = "222222222222", "eu-west-1"
BUCKET, ROLE = f"shop-data-{ACCOUNT}-{REGION}", f"arn:aws:iam::{ACCOUNT}:role/ci"
PROJECT = {
    "project": "shop",
    "owner_team": "@acme/ml",
    "repository": "acme/shop",
    "region": REGION,
    "accounts": dict.fromkeys(("training", "staging", "prod"), ACCOUNT),
}
TRUST = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
ALLOWED = {"Effect": "Allow", "Action": ["logs:*", "s3:GetObject", "kms:Decrypt"], "Resource": "*"}
# The virtualenv has what the lock says: it runs this. And the recipes of `check` and `test` are not run but
# listed, down to the payload's: `test` is what runs this.
MAKEFLAGS = "--dry-run --old-file=requirements.lock"


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


def pack() -> bytes:
    """The template as its repository holds it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in list_files("."):
            archive.write(ROOT / path, path)
    return packed.getvalue()


def test_codebuild_finds_every_command_of_the_templates_own_buildspec(endpoint: str) -> None:
    client = functools.partial(connect, endpoint)
    client("s3").put_object(Bucket=BUCKET, Key="template.zip", Body=pack())
    client("iam").create_role(RoleName="ci", AssumeRolePolicyDocument=document(TRUST))
    client("iam").put_role_policy(RoleName="ci", PolicyName="ci", PolicyDocument=document(ALLOWED))
    codebuild = client("codebuild")
    codebuild.create_project(
        name="template",
        serviceRole=ROLE,
        source={"type": "S3", "location": f"{BUCKET}/template.zip", "buildspec": "buildspec/ci.yml"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "computeType": "BUILD_GENERAL1_SMALL",
            "image": "aws/codebuild/amazonlinux2-x86_64-standard:5.0",
            "environmentVariables": [{"name": "MAKEFLAGS", "value": MAKEFLAGS}],
        },
    )
    started = codebuild.start_build(projectName="template")["build"]
    while not (build := codebuild.batch_get_builds(ids=[started["id"]])["builds"][0])["buildComplete"]:
        time.sleep(0.2)
    place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
    events = client("logs").get_log_events(**place, startFromHead=True)["events"]
    log = "\n".join(event["message"] for event in events)
    assert build["buildStatus"] == "SUCCEEDED", log
    commands = [
        line.partition("Running command ")[2] for line in log.splitlines() if "Running command" in line
    ]
    assert commands == ["make setup", "make check", "make test"]
    for recipe in ("ruff format --check .", "cfn-lint", "pytest -q -n 2 --dist worksteal"):
        assert recipe in log, f"no recipe calls {recipe!r}"


VERB = re.compile(r"bin/mlops (?:data )?(\w+)")
WORKFLOWS = sorted((ROOT / PAYLOAD).glob(".github/workflows/*.yml"))
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
