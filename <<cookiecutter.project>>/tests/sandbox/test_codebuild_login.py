"""A build signs in to the role of its duty, in another account, under a name that the audit reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.conftest import PROJECT as WHOLE
from tests.sandbox.building import create_project, exported, finish, log, service_role
from tests.sandbox.conftest import PAYLOAD, STAGING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.conftest import Sandbox

ROLE = "shop-rollback-staging"
SIGN_IN = """
version: 0.2
env:
  shell: bash
  exported-variables: [WHO]
phases:
  build:
    commands:
      - cd "$PROJECT"
      - python -m mlops.cli login rollback-staging
      - WHO=$(aws sts get-caller-identity --query Arn --output text)
"""


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Path:
    """The folder of a whole project of the sandbox's accounts."""
    small = yaml.safe_load((sandbox.root / "project.yml").read_text())
    (tmp_path / "project.yml").write_text(json.dumps(yaml.safe_load(WHOLE) | small))
    return tmp_path


def sign_in(sandbox: Sandbox, name: str, role: str, project: Path) -> dict[str, str]:
    """A build's attempt: whom AWS takes it for afterwards, and what its log says."""
    variables = {"PROJECT": str(project), "PYTHONPATH": str(PAYLOAD / "src")}
    environment = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/amazonlinux2-x86_64-standard:5.0",
        "computeType": "BUILD_GENERAL1_SMALL",
        "environmentVariables": [{"name": key, "value": value} for key, value in variables.items()],
    }
    create_project(sandbox, name, SIGN_IN, role, environment=environment)
    build = finish(sandbox, name)
    found = exported(build) if build["buildStatus"] == "SUCCEEDED" else {}
    return {**found, "log": log(sandbox, build), "build": build["id"].partition(":")[2]}


def test_a_build_takes_the_role_that_trusts_its_own_and_no_other(
    sandbox: Sandbox, unique: str, project: Path
) -> None:
    role = service_role(sandbox, unique)
    refused = sign_in(sandbox, f"{unique}-a", role, project)["log"]
    assert f"{ROLE}: " in refused, refused
    iam = sandbox.client("iam", f"AKIAROOT{STAGING}")
    before = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    trusted = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "sts:AssumeRole"}
    after = {**before, "Statement": [*before["Statement"], trusted]}
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(after))
    try:
        found = sign_in(sandbox, f"{unique}-b", role, project)
    finally:
        iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(before))
    assert found["WHO"] == f"arn:aws:sts::{STAGING}:assumed-role/{ROLE}/r.none.{found['build']}", found["log"]
