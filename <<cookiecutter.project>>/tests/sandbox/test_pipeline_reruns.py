"""What a pipeline does not run again, and what it does: caching, retries, parallel steps, versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.errors import ServiceError
from sandbox.sagemaker import caching, retries
from sandbox.sagemaker.execution import StepError

from .conftest import Sandbox, make_project, processing_input, processing_output, sandbox_command
from .test_pipelines import (
    condition,
    document,
    ended,
    fail,
    get,
    join,
    parameter,
    process_step,
    run,
    train_step,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .test_pipelines import Step


@pytest.fixture
def create(sandbox: Sandbox, sagemaker: Any, unique: str) -> Callable[..., str]:
    def make(steps: list[Step], *parameters: Step, **arguments: Any) -> str:
        sagemaker.create_pipeline(
            PipelineName=unique,
            PipelineDefinition=document(steps, *parameters),
            RoleArn=sandbox.role,
            **arguments,
        )
        return unique

    return make


def cached(step: Step, expire: str = "P1D") -> Step:
    return {**step, "CacheConfig": {"Enabled": True, "ExpireAfter": expire}}


def stamped(sandbox: Sandbox) -> list[Step]:
    """A cached step that writes something new each time, and one that reads it."""
    target = join(f"s3://{sandbox.bucket}/runs", get("Execution.PipelineExecutionId"), "stamp")
    stamp = process_step(
        sandbox,
        "Stamp",
        "date +%s%N > /opt/ml/processing/output/stamp/stamp.txt",
        Environment={"COLOUR": get("Parameters.Colour")},
        ProcessingOutputConfig={"Outputs": [processing_output("stamp", target)]},
    )
    place = get("Steps.Stamp.ProcessingOutputConfig.Outputs['stamp'].S3Output.S3Uri")
    read = process_step(sandbox, "Read", "true", ProcessingInputs=[processing_input("stamp", place)])
    return [cached(stamp), cached(read)]


def test_an_equal_step_is_taken_from_the_last_execution_that_ran_it(
    sandbox: Sandbox, sagemaker: Any, create: Callable[..., str]
) -> None:
    name = create(stamped(sandbox), parameter("Colour", DefaultValue="blue"))
    first, ran = run(sagemaker, name)
    assert first["PipelineExecutionStatus"] == "Succeeded", ran
    assert not any("CacheHitResult" in step for step in ran.values())
    second, taken = run(sagemaker, name)
    assert second["PipelineExecutionStatus"] == "Succeeded"
    source = {"SourcePipelineExecutionArn": first["PipelineExecutionArn"]}
    assert [taken[step]["CacheHitResult"] for step in ("Stamp", "Read")] == [source, source]
    assert taken["Stamp"]["Metadata"] == ran["Stamp"]["Metadata"]
    _, changed = run(sagemaker, name, Colour="red")
    assert not any("CacheHitResult" in step for step in changed.values())


def test_a_step_whose_time_is_over_runs_again(
    sandbox: Sandbox, sagemaker: Any, create: Callable[..., str]
) -> None:
    name = create([cached(process_step(sandbox, "Once", "true"), "PT0S")])
    for _ in range(2):
        _, steps = run(sagemaker, name)
        assert "CacheHitResult" not in steps["Once"]


def test_a_failed_step_is_never_taken(sandbox: Sandbox, sagemaker: Any, create: Callable[..., str]) -> None:
    name = create([cached(process_step(sandbox, "Broken", "exit 1"))])
    for _ in range(2):
        _, steps = run(sagemaker, name)
        assert steps["Broken"]["StepStatus"] == "Failed"


def test_the_cache_key_is_awss_list_of_attributes() -> None:
    arguments = {"AppSpecification": {"ImageUri": "a"}, "RoleArn": "one", "ProcessingInputs": []}
    key = caching.key("Processing", arguments)
    assert caching.key("Processing", {**arguments, "RoleArn": "two"}) == key
    assert caching.key("Processing", {**arguments, "Environment": {"A": "b"}}) != key
    tuning = {"TrainingJobDefinition": {"StaticHyperParameters": {"a": "1"}, "RoleArn": "one"}}
    assert caching.key("Tuning", tuning) == caching.key(
        "Tuning", {"TrainingJobDefinition": {"StaticHyperParameters": {"a": "1"}, "RoleArn": "two"}}
    )


@pytest.mark.parametrize(
    ("text", "days"), [("P30D", 30), ("p1w", 7), ("P1DT12H", 1.5), ("T12H", 0.5), ("P1Y2M", 425), ("PT0S", 0)]
)
def test_durations_are_iso_8601(text: str, days: float) -> None:
    assert caching.period(text).total_seconds() == days * 86400


@pytest.mark.parametrize("text", ["", "P", "PT", "30 days", "P1.5D"])
def test_a_faulty_duration_is_refused(text: str) -> None:
    with pytest.raises(ServiceError, match="is not an ISO 8601 duration"):
        caching.period(text)


POLICY = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "MaxAttempts": 2, "IntervalSeconds": 1}


def test_a_failure_that_a_policy_names_is_tried_again_later_and_later() -> None:
    tries = retries.Retries([{**POLICY, "BackoffRate": 3.0}])
    fault = StepError("InternalServerError: sandbox fault")
    assert [tries.delay(fault) for _ in range(3)] == [1.0, 3.0, None]


def test_a_failure_of_the_users_own_is_not_tried_again() -> None:
    assert retries.Retries([POLICY]).delay(StepError("AlgorithmError: bad row, exit code: 1")) is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", "Step.THROTTLING"),
        ("ResourceLimitExceeded", "SageMaker.RESOURCE_LIMIT"),
        ("InternalFailure", "Step.SERVICE_FAULT"),
        ("ValidationException", None),
    ],
)
def test_refused_calls_have_the_types_that_policies_name(code: str, kind: str | None) -> None:
    error = ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateTrainingJob")
    assert retries.kind_of(error) == kind


@pytest.fixture(scope="module")
def scarce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox where one instance type has run out, and an hour takes seconds."""
    root = make_project(tmp_path_factory.mktemp("scarce") / "project")
    options = ("--images", "images", "--speed", "600", "--no-capacity", "ml.p5.48xlarge")
    started = sandbox_command(root, "up", "--detach", *options)
    assert started.returncode == 0, started.stderr
    yield Sandbox(root, json.loads((root / ".sandbox/sandbox.json").read_text())["endpoint"])
    assert sandbox_command(root, "down").returncode == 0


