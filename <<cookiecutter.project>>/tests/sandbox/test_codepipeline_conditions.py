"""Conditions of stages, and what a person does about a stage: set aside, try again, stop."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.clock import Clock
from sandbox.codepipeline.declaration import check
from sandbox.codepipeline.records import Execution, Trigger
from sandbox.codepipeline.ruling import SetAsideError, StoppedError, run_rule
from sandbox.codepipeline.window import WindowError, read_window
from sandbox.errors import ServiceError
from tests.sandbox import pipelining
from tests.sandbox.conftest import wait_for
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

TUESDAY = datetime(2026, 9, 8, 9, 30, 20, tzinfo=UTC)
NEVER = "* * * * * ? 2199"


def rule(provider: str, **configuration: str) -> dict[str, Any]:
    kind = {"category": "Rule", "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": "Look", "ruleTypeId": kind, "configuration": configuration}


def when(result: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"conditions": [{"result": result, "rules": list(rules)}]}


@pytest.mark.parametrize(
    ("cron", "zone", "within"),
    [
        ("* * 8-15 ? * MON-THU *", "", True),
        ("0 0 8-15 ? * MON-THU", "", False),
        ("* 30 9 8 SEP ? 2026", "", True),
        ("* 0/15 * ? * 3", "UTC", True),
        ("* * 9 ? * *", "Europe/Berlin", False),
        ("* * 11 ? * *", "Europe/Berlin", True),
        ("* * 22-23,0-5 ? * *", "", False),
    ],
)
def test_a_window_is_open_in_the_minutes_of_its_expression(cron: str, zone: str, within: bool) -> None:
    assert read_window(cron, zone).has(TUESDAY) is within


def test_a_window_opens_at_its_next_minute() -> None:
    opens = read_window("* * 8-15 ? * WED").opens(TUESDAY)
    assert opens == datetime(2026, 9, 9, 8, 0, tzinfo=UTC)
    assert read_window(NEVER).opens(TUESDAY) is None


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("* * *", "", "it has 3 fields"),
        ("* * 25 ? * *", "", "hours has '25'; served here: 0 to 23"),
        ("* * * L * ?", "", "day of month has 'L'; served here: 1 to 31"),
        ("* * * ? * FUNDAY", "", "day of week has 'FUNDAY'; served here: 1 to 7, SUN to SAT"),
        ("* * * ? * 2#1", "", "day of week is '2#1'"),
        ("* * * ? * *", "Mars", "TimeZone is 'Mars'"),
    ],
)
def test_what_is_no_window_is_refused_by_name(cron: str, zone: str, said: str) -> None:
    with pytest.raises(WindowError, match=said.replace("?", r"\?")):
        read_window(cron, zone)


def execution() -> Execution:
    return Execution({"name": "p", "version": 1}, Trigger("Hand", ""), TUESDAY, {})


def later(clock: Clock) -> dict[str, Any]:
    """A window that opens in an hour or two."""
    hour = (clock.now().hour + 2) % 24
    return rule("DeploymentWindow", Cron=f"* * {hour} ? * *")


def test_a_rule_waits_until_the_clock_opens_its_window() -> None:
    clock, found = Clock(), list[tuple[bool, str]]()
    asked, place = execution(), ("Deploy", "beforeEntry")
    waiting = threading.Thread(target=lambda: found.append(run_rule(clock, asked, place, later(clock))))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    clock.move(2 * 3600)
    waiting.join(10)
    assert found[0][0], found


def test_a_wait_for_a_window_ends_by_its_time_a_stop_or_a_word() -> None:
    clock, place = Clock(), ("Deploy", "beforeEntry")
    late = {**later(clock), "timeoutInMinutes": 0.001}
    assert run_rule(clock, execution(), place, late)[0] is False
    stopped, aside = execution(), execution()
    stopped.stop.set()
    with pytest.raises(StoppedError):
        run_rule(clock, stopped, place, later(clock))
    aside.overridden.add(place)
    with pytest.raises(SetAsideError):
        run_rule(clock, aside, place, later(clock))


VARIABLE = rule("VariableCheck", Variable="#{variables.A}", Operator="EQ", Value="1")
WINDOW = rule("DeploymentWindow", Cron="* * 9 ? * *")
REFUSED = {
    "alarm": (
        {"beforeEntry": when("FAIL", rule("CloudWatchAlarm"))},
        "does not serve the rule CloudWatchAlarm",
    ),
    "skip": (
        {"beforeEntry": when("SKIP", WINDOW)},
        "only VariableCheck can skip a stage, not DeploymentWindow",
    ),
    "cron": (
        {"beforeEntry": when("FAIL", rule("DeploymentWindow", Cron="noon"))},
        "Build.beforeEntry.Look: Cron is 'noon'",
    ),
    "members": (
        {"beforeEntry": when("FAIL", rule("DeploymentWindow", Hours="9"))},
        "DeploymentWindow takes Cron, TimeZone",
    ),
    "retry": (
        {"onFailure": {"result": "RETRY", **when("ROLLBACK", VARIABLE)}},
        "a stage that is tried again by itself has no conditions",
    ),
    "two": (
        {"onSuccess": {"conditions": [{"rules": [VARIABLE]}, {"rules": [VARIABLE]}]}},
        "2 conditions; a moment has one",
    ),
    "commands": (
        {"beforeEntry": when("FAIL", {**VARIABLE, "commands": ["true"]})},
        "does not serve commands of a rule",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_condition_that_could_not_run_is_refused_by_name(what: str) -> None:
    members, said = REFUSED[what]
    declared = {
        "name": "p",
        "pipelineType": "V2",
        "artifactStore": {"type": "S3", "location": "b"},
        "stages": [source("arn"), stage("Build", build("Build", "p"), **members)],
    }
    with pytest.raises(ServiceError) as refused:
        check(declared)
    assert said in refused.value.message


def made(sandbox: Sandbox, name: str, **members: Any) -> tuple[Pipeline, str]:
    """A pipeline with one approval, and the execution that its making begins."""
    push(sandbox, "said.txt", f"{name}\n")
    found = create(sandbox, name, source(connect(sandbox, name)), stage("Approve", approval(), **members))
    return found, found.executions()[-1]["pipelineExecutionId"]


def aside(pipeline: Pipeline, execution: str, kind: str = "BEFORE_ENTRY") -> None:
    pipeline.client.override_stage_condition(
        pipelineName=pipeline.name, stageName="Approve", pipelineExecutionId=execution, conditionType=kind
    )


def condition(pipeline: Pipeline, moment: str = "beforeEntry") -> str:
    found = pipeline.stage("Approve").get(f"{moment}ConditionState", {})
    return str(found.get("latestExecution", {}).get("status", ""))


def test_a_stage_waits_for_its_window_and_a_person_sets_it_aside(sandbox: Sandbox, unique: str) -> None:
    clock = datetime.now(
        UTC
    )  # other tests move the sandbox's clock: half a year away is closed for all of them
    window = rule("DeploymentWindow", Cron=f"* * * 1 {(clock.month + 5) % 12 + 1} ?")
    pipeline, execution = made(sandbox, unique, beforeEntry=when("FAIL", window))
    wait_for(lambda: {"is": condition(pipeline)}, "is", "")
    assert condition(pipeline) == "InProgress"
    aside(pipeline, execution)
    pipeline.answer("Approved")
    assert pipeline.finish(execution)["status"] == "Succeeded"
    assert condition(pipeline) == "Overridden"


def test_a_stage_that_no_window_lets_in_fails_until_somebody_sets_that_aside(
    sandbox: Sandbox, unique: str
) -> None:
    pipeline, execution = made(
        sandbox, unique, beforeEntry=when("FAIL", rule("DeploymentWindow", Cron=NEVER))
    )
    assert pipeline.finish(execution)["status"] == "Failed"
    (run,) = pipeline.client.list_rule_executions(pipelineName=unique)["ruleExecutionDetails"]
    assert (run["status"], run["ruleName"]) == ("Failed", "Look")
    assert "does not open within a year" in run["output"]["executionResult"]["externalExecutionSummary"]
    aside(pipeline, execution)
    pipeline.answer("Approved")
    assert pipeline.finish(execution)["status"] == "Succeeded"
    with pytest.raises(ClientError, match="ConditionNotOverridableException"):
        aside(pipeline, execution)


def test_a_stage_that_was_skipped_can_neither_be_forced_nor_tried_again(
    sandbox: Sandbox, unique: str
) -> None:
    skip = pipelining.check("SKIP", "#{SourceVariables.BranchName}", "EQ", "other")
    pipeline, execution = made(sandbox, unique, beforeEntry=skip)
    assert pipeline.finish(execution)["status"] == "Succeeded"
    with pytest.raises(ClientError, match="it was skipped"):
        aside(pipeline, execution)
    place = {"pipelineName": unique, "pipelineExecutionId": execution, "stageName": "Approve"}
    with pytest.raises(ClientError, match="StageNotRetryableException"):
        pipeline.client.retry_stage_execution(**place, retryMode="ALL_ACTIONS")


def test_what_fails_once_is_tried_again_once_by_itself(sandbox: Sandbox, unique: str) -> None:
    push(sandbox, "said.txt", f"{unique}\n")
    project = code_project(sandbox, unique, "version: 0.2\nphases: {build: {commands: ['false']}}\n")
    again = {"result": "RETRY", "retryConfiguration": {"retryMode": "FAILED_ACTIONS"}}
    pipeline = create(
        sandbox,
        unique,
        source(connect(sandbox, unique)),
        stage("Build", build("Build", project), onFailure=again),
    )
    execution = pipeline.executions()[-1]["pipelineExecutionId"]
    assert pipeline.finish(execution)["status"] == "Failed"
    listed = pipeline.client.list_action_executions(pipelineName=unique)["actionExecutionDetails"]
    assert [each["actionName"] for each in listed] == ["Build", "Build", "Source"]
    told = pipeline.stage("Build")["retryStageMetadata"]
    assert told == {"autoStageRetryAttempt": 1, "latestRetryTrigger": "AutomatedStageRetry"}


def test_an_execution_that_was_stopped_goes_on_where_it_stood(sandbox: Sandbox, unique: str) -> None:
    pipeline, execution = made(sandbox, unique)
    token, place = pipeline.asked(), {"pipelineName": unique, "pipelineExecutionId": execution}
    pipeline.client.stop_pipeline_execution(**place, reason="a freeze")
    with pytest.raises(ClientError, match="DuplicatedStopRequestException"):
        pipeline.client.stop_pipeline_execution(**place)
    pipeline.client.stop_pipeline_execution(**place, abandon=True)
    assert pipeline.finish(execution)["status"] == "Stopped"
    with pytest.raises(ClientError, match="PipelineExecutionNotStoppableException"):
        pipeline.client.stop_pipeline_execution(**place)
    pipeline.client.retry_stage_execution(**place, stageName="Approve", retryMode="FAILED_ACTIONS")
    pipeline.answer("Approved")
    assert pipeline.finish(execution)["status"] == "Succeeded"
    assert pipeline.stage("Approve")["retryStageMetadata"]["manualStageRetryAttempt"] == 1
    with pytest.raises(ClientError, match="ApprovalAlreadyCompletedException"):
        pipeline.client.put_approval_result(
            pipelineName=unique,
            stageName="Approve",
            actionName="Approve",
            result={"status": "Approved", "summary": "late"},
            token=token,
        )
