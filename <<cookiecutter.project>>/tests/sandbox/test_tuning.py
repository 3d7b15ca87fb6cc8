"""Tuning jobs: real training jobs, whose hyperparameters the service chooses."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from .conftest import (
    IMAGE,
    Sandbox,
    archive,
    channel,
    make_role,
    processing_input,
    processing_output,
    wait_for,
)
from .test_pipelines import document, ended, get, join, process_step

if TYPE_CHECKING:
    from collections.abc import Callable

METRICS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
SCRIPT = """
import argparse, json, os, time
parser = argparse.ArgumentParser()
parser.add_argument("-x", type=float)  # the toolkit writes one-letter names so
parser.add_argument("--depth", type=int, default=1)
parser.add_argument("--kind", default="a")
arguments = parser.parse_args()
offset = float(open(os.path.join(os.environ["SM_CHANNEL_DATA"], "offset.txt")).read())
if arguments.kind == "broken":
    raise SystemExit("this kind cannot be trained")
if arguments.kind == "mute":
    raise SystemExit(0)
if arguments.kind == "hopeless":
    print("loss=8", "loss=9", sep="\\n", flush=True)
    time.sleep(300)
loss = abs(arguments.x - offset)
for step in (3, 2, 1):
    print(f"loss={loss + step / 100:.6f}", flush=True)
    time.sleep(60 if arguments.kind == "slow" else 0)
print(f"loss={loss:.6f}", flush=True)
with open(os.path.join(os.environ["SM_MODEL_DIR"], "x.txt"), "w") as file:
    file.write(f"{arguments.x} {arguments.depth}")