def test_a_job_without_capacity_is_tried_as_often_as_its_policy_says(scarce: Sandbox, unique: str) -> None:
    resources = {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    step = train_step(scarce, "Big", "true", ResourceConfig=resources)
    policy = {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "MaxAttempts": 2, "IntervalSeconds": 60}
    client = scarce.client("sagemaker")
    client.create_pipeline(
        PipelineName=unique,
        PipelineDefinition=document([{**step, "RetryPolicies": [policy]}]),
        RoleArn=scarce.role,
    )
    _, steps = run(client, unique)
    assert steps["Big"]["AttemptCount"] == 3
    assert steps["Big"]["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute")
    assert len(client.list_training_jobs(StatusEquals="Failed")["TrainingJobSummaries"]) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"CacheConfig": {"Enabled": True}}, "CacheConfig that is enabled needs ExpireAfter"),
        ({"CacheConfig": {"Enabled": True, "ExpireAfter": "soon"}}, "'soon' is not an ISO 8601 duration"),
        ({"RetryPolicies": [{**POLICY, "ExceptionType": ["Bad.LUCK"]}]}, r"ExceptionType \['Bad.LUCK'\]"),
        ({"RetryPolicies": [{**POLICY, "ExpireAfterMin": 5}]}, "give one of MaxAttempts and ExpireAfterMin"),
        ({"RetryPolicies": [{**POLICY, "MaxAttempts": 21}]}, "MaxAttempts is 1 to 20"),
    ],
)
def test_a_faulty_cache_or_retry_is_refused(
    sandbox: Sandbox, create: Callable[..., str], change: Step, said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        create([{**process_step(sandbox, "A", "true"), **change}])


def test_a_failed_execution_can_be_tried_again_from_where_it_failed(
    sandbox: Sandbox, sagemaker: Any, unique: str, create: Callable[..., str]
) -> None:
    flag = f"s3://{sandbox.bucket}/{unique}/flag"
    needy = process_step(sandbox, "Needy", "true", ProcessingInputs=[processing_input("flag", flag)])
    always = [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}]
    gate = {**condition("Gate", always, [needy], [fail("No", "x")]), "DependsOn": ["First"]}
    name = create([process_step(sandbox, "First", "true"), gate])
    failed, before = run(sagemaker, name)
    assert failed["PipelineExecutionStatus"] == "Failed"
    arn, token = failed["PipelineExecutionArn"], "r" * 32
    sandbox.put(f"{unique}/flag", "here")
    sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)
    done, after = ended(sagemaker, arn)
    assert done["PipelineExecutionStatus"] == "Succeeded", after
    assert "FailureReason" not in done
    assert after["First"] == before["First"]
    assert after["Needy"]["StepStatus"] == "Succeeded"
    sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)
    with pytest.raises(ClientError, match="can be retried; this one is Succeeded"):
        sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)


