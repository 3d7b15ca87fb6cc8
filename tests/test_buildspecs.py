"""The template's own buildspec, run by the CodeBuild of the sandbox that it ships."""

import functools
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
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
