"""CodeBuild: the phases of a buildspec, as processes, with what CodeBuild says of them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.sandbox.building import context, create_project, exported, finish, log, run, service_role, statuses
from tests.sandbox.conftest import ACCOUNT, wait_for
from tests.sandbox.pipelining import connect, push

if TYPE_CHECKING:
    from tests.sandbox.conftest import Sandbox

ROLE = f"arn:aws:iam::{ACCOUNT}:role/none"
WHOLE = """
version: 0.2
env:
  shell: bash
  variables: {GREETING: hello}
  exported-variables: [ANSWER, WHERE]
phases:
  install:
    runtime-versions: {python: "3.12"}
    commands: [mkdir deep, cd deep]
  build:
    commands:
      - ANSWER="$GREETING from $CODEBUILD_BUILD_NUMBER"
      - WHERE=$(basename "$PWD"); echo "succeeding $CODEBUILD_BUILD_SUCCEEDING"
  post_build:
    commands: [echo "$ANSWER in $WHERE"]
"""


def test_a_build_runs_its_phases_in_one_environment(sandbox: Sandbox, unique: str) -> None:
    build = run(sandbox, unique, WHOLE)
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    assert exported(build) == {"ANSWER": "hello from 1", "WHERE": "deep"}
    said = log(sandbox, build)
    assert "hello from 1 in deep" in said, said
    assert "succeeding 1" in said
    assert "Phase complete: BUILD State: SUCCEEDED" in said


def test_a_failing_command_ends_its_phase_after_finally_and_runs_post_build(
    sandbox: Sandbox, unique: str
) -> None:
    build = run(
        sandbox,
        unique,
        """
version: 0.2
phases:
  build:
    commands: [echo first, exit 3, echo never]
    finally: [echo at last]
  post_build:
    commands: [echo "succeeding $CODEBUILD_BUILD_SUCCEEDING"]
""",
    )
    assert build["buildStatus"] == "FAILED"
    assert statuses(build)["POST_BUILD"] == "SUCCEEDED"
    assert context(build, "BUILD") == {
        "statusCode": "COMMAND_EXECUTION_ERROR",
        "message": "Error while executing command: exit 3. Reason: exit status 3",
    }
    said = log(sandbox, build)
    assert "\nat last" in said
    assert "\nsucceeding 0" in said
    assert "\nnever" not in said


SECRETS = """
version: 0.2
env:
  parameter-store: {LEVEL: /shop/level}
  secrets-manager: {TOKEN: "shop-forge:token"}
  exported-variables: [SEEN]
phases:
  build:
    commands:
      - SEEN="$LEVEL ${#TOKEN}"
      - echo "the token is $TOKEN"
"""


def test_secrets_reach_the_build_by_its_roles_leave_and_stay_out_of_its_log(
    sandbox: Sandbox, unique: str
) -> None:
    sandbox.client("ssm").put_parameter(
        Name="/shop/level", Value="quiet", Type="SecureString", Overwrite=True
    )
    secrets = sandbox.client("secretsmanager")
    with contextlib.suppress(secrets.exceptions.ResourceExistsException):
        secrets.create_secret(Name="shop-forge", SecretString='{"token": "s3cr3t-token"}')
    build = run(sandbox, unique, SECRETS)
    assert exported(build)["SEEN"] == "*** 12", build["phases"]
    assert "\nthe token is ***" in log(sandbox, build)
    role = service_role(sandbox, f"{unique}-less", ("logs:*", "ssm:*"))
    refused = run(sandbox, f"{unique}-less", SECRETS, role=role)
    assert statuses(refused)["DOWNLOAD_SOURCE"] == "FAILED"
    assert context(refused, "DOWNLOAD_SOURCE")["statusCode"] == "Secrets Manager Error Message"
    assert "secretsmanager:GetSecretValue" in context(refused, "DOWNLOAD_SOURCE")["message"]


OUTPUTS = """
version: 0.2
phases:
  build:
    on-failure: CONTINUE
    commands:
      - cat kept/count 2>/dev/null || echo 0 > /dev/null
      - mkdir -p kept out reports && echo x >> kept/count
      - cp kept/count out/count
      - >-
        echo '<testsuite name="s"><testcase name="a"/>
        <testcase name="b"><failure message="no"/></testcase></testsuite>' > reports/r.xml
