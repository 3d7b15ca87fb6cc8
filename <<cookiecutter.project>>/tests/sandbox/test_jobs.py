"""Training and processing jobs: SageMaker's contract, as a script inside sees it and as a client sees it."""

from __future__ import annotations

import io
import json
import tarfile
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import (
    IMAGE,
    Sandbox,
    channel,
    ended_processing,
    ended_training,
    processing,
    processing_input,
    processing_output,
    run_processing,
    run_training,
    training,
)


def unpack(body: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers() if member.isfile()}
        return {name: file.read().decode() for name, file in found.items() if file}


def log_of(sandbox: Sandbox, group: str, job: str) -> list[str]:
    logs = sandbox.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/algo-1")[
        "logStreams"
    ]
    events = logs.get_log_events(
        logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
    )
    return [event["message"] for event in events["events"]]


def test_a_training_job_turns_its_channels_into_model_artifacts(sandbox: Sandbox, unique: str) -> None:
    sandbox.put(f"{unique}/data/a.csv", "1,2")
    prefix = sandbox.put(f"{unique}/data/deep/b.csv", "3,4").removesuffix("/deep/b.csv")
    done = run_training(
        sandbox,
        unique,
        "cat /opt/ml/input/data/train/a.csv /opt/ml/input/data/train/deep/b.csv > /opt/ml/model/weights; "
        "cp /opt/ml/input/config/hyperparameters.json /opt/ml/output/data/",
        InputDataConfig=[channel("train", prefix)],
        HyperParameters={"depth": "3"},
    )
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    uri = f"s3://{sandbox.bucket}/runs/{unique}/output"
    assert done["ModelArtifacts"]["S3ModelArtifacts"] == f"{uri}/model.tar.gz"
    assert unpack(sandbox.read(f"{uri}/model.tar.gz")) == {"weights": "1,23,4"}
    assert unpack(sandbox.read(f"{uri}/output.tar.gz")) == {"hyperparameters.json": '{"depth": "3"}'}
    states = [entry["Status"] for entry in done["SecondaryStatusTransitions"]]
    assert states == ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def test_a_training_script_finds_its_configuration_and_environment(sandbox: Sandbox, unique: str) -> None:
    data = sandbox.put(f"{unique}/x.csv", "1")
    run_training(
        sandbox,
        unique,
        "cd /opt/ml/input/config; cat resourceconfig.json; echo; cat inputdataconfig.json; echo; env",
        InputDataConfig=[channel("train", data)],
        Environment={"COLOUR": "blue"},
    )
    resources, channels, *environment = log_of(sandbox, "/aws/sagemaker/TrainingJobs", unique)
    assert json.loads(resources)["current_host"] == "algo-1"
    assert json.loads(channels)["train"]["TrainingInputMode"] == "File"
    assert {f"TRAINING_JOB_NAME={unique}", "COLOUR=blue", f"AWS_ENDPOINT_URL={sandbox.endpoint}"} <= set(
        environment
    )


def test_a_job_sees_nothing_of_the_callers_environment(sandbox: Sandbox, unique: str) -> None:
    run_processing(sandbox, unique, "env")
    names = {line.split("=")[0] for line in log_of(sandbox, "/aws/sagemaker/ProcessingJobs", unique)}
    assert not names & {"PYTHONPATH", "PYTEST_CURRENT_TEST", "VIRTUAL_ENV", "USER", "MOTO_ACCOUNT_ID"}


def test_a_failed_training_job_gives_the_reason_its_container_wrote(sandbox: Sandbox, unique: str) -> None:
    done = run_training(sandbox, unique, "echo 'no such column' > /opt/ml/output/failure; exit 3")
    assert done["TrainingJobStatus"] == "Failed"
    assert done["FailureReason"] == "AlgorithmError: no such column, exit code: 3"


def test_a_failed_processing_job_gives_its_last_line_and_exit_message(sandbox: Sandbox, unique: str) -> None:
    done = run_processing(
        sandbox, unique, "echo 'two is wrong' >&2; echo said > /opt/ml/output/message; exit 4"
    )
    assert done["ProcessingJobStatus"] == "Failed"
    assert done["FailureReason"] == "AlgorithmError: two is wrong, exit code: 4"
    assert done["ExitMessage"] == "said"


def test_a_processing_jobs_outputs_land_under_their_uris(sandbox: Sandbox, unique: str) -> None:
    source = sandbox.put(f"{unique}/in/one.txt", "hello")
    target = f"s3://{sandbox.bucket}/runs/{unique}/out"
    done = run_processing(
        sandbox,
        unique,
        "cd /opt/ml/processing; mkdir output/result/deep; cp input/text/one.txt output/result/deep/two.txt",
        ProcessingInputs=[processing_input("text", source)],
        ProcessingOutputConfig={"Outputs": [processing_output("result", target)]},
    )
    assert done["ProcessingJobStatus"] == "Completed", done
    assert sandbox.read(f"{target}/deep/two.txt") == b"hello"


