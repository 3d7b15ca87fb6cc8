"""Pipelines: definitions are checked before they run, and steps run as real jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from .conftest import (
    Sandbox,
    channel,
    processing,
    processing_input,
    processing_output,
    training,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Step = dict[str, Any]


def get(reference: str) -> dict[str, str]:
    return {"Get": reference}


def join(*parts: Any) -> dict[str, Any]:
    return {"Std:Join": {"On": "/", "Values": list(parts)}}


def process_step(sandbox: Sandbox, name: str, script: str, **arguments: Any) -> Step:
    made = processing(sandbox, name, script, **arguments)
    del made["ProcessingJobName"]
    return {"Name": name, "Type": "Processing", "Arguments": made}


def train_step(sandbox: Sandbox, name: str, script: str, **arguments: Any) -> Step:
    made = training(sandbox, name, script, **arguments)
    del made["TrainingJobName"]
    return {"Name": name, "Type": "Training", "Arguments": made}


def condition(name: str, conditions: list[Step], then: list[Step], otherwise: list[Step]) -> Step:
    return {
        "Name": name,
        "Type": "Condition",
        "Arguments": {"Conditions": conditions, "IfSteps": then, "ElseSteps": otherwise},
    }


def fail(name: str, message: Any) -> Step:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def parameter(name: str, kind: str = "String", **more: Any) -> Step:
    return {"Name": name, "Type": kind, **more}


def document(steps: list[Step], *parameters: Step) -> str:
    return json.dumps({"Version": "2020-12-01", "Parameters": list(parameters), "Steps": steps})


@pytest.fixture
def create(sandbox: Sandbox, sagemaker: Any, unique: str) -> Callable[..., str]:
    def make(steps: list[Step], *parameters: Step) -> str:
        sagemaker.create_pipeline(
            PipelineName=unique, PipelineDefinition=document(steps, *parameters), RoleArn=sandbox.role
        )
        return unique

    return make


def run(sagemaker: Any, name: str, **parameters: str) -> tuple[dict[str, Any], dict[str, Step]]:
    given = [{"Name": key, "Value": value} for key, value in parameters.items()]
    arn = sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)[
        "PipelineExecutionArn"
    ]
    return ended(sagemaker, arn)


def ended(sagemaker: Any, arn: str) -> tuple[dict[str, Any], dict[str, Step]]:
    found = wait_for(
        lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
        "PipelineExecutionStatus",
        "Executing",
        "Stopping",
    )
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return found, {step["StepName"]: step for step in steps}


def gated(sandbox: Sandbox, unique: str) -> list[Step]:
    runs = join(f"s3://{sandbox.bucket}/runs", get("Execution.PipelineExecutionId"), "prepared")
    evaluated = join(f"s3://{sandbox.bucket}/runs", get("Execution.PipelineExecutionId"), "evaluation")
    passed = {
        "Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.Report"), "Path": "verdict.passed"}
    }
    reason = {
        "Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.Report"), "Path": "verdict.why[0]"}
    }
    prepare = process_step(
        sandbox,
        "Prepare",
        "tr a-z A-Z < /opt/ml/processing/input/raw/raw.txt > /opt/ml/processing/output/upper/upper.txt",
        ProcessingInputs=[processing_input("raw", get("Parameters.Raw"))],
        ProcessingOutputConfig={"Outputs": [processing_output("upper", runs)]},
    )
    train = train_step(
        sandbox,
        "Train",
        "cp /opt/ml/input/data/upper/upper.txt /opt/ml/model/weights.txt",
        InputDataConfig=[
            channel("upper", get("Steps.Prepare.ProcessingOutputConfig.Outputs['upper'].S3Output.S3Uri"))
        ],
    )
    evaluate = process_step(
        sandbox,
        "Evaluate",
        "cd /opt/ml/processing; tar xzf input/model/model.tar.gz -C /opt/ml/processing; "
        "grep -q GOOD weights.txt && passed=true || passed=false; "
        'echo "{\\"verdict\\": {\\"passed\\": $passed, \\"why\\": [\\"it says $(cat weights.txt)\\"]}}" '
        "> output/evaluation/report.json",
        ProcessingInputs=[processing_input("model", get("Steps.Train.ModelArtifacts.S3ModelArtifacts"))],
        ProcessingOutputConfig={"Outputs": [processing_output("evaluation", evaluated)]},
    )
    evaluate["PropertyFiles"] = [
        {"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": "report.json"}
    ]
    keep = process_step(sandbox, "Keep", "echo kept")
    gate = condition(
        "Gate",
        [{"Type": "Equals", "LeftValue": passed, "RightValue": True}],
        [keep],
        [fail("Refused", {"Std:Join": {"On": ": ", "Values": ["gate failed", reason]}})],
    )
    return [prepare, train, evaluate, gate]


def test_a_pipeline_runs_jobs_in_the_order_of_their_references(
    sandbox: Sandbox, sagemaker: Any, unique: str, create: Callable[..., str]
) -> None:
    raw = sandbox.put(f"{unique}/raw.txt", "good")
    execution, steps = run(sagemaker, create(gated(sandbox, unique), parameter("Raw")), Raw=raw)
    assert execution["PipelineExecutionStatus"] == "Succeeded", steps
    assert {name: step["StepStatus"] for name, step in steps.items()} == dict.fromkeys(
        ("Prepare", "Train", "Evaluate", "Gate", "Keep"), "Succeeded"
    )
    assert steps["Gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}


def test_a_failed_gate_ends_in_its_fail_step_and_says_why(
    sandbox: Sandbox, sagemaker: Any, unique: str, create: Callable[..., str]
) -> None:
    raw = sandbox.put(f"{unique}/raw.txt", "bad")
    execution, steps = run(sagemaker, create(gated(sandbox, unique), parameter("Raw")), Raw=raw)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed."
    assert "Keep" not in steps
    assert steps["Refused"]["FailureReason"] == "gate failed: it says BAD"
    assert steps["Refused"]["Metadata"] == {"Fail": {"ErrorMessage": "gate failed: it says BAD"}}


def test_each_update_is_a_version_that_can_still_be_started(
    sandbox: Sandbox, sagemaker: Any, unique: str, create: Callable[..., str]
) -> None:
    create([fail("First", "one")])
    updated = sagemaker.update_pipeline(
        PipelineName=unique, PipelineDefinition=document([fail("Second", "two")])
    )
    assert updated["PipelineVersionId"] == 2
    found = sagemaker.list_pipeline_versions(PipelineName=unique)["PipelineVersionSummaries"]
    assert [version["PipelineVersionId"] for version in found] == [2, 1]
    old = sagemaker.start_pipeline_execution(PipelineName=unique, PipelineVersionId=1)["PipelineExecutionArn"]
    execution, steps = ended(sagemaker, old)
    assert execution["PipelineVersionId"] == 1
    assert list(steps) == ["First"]
    assert list(run(sagemaker, unique)[1]) == ["Second"]
    text = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=old)[
        "PipelineDefinition"
    ]
    assert text == document([fail("First", "one")])
    with pytest.raises(ClientError, match=r"\(ResourceNotFound\).*has no version 9; it has 2"):
        sagemaker.start_pipeline_execution(PipelineName=unique, PipelineVersionId=9)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"Parameters \['Needed'\] have no default value"),
        ({"Needed": "x", "Extra": "y"}, r"Parameters \['Extra'\] are not declared"),
        ({"Needed": "x", "Size": "many"}, "Parameter 'Size' is of type Integer, which 'many' is not"),
        ({"Needed": "x", "Kind": "c"}, r"Parameter 'Kind' is 'c'; allowed: \['a', 'b'\]"),
    ],
)
def test_parameters_are_checked_against_the_definition(
    sagemaker: Any, create: Callable[..., str], given: dict[str, str], said: str
) -> None:
    name = create(
        [fail("Stop", get("Parameters.Needed"))],
        parameter("Needed"),
        parameter("Size", "Integer", DefaultValue=1),
        parameter("Kind", EnumValues=["a", "b"], DefaultValue="a"),
    )
    with pytest.raises(ClientError, match=rf"\(ValidationException\).*{said}"):
        run(sagemaker, name, **given)


def test_an_execution_lists_its_parameters_defaults_included(
    sagemaker: Any, create: Callable[..., str]
) -> None:
    name = create([fail("Stop", "x")], parameter("A"), parameter("B", "Integer", DefaultValue=3))
    execution, _ = run(sagemaker, name, A="one")
    found = sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=execution["PipelineExecutionArn"]
    )
    assert found["PipelineParameters"] == [{"Name": "A", "Value": "one"}, {"Name": "B", "Value": "3"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Unable to parse pipeline definition"),
        (json.dumps({"Version": "2019-01-01", "Steps": [fail("A", "x")]}), "it needs Version '2020-12-01'"),
        (
            document([{"Name": "T", "Type": "Transform", "Arguments": {}}]),
            "does not serve steps of type 'Transform'",
        ),
        (document([fail("A", "x"), fail("A", "y")]), "Step names must be unique; 'A'"),
        (document([fail("A", get("Parameters.Nope"))]), "'A' refers to 'Parameters.Nope'"),
        (document([fail("A", get("Steps.Nope.Arn"))]), "'A' refers to 'Steps.Nope.Arn'"),
        (document([fail("A", get("Execution.Weather"))]), "'A' refers to 'Execution.Weather'"),
        (document([{**fail("A", "x"), "DependsOn": ["Nope"]}]), "'A' depends on 'Nope'"),
        (
            document([{**fail("A", "x"), "CacheConfig": {"Enabled": True}}]),
            "CacheConfig is for steps",
        ),
        (document([condition("C", [{"Type": "Roughly"}], [], [])]), "unknown condition 'Roughly'"),
    ],
)
def test_a_faulty_definition_is_refused_before_anything_runs(
    sandbox: Sandbox, sagemaker: Any, unique: str, text: str, said: str
) -> None:
    with pytest.raises(ClientError, match=rf"\(ValidationException\).*{said}"):
        sagemaker.create_pipeline(PipelineName=unique, PipelineDefinition=text, RoleArn=sandbox.role)


def compare(kind: str, left: Any, right: Any) -> Step:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


@pytest.mark.parametrize(
    ("conditions", "outcome"),
    [
        ([compare("Equals", get("Parameters.N"), 3)], "True"),
        ([compare("GreaterThan", get("Parameters.N"), 3)], "False"),
        ([compare("GreaterThanOrEqualTo", get("Parameters.N"), 3)], "True"),
        ([compare("LessThan", get("Parameters.N"), 3.5)], "True"),
        ([compare("LessThanOrEqualTo", get("Parameters.N"), 2)], "False"),
        ([{"Type": "In", "QueryValue": get("Parameters.N"), "Values": [1, 3]}], "True"),
        ([{"Type": "Not", "Expression": compare("Equals", get("Parameters.N"), 3)}], "False"),
        ([{"Type": "Or", "Conditions": [compare("Equals", 1, 2), compare("Equals", 1, 1)]}], "True"),
        ([compare("Equals", 1, 1), compare("Equals", 1, 2)], "False"),
    ],
)
def test_conditions_decide_between_branches(
    sagemaker: Any, create: Callable[..., str], conditions: list[Step], outcome: str
) -> None:
    name = create(
        [condition("Choice", conditions, [fail("Yes", "y")], [fail("No", "n")])],
        parameter("N", "Integer", DefaultValue=3),
    )
    _, steps = run(sagemaker, name)
    assert steps["Choice"]["Metadata"]["Condition"]["Outcome"] == outcome
    assert ("Yes" in steps, "No" in steps) == (outcome == "True", outcome == "False")


def test_values_that_cannot_be_compared_fail_the_step(sagemaker: Any, create: Callable[..., str]) -> None:
    name = create([condition("Choice", [compare("LessThan", "a", 1)], [], [])])
    _, steps = run(sagemaker, name)
    assert steps["Choice"]["FailureReason"] == "ClientError: LessThan cannot compare 'a' with 1"


def test_a_failed_job_ends_the_execution_and_starts_nothing_after_it(
    sandbox: Sandbox, sagemaker: Any, create: Callable[..., str]
) -> None:
    after = {**process_step(sandbox, "After", "true"), "DependsOn": ["Broken"]}
    name = create([process_step(sandbox, "Broken", "echo 'bad row' >&2; exit 2"), after])
    execution, steps = run(sagemaker, name)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert list(steps) == ["Broken"]
    assert steps["Broken"]["FailureReason"] == "AlgorithmError: bad row, exit code: 2"
    job = steps["Broken"]["Metadata"]["ProcessingJob"]["Arn"].rsplit("/", 1)[1]
    execution_id = execution["PipelineExecutionArn"].rsplit("/", 1)[1]
    assert job.startswith(f"pipelines-{execution_id}-Broken-")


def test_an_execution_that_is_stopped_stops_its_job(
    sandbox: Sandbox, sagemaker: Any, create: Callable[..., str]
) -> None:
    name = create([process_step(sandbox, "Long", "exec sleep 300")])
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    wait_for(lambda: running_job(sagemaker, arn), "ProcessingJobStatus", "")
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    execution, steps = ended(sagemaker, arn)
    assert execution["PipelineExecutionStatus"] == "Stopped"
    assert steps["Long"]["StepStatus"] == "Stopped"
    assert (
        sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"][0][
            "PipelineExecutionStatus"
        ]
        == "Stopped"
    )


def running_job(sagemaker: Any, arn: str) -> dict[str, Any]:
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    jobs = [step["Metadata"]["ProcessingJob"]["Arn"] for step in steps if step.get("Metadata")]
    if not jobs:
        return {"ProcessingJobStatus": ""}
    return dict(sagemaker.describe_processing_job(ProcessingJobName=jobs[0].rsplit("/", 1)[1]))


def test_a_deleted_pipeline_is_gone(sagemaker: Any, create: Callable[..., str]) -> None:
    name = create([fail("A", "x")])
    assert sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"] == document([fail("A", "x")])
    with pytest.raises(ClientError, match="Pipeline names must be unique"):
        create([fail("A", "x")])
    sagemaker.delete_pipeline(PipelineName=name)
    with pytest.raises(ClientError, match=r"\(ResourceNotFound\).*does not exist"):
        sagemaker.describe_pipeline(PipelineName=name)


def test_the_same_request_token_starts_one_execution(sagemaker: Any, create: Callable[..., str]) -> None:
    name = create([fail("A", "x")])
    token = "t" * 32
    started = [
        sagemaker.start_pipeline_execution(PipelineName=name, ClientRequestToken=token)[
            "PipelineExecutionArn"
        ]
        for _ in range(2)
    ]
    assert started[0] == started[1]