reports:
  tests: {files: ["*.xml"], base-directory: reports}
artifacts:
  base-directory: out
  files: ["**/*"]
cache:
  paths: ["kept/**/*"]
"""


def test_a_build_leaves_artifacts_a_report_and_a_cache_for_the_next(sandbox: Sandbox, unique: str) -> None:
    create_project(
        sandbox,
        unique,
        OUTPUTS,
        artifacts={
            "type": "S3",
            "location": sandbox.bucket,
            "path": unique,
            "packaging": "ZIP",
            "name": "o.zip",
        },
        cache={"type": "S3", "location": f"{sandbox.bucket}/{unique}/cache"},
    )
    finish(sandbox, unique)
    build = finish(sandbox, unique)
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    body = sandbox.read(f"s3://{sandbox.bucket}/{unique}/o.zip")
    assert zipfile.ZipFile(io.BytesIO(body)).read("count") == b"x\nx\n"
    assert build["artifacts"]["sha256sum"] == hashlib.sha256(body).hexdigest()
    codebuild = sandbox.client("codebuild")
    report = codebuild.batch_get_reports(reportArns=build["reportArns"])["reports"][0]
    assert (report["status"], report["testSummary"]["total"]) == ("FAILED", 2)
    assert report["name"] == f"{unique}-tests"
    cases = codebuild.describe_test_cases(reportArn=report["arn"], filter={"status": "FAILED"})["testCases"]
    assert [case["name"] for case in cases] == ["b"]


WAITS = "version: 0.2\nphases: {build: {commands: [echo begun, sleep 600], finally: [echo at last]}}"


@pytest.mark.parametrize("how", ["STOPPED", "TIMED_OUT"])
def test_a_build_ends_when_it_is_stopped_or_out_of_time(sandbox: Sandbox, unique: str, how: str) -> None:
    create_project(sandbox, unique, WAITS, timeoutInMinutes=5)
    codebuild = sandbox.client("codebuild")
    started = codebuild.start_build(projectName=unique)["build"]["id"]

    def read() -> dict[str, Any]:
        return dict(codebuild.batch_get_builds(ids=[started])["builds"][0])

    wait_for(
        read, "currentPhase", "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD"
    )
    if how == "STOPPED":
        codebuild.stop_build(id=started)
    else:
        requests.post(f"{sandbox.endpoint}/_sandbox/clock", json={"forward": 301}, timeout=30)
    ended = wait_for(read, "buildStatus", "IN_PROGRESS")
    assert (ended["buildStatus"], statuses(ended)["BUILD"]) == (how, how)


def test_a_build_clones_the_forge_through_its_connection(sandbox: Sandbox, unique: str) -> None:
    commit = push(sandbox, "buildspec/own.yml", WHOLE)
    location = {
        "type": "GITHUB",
        "location": "https://github.com/acme/shop.git",
        "buildspec": "buildspec/own.yml",
    }
    auth = {"type": "CODECONNECTIONS", "resource": connect(sandbox, unique)}
    create_project(sandbox, unique, "", source={**location, "auth": auth})
    build = finish(sandbox, unique, sourceVersion="main")
    assert (build["buildStatus"], build["resolvedSourceVersion"]) == ("SUCCEEDED", commit), build["phases"]
    absent = finish(sandbox, unique, sourceVersion="gone")
    assert (
        "reference not found for primary source and source version gone"
        in context(absent, "DOWNLOAD_SOURCE")["message"]
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"autoRetryLimit": 2}, "does not serve autoRetryLimit of a project"),
        ({"source": {"type": "BITBUCKET"}}, "the sandbox builds no BITBUCKET source"),
        ({"serviceRole": f"{ROLE}x"}, f"not authorized to perform: sts:AssumeRole on {ROLE}x"),
        ({"timeoutInMinutes": 2161}, "timeoutInMinutes is 2161; allowed: 5 to 2160"),
    ],
)
def test_what_nothing_here_could_build_is_refused_by_name(
    sandbox: Sandbox, unique: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=re.escape(said)):
        create_project(sandbox, unique, WAITS, **{"role": service_role(sandbox, unique), **changes})
