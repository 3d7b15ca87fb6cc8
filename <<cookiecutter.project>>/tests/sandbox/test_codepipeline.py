"""CodePipeline: stages that run what a pipeline declares, with builds as processes and real commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.sandbox import pipelining
from tests.sandbox.building import service_role
from tests.sandbox.pipelining import (
    Pipeline,
    approval,
    build,
    code_project,
    connect,
    create,
    push,
    source,
    stage,
)

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
    told = pipeline.actions(execution)["Approve"]["output"]["executionResult"]
    assert "not this one" in told["errorDetails"]["message"], told


def start_of(sandbox: Sandbox, name: str, *stages: dict[str, Any], **members: Any) -> Pipeline:
    """A pipeline whose first execution, which its making begins, is over."""
    push(sandbox, "said.txt", f"{name}\n")
    made = create(sandbox, name, source(connect(sandbox, name)), *stages, **members)
    made.finish(made.executions()[-1]["pipelineExecutionId"])
    return made


FAILS = """
version: 0.2
phases: {build: {commands: ['test "$WHO" != nobody && test ! -e fails']}}
"""


def test_a_stage_that_fails_is_rolled_back_to_what_succeeded_there(sandbox: Sandbox, unique: str) -> None:
    project = code_project(sandbox, unique, FAILS)
    who = {"EnvironmentVariables": '[{"name": "WHO", "value": "#{variables.who}"}]'}
    pipeline = start_of(
        sandbox,
        unique,
        stage("Deploy", build("Deploy", project, configuration=who), onFailure={"result": "ROLLBACK"}),
        variables=[{"name": "who", "defaultValue": "ada"}],
    )
    good = pipeline.executions()[0]
    assert good["status"] == "Succeeded", pipeline.why(good["pipelineExecutionId"])
    bad = pipeline.run(variables=[{"name": "who", "value": "nobody"}])
    assert bad["status"] == "Failed"
    pipeline.wait_for_another(than=2)
    back = pipeline.executions()[0]
    target = {"rollbackTargetPipelineExecutionId": good["pipelineExecutionId"]}
    assert (back["executionType"], back["rollbackMetadata"]) == ("ROLLBACK", target)
    assert back["trigger"]["triggerType"] == "AutomatedRollback"
    assert pipeline.finish(back["pipelineExecutionId"])["status"] == "Succeeded"


def test_a_failed_stage_is_retried_by_hand_and_a_good_one_is_not(sandbox: Sandbox, unique: str) -> None:
    push(sandbox, "said.txt", f"{unique}\n")
    pipeline = create(sandbox, unique, source(connect(sandbox, unique)), stage("Approve", approval()))
    execution = pipeline.executions()[0]["pipelineExecutionId"]
    place = {"pipelineName": unique, "pipelineExecutionId": execution, "retryMode": "FAILED_ACTIONS"}
    pipeline.answer("Rejected")
    pipeline.finish(execution)
    with pytest.raises(ClientError, match="StageNotRetryableException"):
        pipeline.client.retry_stage_execution(stageName="Source", **place)
    pipeline.client.retry_stage_execution(stageName="Approve", **place)
    pipeline.answer("Approved")
    assert pipeline.finish(execution)["status"] == "Succeeded"


def test_a_newer_execution_supersedes_one_that_waits(sandbox: Sandbox, unique: str) -> None:
    push(sandbox, "said.txt", f"{unique}\n")
    stages = (source(connect(sandbox, unique)), stage("Approve", approval()))
    pipeline = create(sandbox, unique, *stages, executionMode="SUPERSEDED")
    pipeline.asked()
    second = pipeline.start()
    pipeline.wait_for_inbound("Approve")
    third = pipeline.start()
    assert pipeline.finish(second)["status"] == "Superseded"
    pipeline.answer("Approved")
    pipeline.answer("Approved", of=third)
    assert pipeline.finish(third)["status"] == "Succeeded"


def test_a_closed_transition_holds_an_execution_until_it_opens(sandbox: Sandbox, unique: str) -> None:
    push(sandbox, "said.txt", f"{unique}\n")
    when = pipelining.check("SKIP", "#{SourceVariables.BranchName}", "EQ", "other")
    stages = (source(connect(sandbox, unique)), stage("Approve", approval(), beforeEntry=when))
    pipeline = create(sandbox, unique, *stages)
    place = {"pipelineName": unique, "stageName": "Source", "transitionType": "Outbound"}
    pipeline.client.disable_stage_transition(**place, reason="not now")
    held = pipeline.start()
    pipeline.wait_for_inbound("Approve")
    assert pipeline.stage("Approve")["inboundTransitionState"]["disabledReason"] == "not now"
    pipeline.client.enable_stage_transition(**place)
    assert pipeline.finish(held)["status"] == "Succeeded"
    state = pipeline.stage("Approve")
    assert state["latestExecution"]["status"] == "Skipped"
    assert "is 'main': not EQ 'other'" in state["beforeEntryConditionState"]["latestExecution"]["summary"]


def test_an_approval_expires_and_is_refused_afterwards(sandbox: Sandbox, unique: str) -> None:
    push(sandbox, "said.txt", f"{unique}\n")
    pipeline = create(
        sandbox, unique, source(connect(sandbox, unique)), stage("Approve", approval(timeoutInMinutes=60))
    )
    token = pipeline.asked()
    requests.post(f"{sandbox.endpoint}/_sandbox/clock", json={"forward": 3601}, timeout=30)
    execution = pipeline.executions()[0]["pipelineExecutionId"]
    assert pipeline.finish(execution)["status"] == "Failed"
    assert "no answer within 60 minutes" in pipeline.why(execution)
    with pytest.raises(ClientError, match="ApprovalAlreadyCompletedException"):
        pipeline.client.put_approval_result(
            pipelineName=unique,
            stageName="Approve",
            actionName="Approve",
            result={"status": "Approved", "summary": "late"},
            token=token,
        )


def test_a_stopped_execution_ends_and_an_abandoned_one_at_once(sandbox: Sandbox, unique: str) -> None:
    push(sandbox, "said.txt", f"{unique}\n")
    pipeline = create(sandbox, unique, source(connect(sandbox, unique)), stage("Approve", approval()))
    pipeline.asked()
    execution = pipeline.executions()[0]["pipelineExecutionId"]
    place = {"pipelineName": unique, "pipelineExecutionId": execution}
    pipeline.client.stop_pipeline_execution(**place, abandon=True, reason="a test")
    assert pipeline.finish(execution)["status"] == "Stopped"
    assert pipeline.executions()[0]["stopTrigger"] == {"reason": "a test"}
    with pytest.raises(ClientError, match="PipelineExecutionNotStoppableException"):
        pipeline.client.stop_pipeline_execution(**place)


def test_a_push_starts_the_pipelines_whose_paths_it_touches(sandbox: Sandbox, unique: str) -> None:
    def follow(*paths: str) -> list[dict[str, Any]]:
        push_filter = {"branches": {"includes": ["main"]}, "filePaths": {"includes": list(paths)}}
        chosen = {"sourceActionName": "Source", "push": [push_filter]}
        return [{"providerType": "CodeStarSourceConnection", "gitConfiguration": chosen}]

    push(sandbox, "said.txt", f"{unique}\n")
    gate = stage("Approve", approval(), beforeEntry=pipelining.check("SKIP", "a", "EQ", "b"))
    connection = connect(sandbox, unique)
    hears = create(sandbox, f"{unique}-a", source(connection), gate, triggers=follow(f"{unique}/**"))
    deaf = create(sandbox, f"{unique}-b", source(connection), gate, triggers=follow("elsewhere/**"))
    commit = push(sandbox, f"{unique}/model.yml", "schema: 1\n")
    hears.wait_for_another(than=1)
    found = hears.finish(hears.executions()[0]["pipelineExecutionId"])
    assert found["artifactRevisions"][0]["revisionId"] == commit
    assert found["trigger"]["triggerType"] == "WebhookV2"
    assert len(deaf.executions()) == 1


def test_a_role_without_leave_fails_the_action_that_needs_it(sandbox: Sandbox, unique: str) -> None:
    push(sandbox, "said.txt", f"{unique}\n")
    declared = pipelining.declare(
        sandbox, unique, source(connect(sandbox, unique)), stage("Approve", approval())
    )
    declared["roleArn"] = service_role(sandbox, f"{unique}-less", ("s3:*",), "codepipeline")
    pipeline = Pipeline(sandbox, unique)
    pipeline.client.create_pipeline(pipeline=declared)
    execution = pipeline.executions()[0]["pipelineExecutionId"]
    assert pipeline.finish(execution)["status"] == "Failed"
    assert "codestar-connections:UseConnection" in pipeline.why(execution)
