"""`mlops approve`, and what `deploy` makes of it: only what somebody named is confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.approvals import Move
from mlops.approve import Confirmation, pipeline_name, read_confirmation, refuse_unconfirmed, summarise
from mlops.errors import MlopsError, UsageError
from tests.codecommit import make_project

RELEASE, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
MOVE = Move("prod", "tumor", RELEASE)
GIVEN = Confirmation("e-1", "Succeeded", f"tumor {RELEASE}; diabetes {OTHER}", "")


def test_a_release_that_the_approval_names_is_confirmed() -> None:
    refuse_unconfirmed(MOVE, GIVEN, "e-1")


@pytest.mark.parametrize(
    ("summary", "said"),
    [("", "says nothing"), (f"tumor {OTHER}", OTHER), (f"diabetes {RELEASE}", "diabetes")],
)
def test_an_empty_summary_or_another_release_confirms_nothing(summary: str, said: str) -> None:
    with pytest.raises(MlopsError, match=said) as refused:
        refuse_unconfirmed(MOVE, Confirmation("e-1", "Succeeded", summary, ""), "e-1")
    assert "mlops approve tumor --env prod" in str(refused.value)


@pytest.mark.parametrize(
    "confirmation",
    [
        Confirmation("e-2", "Succeeded", GIVEN.summary, ""),
        Confirmation("e-1", "InProgress", "", "token"),
        Confirmation("e-1", "Failed", GIVEN.summary, ""),
        Confirmation("", "", "", ""),
    ],
)
def test_what_was_said_of_another_execution_or_not_at_all_confirms_nothing(
    confirmation: Confirmation,
) -> None:
    with pytest.raises(MlopsError, match="nobody confirmed execution 'e-1'"):
        refuse_unconfirmed(MOVE, confirmation, "e-1")


def test_a_summary_has_each_release_and_an_end() -> None:
    assert summarise({"tumor": RELEASE, "diabetes": OTHER}) == GIVEN.summary
    with pytest.raises(UsageError, match="7 releases do not fit into 512 characters"):
        summarise({f"model-{number}": RELEASE for number in range(7)})


class Pipelines:
    """CodePipeline with one pipeline."""

    def __init__(self, *stages: dict[str, Any]) -> None:
        self.stages = stages

    def get_pipeline_state(self, name: str) -> dict[str, Any]:
        return {"pipelineName": name, "stageStates": list(self.stages)}


def stage(status: str = "", summary: str = "") -> dict[str, Any]:
    run = {"status": status, "token": "t", "summary": summary} if status else {}
    action = {"actionName": "Approve", "latestExecution": run} if run else {"actionName": "Approve"}
    latest = {"latestExecution": {"pipelineExecutionId": "e-1", "status": "InProgress"}} if run else {}
    return {"stageName": "Approve", "actionStates": [action], **latest}


def test_an_approval_that_is_waited_for_has_a_token() -> None:
    found = read_confirmation(Pipelines(stage("InProgress")), "acme-deploy-prod")
    assert (found.execution, found.token) == ("e-1", "t")


def test_an_answered_one_has_none_and_an_unasked_one_no_execution() -> None:
    answered = read_confirmation(Pipelines(stage("Succeeded", "x")), "p")
    assert (answered.token, answered.summary) == ("", "x")
    assert read_confirmation(Pipelines(stage()), "p") == Confirmation("", "", "", "")


def test_a_pipeline_that_asks_nobody_says_how_it_would() -> None:
    with pytest.raises(UsageError, match="bootstrap training --set ManualApproval=prod"):
        read_confirmation(Pipelines(), "acme-deploy-prod")


def test_only_codepipeline_has_pipelines() -> None:
    assert pipeline_name(make_project(), "prod") == "acme-deploy-prod"
    with pytest.raises(UsageError, match="only 'codepipeline' has"):
        pipeline_name(make_project(ci="github-actions", forge="github", repository="a/b"), "prod")