@pytest.mark.parametrize(("most", "together"), [(1, False), (2, True)])
def test_steps_run_beside_each_other_as_far_as_allowed(
    sandbox: Sandbox, sagemaker: Any, create: Callable[..., str], most: int, together: bool
) -> None:
    name = create(
        [process_step(sandbox, name, "sleep 0.6") for name in ("One", "Two")],
        ParallelismConfiguration={"MaxParallelExecutionSteps": most},
    )
    execution, steps = run(sagemaker, name)
    assert execution["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": most}
    spans = sorted((step["StartTime"], step["EndTime"]) for step in steps.values())
    assert (spans[1][0] < spans[0][1]) == together


def test_a_version_can_be_named_and_knows_its_last_execution(
    sagemaker: Any, create: Callable[..., str]
) -> None:
    name = create([fail("A", "x")])
    execution, _ = run(sagemaker, name)
    arn = sagemaker.describe_pipeline(PipelineName=name)["PipelineArn"]
    sagemaker.update_pipeline_version(
        PipelineArn=arn, PipelineVersionId=1, PipelineVersionDisplayName="first"
    )
    (version,) = sagemaker.list_pipeline_versions(PipelineName=name)["PipelineVersionSummaries"]
    assert version["PipelineVersionDisplayName"] == "first"
    assert version["LastExecutionPipelineExecutionArn"] == execution["PipelineExecutionArn"]


def test_an_execution_says_which_experiment_it_belongs_to(
    sandbox: Sandbox, sagemaker: Any, unique: str
) -> None:
    text = json.loads(document([fail("A", "x")]))
    text["PipelineExperimentConfig"] = {
        "ExperimentName": get("Execution.PipelineName"),
        "TrialName": get("Execution.PipelineExecutionId"),
    }
    sagemaker.create_pipeline(PipelineName=unique, PipelineDefinition=json.dumps(text), RoleArn=sandbox.role)
    execution, _ = run(sagemaker, unique)
    trial = execution["PipelineExecutionArn"].rsplit("/", 1)[1]
    assert execution["PipelineExperimentConfig"] == {"ExperimentName": unique, "TrialName": trial}


def test_a_selective_execution_is_refused_by_name(sagemaker: Any, create: Callable[..., str]) -> None:
    name = create([fail("A", "x")])
    with pytest.raises(ClientError, match="does not serve SelectiveExecutionConfig"):
        sagemaker.start_pipeline_execution(
            PipelineName=name, SelectiveExecutionConfig={"SelectedSteps": [{"StepName": "A"}]}
        )