def test_a_channel_without_objects_fails_the_job_naming_the_uri(sandbox: Sandbox, unique: str) -> None:
    uri = f"s3://{sandbox.bucket}/{unique}/nothing"
    done = run_training(sandbox, unique, "true", InputDataConfig=[channel("train", uri)])
    assert done["TrainingJobStatus"] == "Failed"
    assert f'No S3 objects found under S3 URL "{uri}"' in done["FailureReason"]


def test_an_image_outside_the_table_fails_the_job_naming_what_exists(sandbox: Sandbox, unique: str) -> None:
    uri = IMAGE.replace("empty:1", "unheard:7")
    algorithm = {
        "TrainingImage": uri,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/true"],
    }
    done = run_training(sandbox, unique, "", AlgorithmSpecification=algorithm)
    assert done["TrainingJobStatus"] == "Failed"
    assert repr(uri) in done["FailureReason"]
    assert "Known: empty-1.txt" in done["FailureReason"]


def test_a_job_past_its_time_is_stopped_with_its_whole_process_tree(sandbox: Sandbox, unique: str) -> None:
    limit = {"MaxRuntimeInSeconds": 1}
    began = time.monotonic()
    client = sandbox.client("sagemaker")
    client.create_training_job(
        **training(sandbox, unique, "setsid sleep 300 & sleep 300; true", StoppingCondition=limit)
    )
    client.create_processing_job(**processing(sandbox, unique, "sleep 300 & wait", StoppingCondition=limit))
    done = ended_training(client, unique)
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    processed = ended_processing(client, unique)
    assert processed["ProcessingJobStatus"] == "Failed"
    assert "ran longer than MaxRuntimeInSeconds (1)" in processed["FailureReason"]
    assert time.monotonic() - began < 20


def test_a_stopped_job_is_told_first_and_keeps_its_model(sandbox: Sandbox, unique: str) -> None:
    client = sandbox.client("sagemaker")
    script = "trap 'echo partial > /opt/ml/model/weights; exit 0' TERM; while true; do sleep 0.1; done"
    client.create_training_job(**training(sandbox, unique, script))
    while client.describe_training_job(TrainingJobName=unique)["SecondaryStatus"] != "Training":
        time.sleep(0.05)
    time.sleep(0.5)
    client.stop_training_job(TrainingJobName=unique)
    done = ended_training(client, unique)
    assert done["TrainingJobStatus"] == "Stopped"
    assert unpack(sandbox.read(done["ModelArtifacts"]["S3ModelArtifacts"])) == {"weights": "partial\n"}
    with pytest.raises(
        ClientError, match="The request was rejected because the training job is in status Stopped"
    ):
        client.stop_training_job(TrainingJobName=unique)


def test_what_one_job_installs_no_other_job_has(sandbox: Sandbox, unique: str) -> None:
    package = sandbox.put(f"{unique}/only.py", "")
    install = (
        "cd /opt/ml/processing/input/p; "
        "cp only.py $(python3 -c 'import site; print(site.getsitepackages()[0])'); "
        "pip3 --version; python3 -c 'import only'"
    )
    first = run_processing(sandbox, f"{unique}-1", install, ProcessingInputs=[processing_input("p", package)])
    assert first["ProcessingJobStatus"] == "Completed", first
    second = run_processing(sandbox, f"{unique}-2", "python3 -c 'import only'")
    assert second["FailureReason"].startswith("AlgorithmError: ModuleNotFoundError: No module named 'only'")


def test_metrics_are_read_from_the_log_by_regular_expression(sandbox: Sandbox, unique: str) -> None:
    made = training(sandbox, unique, "echo loss=0.5; echo loss=0.25")
    made["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    client = sandbox.client("sagemaker")
    client.create_training_job(**made)
    (metric,) = ended_training(client, unique)["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("loss", 0.25)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"RoleArn": "arn:aws:iam::222222222222:role/nobody"}, "Could not assume role"),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}},
            "runs a job on one instance",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c"}}, "does not serve CheckpointConfig"),
        ({"TrainingJobName": "under_score"}, "regular expression pattern"),
        (
            {"ResourceConfig": {"InstanceType": "ml.made.up", "InstanceCount": 1, "VolumeSizeInGB": 1}},
            "Member must satisfy enum value set",
        ),
    ],
)
def test_a_bad_training_request_is_refused(
    sandbox: Sandbox, unique: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=said) as caught:
        sandbox.client("sagemaker").create_training_job(**training(sandbox, unique, "true", **changes))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_job_name_can_be_used_once(sandbox: Sandbox, unique: str) -> None:
    run_training(sandbox, unique, "true")
    with pytest.raises(ClientError, match=r"\(ResourceInUse\).*Training job names must be unique"):
        sandbox.client("sagemaker").create_training_job(**training(sandbox, unique, "true"))


def test_an_unknown_job_is_not_found(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match=r"\(ValidationException\).*Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName="nobody")


def test_jobs_are_listed_by_status_and_name(sandbox: Sandbox, sagemaker: Any, unique: str) -> None:
    run_training(sandbox, unique, "exit 1")
    found = sagemaker.list_training_jobs(NameContains=unique, StatusEquals="Failed")["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in found] == [unique]
    assert not sagemaker.list_training_jobs(NameContains=unique, StatusEquals="Completed")[
        "TrainingJobSummaries"
    ]
