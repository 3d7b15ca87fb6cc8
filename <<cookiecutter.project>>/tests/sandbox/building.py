"""Projects and builds for the tests of CodeBuild and CodePipeline, made through boto3 alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.sandbox.conftest import ACCOUNT, Sandbox, allow, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD = "aws/codebuild/amazonlinux2-x86_64-standard:5.0"
EVERYTHING = (
    "codebuild:*",
    "codestar-connections:*",
    "kms:*",
    "logs:*",
    "s3:*",
    "secretsmanager:*",
    "ssm:*",
    "sts:*",
)


def service_role(
    sandbox: Sandbox, name: str, actions: tuple[str, ...] = EVERYTHING, service: str = "codebuild"
) -> str:
    """A role that a service may take; its ARN."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    iam = sandbox.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=allow(*actions))
    return str(made["Role"]["Arn"])


def create_project(
    sandbox: Sandbox, name: str, buildspec: str, role: str = "", **changes: Any
) -> dict[str, Any]:
    """A project of a buildspec that is written into it."""
    return dict(
        sandbox.client("codebuild").create_project(
            **{
                "name": name,
                "source": {"type": "NO_SOURCE", "buildspec": buildspec},
                "artifacts": {"type": "NO_ARTIFACTS"},
                "environment": {
                    "type": "LINUX_CONTAINER",
                    "image": STANDARD,
                    "computeType": "BUILD_GENERAL1_SMALL",
                },
                "serviceRole": role or service_role(sandbox, name),
                **changes,
            }
        )["project"]
    )


def finish(sandbox: Sandbox, name: str, **overrides: Any) -> dict[str, Any]:
    """Start a build and wait for its end; its record."""
    codebuild = sandbox.client("codebuild")
    started = codebuild.start_build(projectName=name, **overrides)["build"]["id"]
    return wait_for(
        lambda: codebuild.batch_get_builds(ids=[started])["builds"][0], "buildStatus", "IN_PROGRESS"
    )


def run(sandbox: Sandbox, name: str, buildspec: str, **changes: Any) -> dict[str, Any]:
    """Make a project and build it once."""
    create_project(sandbox, name, buildspec, **changes)
    return finish(sandbox, name)


def statuses(build: Mapping[str, Any]) -> dict[str, str]:
    """How each phase ended."""
    return {phase["phaseType"]: phase.get("phaseStatus", "") for phase in build["phases"]}


def context(build: Mapping[str, Any], phase: str) -> dict[str, str]:
    """Why a phase ended so."""
    found = next(each for each in build["phases"] if each["phaseType"] == phase)
    return dict(found["contexts"][0])


def log(sandbox: Sandbox, build: Mapping[str, Any]) -> str:
    """What a build has written to CloudWatch Logs."""
    place = build["logs"]
    events = sandbox.client("logs").get_log_events(
        logGroupName=place["groupName"], logStreamName=place["streamName"], startFromHead=True
    )["events"]
    return "\n".join(event["message"] for event in events)


def exported(build: Mapping[str, Any]) -> dict[str, str]:
    """The variables that a build exports."""
    return {each["name"]: each["value"] for each in build["exportedEnvironmentVariables"]}


CONNECTION = f"arn:aws:codestar-connections:eu-west-1:{ACCOUNT}:connection/"
