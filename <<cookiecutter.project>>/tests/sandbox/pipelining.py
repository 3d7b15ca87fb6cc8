"""Pipelines for the tests of CodePipeline: a repository on the forge, a connection to it, stages."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.sandbox.building import create_project, service_role
from tests.sandbox.conftest import wait_for

if TYPE_CHECKING:
    from tests.sandbox.conftest import Sandbox

REPOSITORY = "acme/shop"
AWS = {"owner": "AWS", "version": "1"}
OVER = ("Succeeded", "Failed", "Stopped", "Superseded")
ROLE = ("s3:*", "codebuild:*", "codestar-connections:*", "codecommit:*", "sns:*", "kms:*", "logs:*")


def address(sandbox: Sandbox) -> str:
    """The repository, as its owner pushes to it."""
    forge = json.loads((sandbox.root / ".sandbox/sandbox.json").read_text())["forge"]
    token = next(iter(json.loads((sandbox.root / ".sandbox/forge/tokens.json").read_text()).values()))
    return f"{forge.replace('://', f'://x-access-token:{token}@')}/{REPOSITORY}.git"


def push(sandbox: Sandbox, path: str, text: str, branch: str = "main") -> str:
    """Commit one file and push it; the commit."""
    with tempfile.TemporaryDirectory() as folder:
        git(folder, "init", "--quiet", "--initial-branch", branch)
        if git(folder, "ls-remote", address(sandbox), f"refs/heads/{branch}"):
            git(folder, "fetch", "--quiet", address(sandbox), branch)
            git(folder, "reset", "--quiet", "--hard", "FETCH_HEAD")
        place = Path(folder, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        git(folder, "add", path)
        git(folder, "commit", "--quiet", "--allow-empty", "--message", f"Write {path}")
        git(folder, "push", "--quiet", address(sandbox), f"HEAD:refs/heads/{branch}")
        return git(folder, "rev-parse", "HEAD")


def git(folder: str, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ["git", "-C", folder, *who, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def connect(sandbox: Sandbox, name: str, authorised: bool = True) -> str:
    """A connection to the forge; its ARN."""
    made = sandbox.client("codestar-connections").create_connection(
        ProviderType="GitHub", ConnectionName=name
    )
    arn = str(made["ConnectionArn"])
    if authorised:
        place = f"{sandbox.endpoint}/_sandbox/connections"
        assert requests.post(place, json={"arn": arn}, timeout=30).ok
    return arn


def source(connection: str, **configuration: str) -> dict[str, Any]:
    """The stage that all pipelines begin with."""
    action = {
        "name": "Source",
        "actionTypeId": {**AWS, "category": "Source", "provider": "CodeStarSourceConnection"},
        "configuration": {
            "ConnectionArn": connection,
            "FullRepositoryId": REPOSITORY,
            "BranchName": "main",
            "DetectChanges": "false",
            **configuration,
        },
        "outputArtifacts": [{"name": "Code"}],
        "namespace": "SourceVariables",
    }
    return {"name": "Source", "actions": [action]}


def build(name: str, project: str, **members: Any) -> dict[str, Any]:
    """An action that builds a project."""
    configuration = {"ProjectName": project, **members.pop("configuration", {})}
    return {
        "name": name,
        "actionTypeId": {**AWS, "category": "Build", "provider": "CodeBuild"},
        "configuration": configuration,
        "inputArtifacts": [{"name": "Code"}],
        **members,
    }


def approval(name: str = "Approve", **members: Any) -> dict[str, Any]:
    """An action that waits for a person."""
    return {"name": name, "actionTypeId": {**AWS, "category": "Approval", "provider": "Manual"}, **members}


def stage(name: str, *actions: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"name": name, "actions": list(actions), **members}


def check(result: str, variable: str, operator: str, value: str) -> dict[str, Any]:
    """A condition of one rule."""
    rule = {
        "name": "Look",
        "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"},
        "configuration": {"Variable": variable, "Operator": operator, "Value": value},
    }
    return {"conditions": [{"result": result, "rules": [rule]}]}


@dataclass(frozen=True)
class Pipeline:
    """One pipeline of the sandbox, driven through boto3."""

    sandbox: Sandbox
    name: str

    @property
    def client(self) -> Any:
        return self.sandbox.client("codepipeline")

    def start(self, **arguments: Any) -> str:
        return str(self.client.start_pipeline_execution(name=self.name, **arguments)["pipelineExecutionId"])

    def get(self, execution: str) -> dict[str, Any]:
        found = self.client.get_pipeline_execution(pipelineName=self.name, pipelineExecutionId=execution)
        return dict(found["pipelineExecution"])

    def finish(self, execution: str) -> dict[str, Any]:
        return wait_for(lambda: self.get(execution), "status", "InProgress", "Stopping")

    def run(self, **arguments: Any) -> dict[str, Any]:
        return self.finish(self.start(**arguments))

    def actions(self, execution: str) -> dict[str, dict[str, Any]]:
        """The last run of each action of an execution."""
        found = self.client.list_action_executions(
            pipelineName=self.name, filter={"pipelineExecutionId": execution}
        )["actionExecutionDetails"]
        return {each["actionName"]: each for each in reversed(found)}

    def why(self, execution: str) -> str:
        """What the actions of an execution have failed of."""
        told = (each["output"]["executionResult"] for each in self.actions(execution).values())
        return "\n".join(each["errorDetails"]["message"] for each in told if "errorDetails" in each)

    def executions(self) -> list[dict[str, Any]]:
        """All executions, the newest first."""
        found = self.client.list_pipeline_executions(pipelineName=self.name)
        return list(found["pipelineExecutionSummaries"])

    def wait_for_another(self, than: int) -> None:
        """Wait until there are more executions than so many."""
        wait_for(lambda: {"more": "yes" if len(self.executions()) > than else None}, "more", None)

    def wait_for_inbound(self, stage: str) -> None:
        """Wait until an execution waits before a stage."""
        wait_for(lambda: {"in": "yes" if self.stage(stage).get("inboundExecution") else None}, "in", None)

    def stage(self, name: str) -> dict[str, Any]:
        found = self.client.get_pipeline_state(name=self.name)["stageStates"]
        return next(dict(each) for each in found if each["stageName"] == name)

    def asked(self, name: str = "Approve", of: str = "") -> str:
        """Wait for an approval to be asked for; its token."""

        def read() -> dict[str, Any]:
            state = self.stage(name)
            run = state["actionStates"][0].get("latestExecution", {})
            right = not of or state.get("latestExecution", {}).get("pipelineExecutionId") == of
            is_open = run.get("status") == "InProgress" and "token" in run
            return {"token": run.get("token") if right and is_open else None}

        return str(wait_for(read, "token", None)["token"])

    def answer(self, status: str, summary: str = "seen", name: str = "Approve", of: str = "") -> None:
        self.client.put_approval_result(
            pipelineName=self.name,
            stageName=name,
            actionName=name,
            result={"status": status, "summary": summary},
            token=self.asked(name, of),
        )


def declare(sandbox: Sandbox, name: str, *stages: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A pipeline's declaration, under a role of its own."""
    return {
        "name": name,
        "roleArn": service_role(sandbox, f"{name}-pipe", ROLE, "codepipeline"),
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "artifactStore": {"type": "S3", "location": sandbox.bucket},
        "stages": list(stages),
        **members,
    }


def create(sandbox: Sandbox, name: str, *stages: dict[str, Any], **members: Any) -> Pipeline:
    """Make a pipeline, and wait for the execution that begins with it."""
    made = Pipeline(sandbox, name)
    made.client.create_pipeline(pipeline=declare(sandbox, name, *stages, **members))
    return made


def code_project(sandbox: Sandbox, name: str, buildspec: str) -> str:
    """A CodeBuild project that takes its source from a pipeline; its name."""
    project = f"{name}-build"
    create_project(
        sandbox,
        project,
        "",
        source={"type": "CODEPIPELINE", "buildspec": buildspec},
        artifacts={"type": "CODEPIPELINE"},
    )
    return project
