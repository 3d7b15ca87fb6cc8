"""infra/pipeline.yml, whatever a team asks for: what waits, what is tried again, and who may not confirm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.cloudformation.spelling import lowered
from sandbox.cloudformation.types.codepipeline import KEPT
from sandbox.codepipeline.declaration import check
from tests.blueprint import Stack, templates

if TYPE_CHECKING:
    from collections.abc import Mapping

WINDOW = "* * 8-15 ? * MON-THU *"
CHOICES: dict[str, dict[str, str]] = {
    "open": {},
    "asks": {"ManualApproval": "prod"},
    "window": {"ProdWindow": WINDOW},
    "both": {"ManualApproval": "prod", "ProdWindow": WINDOW},
}
FOUND = [template for template in templates() if template.stem == "pipeline"]
pytestmark = pytest.mark.skipif(not FOUND, reason="this project's engine is GitHub Actions alone")


def resources(choice: str, forge: str = "codecommit") -> dict[str, tuple[str, Mapping[str, Any]]]:
    """What the stack would make: type and properties, by logical id."""
    (template,) = FOUND
    stack = Stack(template, "training", forge, "codepipeline", CHOICES[choice])
    return {
        name: (declared["Type"], stack.resolve(declared.get("Properties", {})))
        for name, declared in template.document["Resources"].items()
        if "Condition" not in declared or stack.holds(declared["Condition"])
    }


def pipelines(choice: str, forge: str = "codecommit") -> dict[str, dict[str, Any]]:
    """The pipelines as CodePipeline is given them."""
    made = [
        lowered(dict(given), KEPT)
        for kind, given in resources(choice, forge).values()
        if kind == "AWS::CodePipeline::Pipeline"
    ]
    return {each["name"].removeprefix("shop-"): each for each in made}


def stages(choice: str, pipeline: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in pipelines(choice)[pipeline]["stages"]}


@pytest.mark.parametrize("forge", ["codecommit", "github"])
@pytest.mark.parametrize("choice", CHOICES)
def test_every_pipeline_is_one_that_the_sandbox_runs(choice: str, forge: str) -> None:
    for pipeline in pipelines(choice, forge).values():
        check(pipeline)


def test_people_are_asked_after_a_look_and_only_where_something_moves() -> None:
    assert list(stages("open", "deploy-prod")) == ["Source", "Deploy"]
    asked = stages("asks", "deploy-prod")
    assert list(asked) == ["Source", "Look", "Approve", "Deploy"]
    (condition,) = asked["Approve"]["beforeEntry"]["conditions"]
    assert condition["result"] == "SKIP"
    wanted = {"Variable": "#{Look.MOVES}", "Operator": "NE", "Value": "nothing"}
    assert condition["rules"][0]["configuration"] == wanted
    assert asked["Approve"]["actions"][0]["configuration"]["CustomData"].startswith("#{Look.MOVES}")


@pytest.mark.parametrize(
    ("choice", "waits"), [("open", False), ("asks", False), ("window", True), ("both", True)]
)
def test_a_window_holds_prods_deployment_and_no_other(choice: str, waits: bool) -> None:
    prod, staging = (stages(choice, f"deploy-{environment}")["Deploy"] for environment in ("prod", "staging"))
    assert ("beforeEntry" in prod, "beforeEntry" in staging) == (waits, False)
    if waits:
        assert prod["beforeEntry"]["conditions"][0]["rules"][0]["configuration"]["Cron"] == WINDOW


def test_only_what_no_schedule_repeats_is_tried_again_and_nothing_is_rolled_back() -> None:
    again = [
        (pipeline, name)
        for pipeline, declared in pipelines("both", "github").items()
        for name in (each["name"] for each in declared["stages"] if "onFailure" in each)
    ]
    assert again == [("train", "Train")]
    assert "ROLLBACK" not in json.dumps(pipelines("both"))


@pytest.mark.parametrize("choice", CHOICES)
def test_the_hourly_build_goes_past_no_guard_and_a_daily_look_stands_in_for_it(choice: str) -> None:
    made, is_guarded = resources(choice), choice != "open"
    assert ("deploy-prod" in json.dumps(made["ReconcileBuildRole"][1])) is not is_guarded
    variables = made["ReconcileBuild"][1]["Environment"]["EnvironmentVariables"]
    assert {"Name": "WAITS", "Value": "prod" if is_guarded else "none"} in variables
    assert ("ProdDay" in made) is is_guarded


def test_people_may_be_given_the_confirmation_and_no_build_has_it() -> None:
    made = {name: json.dumps(given) for name, (_, given) in resources("both").items()}
    assert [name for name, text in made.items() if "PutApprovalResult" in text] == ["ConfirmPolicy"]
    assert [name for name, text in made.items() if "policy/shop-confirm" in text] == []
    assert "ConfirmPolicy" not in resources("open")
