"""A push to CodeCommit starts a pipeline by a rule of EventBridge, and its build clones what was pushed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests

from tests.sandbox.building import create_project, service_role
from tests.sandbox.conftest import ACCOUNT, REGION
from tests.sandbox.pipelining import AWS, ROLE, Pipeline, build, declare, stage

if TYPE_CHECKING:
    from tests.sandbox.conftest import Sandbox

HISTORY = """
version: 0.2
env: {exported-variables: [COMMITS], git-credential-helper: yes}
phases: {build: {commands: [git fetch origin main, 'COMMITS=$(git log --format=%s | tr "\\n" ";")']}}
"""


def commit(sandbox: Sandbox, name: str, text: str) -> str:
    """Commit one file to main by CodeCommit's API; the commit."""
    client = sandbox.client("codecommit")
    parent = {}
    if client.list_branches(repositoryName=name)["branches"]:
        found = client.get_branch(repositoryName=name, branchName="main")["branch"]
        parent = {"parentCommitId": found["commitId"]}
    made = client.create_commit(
        repositoryName=name,
        branchName="main",
        putFiles=[{"filePath": "said.txt", "fileContent": text.encode()}],
        commitMessage=text,
        authorName="Ada",
        email="ada@example.com",
        **parent,
    )
    return str(made["commitId"])


def follow(sandbox: Sandbox, name: str) -> None:
    """A rule that starts the pipeline with a push to main, and one that starts it by the clock."""
    events, target = sandbox.client("events"), f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:{name}"
    role = service_role(sandbox, f"{name}-rule", ("codepipeline:StartPipelineExecution",), "events")
    pattern = {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "detail": {"repositoryName": [name], "referenceName": ["main"], "event": ["referenceUpdated"]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_rule(Name=f"{name}-hourly", ScheduleExpression="rate(1 hour)")
    for rule in (name, f"{name}-hourly"):
        events.put_targets(Rule=rule, Targets=[{"Id": "pipeline", "Arn": target, "RoleArn": role}])


def declared(sandbox: Sandbox, name: str) -> dict[str, Any]:
    project = f"{name}-build"
    whole = {"source": {"type": "CODEPIPELINE", "buildspec": HISTORY}, "artifacts": {"type": "CODEPIPELINE"}}
    role = service_role(sandbox, project, ("logs:*", "s3:*", "kms:*", "codecommit:GitPull"))
    create_project(sandbox, project, "", role, **whole)
    source = {
        "name": "Source",
        "actionTypeId": {**AWS, "category": "Source", "provider": "CodeCommit"},
        "configuration": {
            "RepositoryName": name,
            "BranchName": "main",
            "PollForSourceChanges": "false",
            "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
        },
        "outputArtifacts": [{"name": "Code"}],
        "namespace": "Source",
    }
    built = stage("Build", build("Build", project, namespace="Built"))
    return declare(sandbox, name, stage("Source", source), built)


def test_a_push_starts_the_pipeline_and_its_build_has_the_history(sandbox: Sandbox, unique: str) -> None:
    assert "codecommit:*" in ROLE
    sandbox.client("codecommit").create_repository(repositoryName=unique)
    commit(sandbox, unique, "one")
    pipeline = Pipeline(sandbox, unique)
    pipeline.client.create_pipeline(pipeline=declared(sandbox, unique))
    follow(sandbox, unique)
    second = commit(sandbox, unique, "two")
    pipeline.wait_for_another(than=1)
    execution = pipeline.executions()[0]["pipelineExecutionId"]
    ended = pipeline.finish(execution)
    assert ended["status"] == "Succeeded", pipeline.why(execution)
    assert ended["trigger"]["triggerType"] == "CloudWatchEvent"
    assert ended["artifactRevisions"][0]["revisionId"] == second
    built = pipeline.actions(execution)["Build"]["output"]["outputVariables"]
    assert built["COMMITS"] == "two;one;"
    hour = {"account": ACCOUNT, "rule": f"{unique}-hourly"}
    assert requests.post(f"{sandbox.endpoint}/_sandbox/schedule", json=hour, timeout=30).ok
    pipeline.wait_for_another(than=2)
