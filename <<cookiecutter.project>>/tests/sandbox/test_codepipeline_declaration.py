"""What a pipeline may say, what starts it, and when a stage's conditions are met."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox.codepipeline.conditions import check_variable, judge
from sandbox.codepipeline.declaration import check
from sandbox.codepipeline.references import UnresolvedError, resolve
from sandbox.codepipeline.triggers import Change, matches, sources_to_start
from sandbox.errors import ServiceError
from tests.sandbox import pipelining
from tests.sandbox.pipelining import approval, build, source, stage

ARN = "arn:aws:codestar-connections:eu-west-1:222222222222:connection/1"
RIGHT: dict[str, Any] = {
    "name": "p",
    "pipelineType": "V2",
    "artifactStore": {"type": "S3", "location": "b"},
    "stages": [source(ARN), stage("Build", build("Build", "p")), stage("Approve", approval())],
}
PUSH = Change("acme/shop", "push", "main", "c" * 40, ("models/a/train.py", "README.md"))
PULL = Change("acme/shop", "OPEN", "main", "d" * 40, ("releases/prod/a.yml",), 7, "Pin a", "mlops/prod/a")


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    """The pipeline with one member set."""
    found = copy.deepcopy(RIGHT)
    place: Any = found
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return found


def test_a_pipeline_that_is_right_is_taken() -> None:
    check(RIGHT)


INVOKE = {
    "name": "I",
    "actionTypeId": {"category": "Invoke", "owner": "AWS", "provider": "Lambda", "version": "1"},
}
SELF = build("Build", "p", configuration={"EnvironmentVariables": '[{"name": "A", "value": "#{Later.B}"}]'})
WRONG = {
    "V2": (changed("pipelineType", to="V1"), "the sandbox runs pipelines of type V2"),
    "stages": (changed("stages", to=[source(ARN)]), "minimum of two stages"),
    "invoke": (
        changed("stages", 2, "actions", to=[INVOKE]),
        "does not serve AWS Invoke/Lambda; it has Source/",
    ),
    "source": (
        changed("stages", 1, to=stage("B", source(ARN)["actions"][0])),
        "the first stage holds source",
    ),
    "artifact": (
        changed("stages", 1, "actions", 0, "inputArtifacts", to=[{"name": "X"}]),
        "Build/Build: no earlier action puts out X",
    ),
    "configuration": (
        changed("stages", 1, "actions", 0, "configuration", "Color", to="red"),
        "Build/Build: unknown configuration Color; served here: ProjectName,",
    ),
    "variable": (changed("stages", 1, "actions", 0, to=SELF), "no earlier action has the namespace 'Later'"),
    "rule": (
        changed("stages", 1, "beforeEntry", to=pipelining.check("RETRY", "#{variables.A}", "EQ", "1")),
        "stage Build.beforeEntry: result is RETRY; served here: FAIL, SKIP",
    ),
    "trigger": (
        changed("triggers", to=[{"gitConfiguration": {"sourceActionName": "X", "push": [{}]}}]),
        "'X' is no CodeStarSourceConnection action",
    ),
    "twice": (changed("stages", 1, "name", to="Source"), "stages with the same name: Source"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_could_not_run_is_refused_by_name(what: str) -> None:
    pipeline, said = WRONG[what]
    with pytest.raises(ServiceError) as refused:
        check(pipeline)
    assert refused.value.code == "InvalidStructureException"
    assert said in refused.value.message


def follow(**filters: Any) -> dict[str, Any]:
    return {**RIGHT, "triggers": [{"gitConfiguration": {"sourceActionName": "Source", **filters}}]}


MODELS = {"filePaths": {"includes": ["models/**"]}, "branches": {"includes": ["main"]}}


@pytest.mark.parametrize(
    ("filters", "change", "starts"),
    [
        ({"push": [MODELS]}, PUSH, True),
        ({"push": [{"filePaths": {"includes": ["releases/**"]}}]}, PUSH, False),
        ({"push": [{"filePaths": {"excludes": ["models/**"]}}]}, PUSH, True),
        ({"push": [{"branches": {"excludes": ["main"]}}]}, PUSH, False),
        ({"push": [MODELS]}, PULL, False),
        ({"pullRequest": [{"events": ["OPEN", "UPDATED"], "branches": {"includes": ["main"]}}]}, PULL, True),
        ({"pullRequest": [{"events": ["CLOSED"]}]}, PULL, False),
        ({"push": [{"tags": {"includes": ["v*"]}}]}, PUSH, False),
        ({"push": [{"tags": {"includes": ["v*"]}}]}, Change("acme/shop", "tag", "v1", "e" * 40, ()), True),
    ],
)
def test_a_trigger_chooses_by_branch_path_and_event(
    filters: dict[str, Any], change: Change, starts: bool
) -> None:
    assert sources_to_start(follow(**filters), change) == (["Source"] if starts else [])


def test_another_repository_starts_nothing() -> None:
    assert sources_to_start(follow(push=[{}]), Change("acme/other", "push", "main", "c" * 40, ("a",))) == []


def test_a_star_stays_within_its_folder() -> None:
    assert matches("releases/*/a.yml", "releases/prod/a.yml")
    assert not matches("releases/*", "releases/prod/a.yml")
    assert matches("**/a.yml", "a.yml")


@pytest.mark.parametrize(
    ("operator", "value", "met"),
    [
        ("EQ", "one", True),
        ("NE", "one", False),
        ("CONTAINS", "n", True),
        ("MATCHES", "o.", False),
        ("MATCHES", "o.e", True),
    ],
)
def test_a_variable_is_checked_by_each_operator(operator: str, value: str, met: bool) -> None:
    configuration = {"Variable": "#{A.B}", "Operator": operator, "Value": value}
    assert check_variable(configuration, {"A": {"B": "one"}})[0] is met


def test_a_variable_without_a_value_is_not_met_and_engages_the_result() -> None:
    asked = pipelining.check("SKIP", "#{A.B}", "EQ", "1")["conditions"]
    verdict = judge(asked, lambda rule: check_variable(rule["configuration"], {"A": {"C": "2"}}))
    assert (verdict.result, verdict.rules[0][1]) == ("SKIP", False)
    assert "no value for #{A.B}; A has C" in verdict.summary


def test_a_text_gets_values_for_all_its_variables() -> None:
    assert resolve("#{A.B} of #{A.C}", {"A": {"B": "1", "C": "2"}}) == "1 of 2"
    with pytest.raises(UnresolvedError, match=r"no value for #\{X\.Y\}; X has none"):
        resolve("#{X.Y}", {})
