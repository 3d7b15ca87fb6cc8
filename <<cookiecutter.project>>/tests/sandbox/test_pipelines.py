"""Pipelines: definitions are checked before they run, and steps run as real jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

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