"""


@pytest.fixture
def definition(sandbox: Sandbox, unique: str) -> dict[str, Any]:
    """What the SDK's tuner sends: a script as hyperparameters of the image's own program."""
    source = sandbox.put(f"{unique}/sourcedir.tar.gz", archive({"fit.py": SCRIPT}))
    data = sandbox.put(f"{unique}/data/offset.txt", "0.25").removesuffix("/offset.txt")
    return {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": METRICS,
        },
        "RoleArn": sandbox.role,
        "InputDataConfig": [channel("data", data)],
        "OutputDataConfig": {"S3OutputPath": f"s3://{sandbox.bucket}/runs/tuned"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "StaticHyperParameters": {
            "sagemaker_program": "fit.py",
            "sagemaker_submit_directory": source,
            "depth": "7",
        },
    }


def config(
    strategy: str = "Random", jobs: int | None = 3, parallel: int = 2, **changes: Any
) -> dict[str, Any]:
    limits = {"MaxParallelTrainingJobs": parallel, **({"MaxNumberOfTrainingJobs": jobs} if jobs else {})}
    return {
        "Strategy": strategy,
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "ResourceLimits": limits,
        "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]},
        "RandomSeed": 4,
        **changes,
    }


def kinds(*values: str) -> dict[str, Any]:
    return {"CategoricalParameterRanges": [{"Name": "kind", "Values": list(values)}]}


def finished(client: Any, name: str) -> dict[str, Any]:
    return wait_for(
        lambda: client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        "HyperParameterTuningJobStatus",
        "InProgress",
        "Stopping",
    )


@pytest.fixture
def tune(sagemaker: Any, unique: str, definition: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    def run(chosen: dict[str, Any], **changes: Any) -> dict[str, Any]:
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=unique,
            HyperParameterTuningJobConfig=chosen,
            TrainingJobDefinition={**definition, **changes},
        )
        return finished(sagemaker, unique)

    return run


def trials(client: Any, name: str, **arguments: Any) -> list[dict[str, Any]]:
    found = client.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, **arguments
    )
    return list(found["TrainingJobSummaries"])


def value(summary: dict[str, Any]) -> float:
    return float(summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_a_tuning_job_trains_and_names_the_best(
    sandbox: Sandbox, sagemaker: Any, unique: str, tune: Callable[..., dict[str, Any]], strategy: str
) -> None:
    done = tune(config(strategy, jobs=3))
    assert done["HyperParameterTuningJobStatus"] == "Completed", done.get("FailureReason")
    assert done["TrainingJobStatusCounters"]["Completed"] == 3
    assert done["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
    ordered = trials(sagemaker, unique, SortBy="FinalObjectiveMetricValue", SortOrder="Ascending")
    assert [value(one) for one in ordered] == sorted(value(one) for one in ordered)
    best = done["BestTrainingJob"]
    assert best["TrainingJobName"] == ordered[0]["TrainingJobName"]
    x = float(best["TunedHyperParameters"]["x"])
    assert value(best) == pytest.approx(abs(x - 0.25), abs=1e-6)
    job = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert job["TuningJobArn"] == done["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["_tuning_objective_metric"] == "loss"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].startswith(f"s3://{sandbox.bucket}/runs/tuned/{unique}-")


def test_a_seed_makes_a_random_search_repeatable(
    sagemaker: Any, unique: str, definition: dict[str, Any]
) -> None:
    found = []
    for name in (f"{unique}-a", f"{unique}-b"):
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig=config(jobs=2),
            TrainingJobDefinition=definition,
        )
        finished(sagemaker, name)
        found.append(sorted(one["TunedHyperParameters"]["x"] for one in trials(sagemaker, name)))
    assert found[0] == found[1]


def test_a_grid_tries_every_combination(
    sagemaker: Any, unique: str, definition: dict[str, Any], tune: Callable[..., dict[str, Any]]
) -> None:
    static = {**definition["StaticHyperParameters"], "x": "0.5"}
    done = tune(config("Grid", None, ParameterRanges=kinds("a", "b")), StaticHyperParameters=static)
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert {one["TunedHyperParameters"]["kind"] for one in trials(sagemaker, unique)} == {"a", "b"}


def test_early_stopping_ends_a_job_that_falls_behind(
    sagemaker: Any, unique: str, definition: dict[str, Any], tune: Callable[..., dict[str, Any]]
) -> None:
    static = {**definition["StaticHyperParameters"], "x": "0.5"}
    ranges = kinds("a", "b", "c", "hopeless")
    chosen = config("Grid", None, 3, ParameterRanges=ranges, TrainingJobEarlyStoppingType="Auto")
    done = tune(chosen, StaticHyperParameters=static)
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    found = {one["TunedHyperParameters"]["kind"]: one for one in trials(sagemaker, unique)}
    assert {kind: one["TrainingJobStatus"] for kind, one in found.items()} == {
        "a": "Completed",
        "b": "Completed",
        "c": "Completed",
        "hopeless": "Stopped",
    }
    assert value(found["hopeless"]) == 9


def test_a_search_without_any_success_fails_after_five_jobs(
    definition: dict[str, Any], tune: Callable[..., dict[str, Any]]
) -> None:
    ranges = {**config()["ParameterRanges"], **kinds("broken")}
    done = tune(config(jobs=20, parallel=5, ParameterRanges=ranges))
    assert done["HyperParameterTuningJobStatus"] == "Failed"
    assert re.match(r"No training job succeeded after \d+ attempts\.", done["FailureReason"])
    assert 5 <= done["TrainingJobStatusCounters"]["NonRetryableError"] < 20
    assert "BestTrainingJob" not in done


def test_a_search_that_never_sees_its_objective_says_so(tune: Callable[..., dict[str, Any]]) -> None:
    ranges = {**config()["ParameterRanges"], **kinds("mute")}
    done = tune(config(jobs=2, ParameterRanges=ranges))
    assert done["HyperParameterTuningJobStatus"] == "Failed"
    assert done["FailureReason"].startswith("No objective metrics found after running 2 training jobs.")


def test_a_target_that_is_reached_ends_the_search(tune: Callable[..., dict[str, Any]]) -> None:
    done = tune(config(jobs=20, parallel=1, TuningJobCompletionCriteria={"TargetObjectiveMetricValue": 10.0}))
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert done["TrainingJobStatusCounters"]["Completed"] == 1


def test_a_stopped_search_stops_its_jobs(sagemaker: Any, unique: str, definition: dict[str, Any]) -> None:
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=unique,
        HyperParameterTuningJobConfig=config(
            jobs=4, ParameterRanges={**config()["ParameterRanges"], **kinds("slow")}
        ),
        TrainingJobDefinition=definition,
    )
    while not trials(sagemaker, unique):
        time.sleep(0.05)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=unique)
    done = finished(sagemaker, unique)
    assert done["HyperParameterTuningJobStatus"] == "Stopped"
    assert {one["TrainingJobStatus"] for one in trials(sagemaker, unique)} == {"Stopped"}
    with pytest.raises(ClientError, match="the tuning job is in status Stopped"):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=unique)
    listed = sagemaker.list_hyper_parameter_tuning_jobs(NameContains=unique, StatusEquals="Stopped")
    assert [job["Strategy"] for job in listed["HyperParameterTuningJobSummaries"]] == ["Random"]


@pytest.mark.parametrize(
    ("chosen", "changes", "said"),
    [
        (config("Hyperband"), {}, "does not serve strategy 'Hyperband', only Bayesian, Random, Grid"),
        (config("Grid", 3), {}, "Grid takes categorical ranges only; 'x' are numeric"),
        (config("Grid", 5, ParameterRanges=kinds("a", "b")), {}, "MaxNumberOfTrainingJobs 5 must equal"),
        (config("Random", None), {}, "'Random' needs ResourceLimits.MaxNumberOfTrainingJobs"),
        (
            config(HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "auc"}),
            {},
            r"Provide a metric in the metric definitions: 'auc' is none of \['loss'\]",
        ),
        (
            config(),
            {"StaticHyperParameters": {}},
            "runs the script that the hyperparameter",
        ),
        (
            config(),
            {"VpcConfig": {"SecurityGroupIds": ["s"], "Subnets": ["s"]}},
            "Invalid VpcConfig: ",  # what is wrong with it, test_networks tells
        ),
    ],
)
def test_a_bad_tuning_request_is_refused(
    tune: Callable[..., dict[str, Any]], chosen: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=rf"\(ValidationException\).*{said}"):
        tune(chosen, **changes)


def test_an_unknown_tuning_job_is_not_found(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match=r"\(ResourceNotFound\).*can't find a tuning job with name nobody"):
        sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="nobody")


def test_a_pipeline_tunes_and_hands_on_the_best_model(
    sandbox: Sandbox, sagemaker: Any, unique: str, definition: dict[str, Any]
) -> None:
    arguments = {"HyperParameterTuningJobConfig": config(jobs=2), "TrainingJobDefinition": definition}
    best = get("Steps.Search.TrainingJobSummaries[0].TrainingJobName")
    model = join(f"s3://{sandbox.bucket}/runs/tuned", best, "output/model.tar.gz")
    named = get("Steps.Search.BestTrainingJob.TrainingJobName")
    target = f"s3://{sandbox.bucket}/runs/{unique}/out"
    use = process_step(
        sandbox,
        "Use",
        "cd /opt/ml/processing/output/best; tar xzf ../../input/model/model.tar.gz; echo $BEST > name.txt",
        Environment={"BEST": named},
        ProcessingInputs=[processing_input("model", model)],
        ProcessingOutputConfig={"Outputs": [processing_output("best", target)]},
    )
    search = {"Name": "Search", "Type": "Tuning", "Arguments": arguments}
    actions = ["sagemaker:*", "iam:PassRole", "s3:GetObject"]
    role = make_role(sandbox, unique, actions, {"Service": "sagemaker.amazonaws.com"})
    sagemaker.create_pipeline(PipelineName=unique, PipelineDefinition=document([search, use]), RoleArn=role)
    arn = sagemaker.start_pipeline_execution(PipelineName=unique)["PipelineExecutionArn"]
    execution, steps = ended(sagemaker, arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded", steps
    name = steps["Search"]["Metadata"]["TuningJob"]["Arn"].rsplit("/", 1)[1]
    assert len(name) <= 32
    found = finished(sagemaker, name)["BestTrainingJob"]
    assert sandbox.read(f"{target}/name.txt").decode().strip() == found["TrainingJobName"]
    assert sandbox.read(f"{target}/x.txt").decode() == f"{float(found['TunedHyperParameters']['x'])} 7"
