"""CodePipeline: stages that run what a pipeline declares, with builds as processes and real commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox import pipelining
from tests.sandbox.pipelining import approval, build, code_project, connect, create, push, source, stage

if TYPE_CHECKING:
    from tests.sandbox.conftest import Sandbox

BUILDSPEC = """
version: 0.2
env:
  exported-variables: [SAID]
phases:
  build:
    commands:
      - SAID="$(cat said.txt) for $WHO"
"""


def test_a_commit_goes_through_source_build_and_approval(sandbox: Sandbox, unique: str) -> None:
    commit = push(sandbox, "said.txt", "hello\n")
    project = code_project(sandbox, unique, BUILDSPEC)
    who = '[{"name": "WHO", "value": "#{SourceVariables.CommitId}"}]'
    pipeline = create(
        sandbox,
        unique,
        source(connect(sandbox, unique)),
        stage(
            "Build", build("Build", project, configuration={"EnvironmentVariables": who}, namespace="Built")
        ),
        stage("Approve", approval(configuration={"CustomData": "said #{Built.SAID}"})),
    )
    pipeline.answer("Approved", "as seen")
    first = pipeline.executions()[0]["pipelineExecutionId"]
    ended = pipeline.finish(first)
    assert ended["status"] == "Succeeded", pipeline.actions(first)
    assert ended["artifactRevisions"][0]["revisionId"] == commit
    asked = pipeline.actions(first)["Approve"]
    assert asked["input"]["resolvedConfiguration"]["CustomData"] == f"said hello for {commit}"
    assert asked["output"]["executionResult"]["externalExecutionSummary"] == "as seen"


def test_a_rejected_approval_fails_its_stage(sandbox: Sandbox, unique: str) -> None:
    push(sandbox, "said.txt", "hello again\n")
    pipeline = create(sandbox, unique, source(connect(sandbox, unique)), stage("Approve", approval()))
    pipeline.answer("Rejected", "not this one")
    execution = pipeline.executions()[0]["pipelineExecutionId"]
    assert pipeline.finish(execution)["status"] == "Failed"
    told = pipelining.Pipeline(sandbox, unique).actions(execution)["Approve"]["output"]["executionResult"]
    assert "not this one" in told["errorDetails"]["message"], told
