"""What `deploy` makes of a manual approval: only what somebody named, in this execution, is confirmed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops.approvals import Move
from mlops.confirmation import (
    Confirmation,
    find_confirmation,
    pipeline_name,
    read_confirmation,
    refuse_unconfirmed,
)
from mlops.errors import MlopsError, UsageError
from tests.codecommit import make_project

RELEASE, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
MOVE = Move("prod", "tumor", RELEASE)
GIVEN = Confirmation("e-1", "Succeeded", f"tumor {RELEASE}; diabetes {OTHER}")


def test_a_release_that_the_approval_names_is_confirmed() -> None:
    refuse_unconfirmed(MOVE, GIVEN)


@pytest.mark.parametrize(
    ("summary", "said"),
    [("", "says nothing"), (f"tumor {OTHER}", OTHER), (f"diabetes {RELEASE}", "diabetes")],
)
def test_an_empty_summary_or_another_release_confirms_nothing(summary: str, said: str) -> None:
    with pytest.raises(MlopsError, match=said) as refused:
        refuse_unconfirmed(MOVE, replace(GIVEN, summary=summary))
    assert "mlops approve tumor --env prod" in str(refused.value)


@pytest.mark.parametrize("status", ["InProgress", "Failed", "Skipped", ""])
def test_what_was_not_answered_with_yes_confirms_nothing(status: str) -> None:
    with pytest.raises(MlopsError, match="nobody confirmed execution 'e-1'"):
        refuse_unconfirmed(MOVE, replace(GIVEN, status=status))


class Pipelines:
    """CodePipeline with one pipeline."""

    def __init__(self, *stages: dict[str, Any], runs: list[dict[str, Any]] | None = None) -> None:
        self.stages, self.runs = stages, runs

    def get_pipeline_state(self, name: str) -> dict[str, Any]:
        return {"pipelineName": name, "stageStates": list(self.stages)}

    def list_action_executions(self, pipelineName: str, filter: dict[str, str]) -> dict[str, Any]:  # noqa: A002, N803
        if self.runs is None:
            error: Any = {"Error": {"Code": "PipelineExecutionNotFoundException", "Message": ""}}
            raise ClientError(error, "ListActionExecutions")
        return {"actionExecutionDetails": self.runs}


def stage(status: str = "", summary: str = "", whole: str = "InProgress") -> dict[str, Any]:
    run = {"status": status, "token": "t", "summary": summary} if status else {}
    action = {"actionName": "Approve", "latestExecution": run} if run else {"actionName": "Approve"}
    latest = {"latestExecution": {"pipelineExecutionId": "e-1", "status": whole}} if run else {}
    return {"stageName": "Approve", "actionStates": [action], **latest}


def ran(status: str, summary: str, name: str = "Approve") -> dict[str, Any]:
    result = {"externalExecutionSummary": summary}
    return {"stageName": name, "actionName": name, "status": status, "output": {"executionResult": result}}


def test_an_approval_that_is_waited_for_has_a_token() -> None:
    found = read_confirmation(Pipelines(stage("InProgress")), "acme-deploy-prod")
    assert (found.execution, found.token) == ("e-1", "t")


def test_an_answered_one_has_none_and_an_unasked_one_no_execution() -> None:
    answered = read_confirmation(Pipelines(stage("Succeeded", "x", "Succeeded")), "p")
    assert (answered.token, answered.summary) == ("", "x")
    assert read_confirmation(Pipelines(stage()), "p") == Confirmation("", "")


def test_a_skipped_approval_does_not_inherit_what_was_said_before() -> None:
    found = read_confirmation(Pipelines(stage("Succeeded", GIVEN.summary, "Skipped")), "p")
    assert found == Confirmation("e-1", "Skipped")


def test_an_approval_is_found_when_the_next_execution_has_come_to_the_stage() -> None:
    runs = [ran("InProgress", "", "Deploy"), ran("Succeeded", GIVEN.summary)]
    found = find_confirmation(Pipelines(stage("InProgress"), runs=runs), "p", "e-0")
    assert found == replace(GIVEN, execution="e-0")
    refuse_unconfirmed(MOVE, found)


@pytest.mark.parametrize("runs", [None, [], [ran("Succeeded", GIVEN.summary, "Deploy")]])
def test_what_was_said_in_another_execution_confirms_nothing(runs: list[dict[str, Any]] | None) -> None:
    found = find_confirmation(
        Pipelines(stage("Succeeded", GIVEN.summary, "Succeeded"), runs=runs), "p", "e-0"
    )
    assert found == Confirmation("e-0", "")
    with pytest.raises(MlopsError, match="nobody confirmed execution 'e-0': its approval is 'unasked'"):
        refuse_unconfirmed(MOVE, found)


def test_a_pipeline_that_asks_nobody_says_how_it_would() -> None:
    with pytest.raises(UsageError, match="bootstrap training --set ManualApproval=prod"):
        read_confirmation(Pipelines(), "acme-deploy-prod")


def test_only_codepipeline_has_pipelines() -> None:
    assert pipeline_name(make_project(), "prod") == "acme-deploy-prod"
    with pytest.raises(UsageError, match="only 'codepipeline' has"):
        pipeline_name(make_project(ci="github-actions", forge="github", repository="a/b"), "prod")
