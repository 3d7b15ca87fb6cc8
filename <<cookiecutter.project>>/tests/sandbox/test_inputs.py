"""How data reaches jobs: manifests, FastFile, spot's rules, capacity, and full disks."""

from __future__ import annotations

import errno
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.sagemaker import jobs

from .conftest import (
    Sandbox,
    channel,
    processing_input,
    processing_output,
    run_processing,
    run_training,
    training,
)
from .test_jobs import unpack


def listed(name: str, uri: str) -> dict[str, Any]:
    made = channel(name, uri)
    made["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    return made


def test_a_manifest_brings_the_objects_it_names_and_no_others(sandbox: Sandbox, unique: str) -> None:
    for name in ("a.csv", "deep/b.csv", "not-named.csv"):
        sandbox.put(f"{unique}/data/{name}", name)
    names = [{"prefix": f"s3://{sandbox.bucket}/{unique}/data/"}, "a.csv", "deep/b.csv"]
    manifest = sandbox.put(f"{unique}/manifest", json.dumps(names))
    script = "cd /opt/ml/input/data; ls train train-manifest; cp -r train /opt/ml/model/"
    done = run_training(sandbox, unique, script, InputDataConfig=[listed("train", manifest)])
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    found = unpack(sandbox.read(done["ModelArtifacts"]["S3ModelArtifacts"]))
    assert found == {"train/a.csv": "a.csv", "train/deep/b.csv": "deep/b.csv"}


def test_a_processing_job_reads_a_manifest_too(sandbox: Sandbox, unique: str) -> None:
    sandbox.put(f"{unique}/data/a.csv", "one")
    names = [{"prefix": f"s3://{sandbox.bucket}/{unique}/data/"}, "a.csv"]
    made = processing_input("data", sandbox.put(f"{unique}/manifest", json.dumps(names)))
    made["S3Input"]["S3DataType"] = "ManifestFile"
    target = f"s3://{sandbox.bucket}/runs/{unique}/out"
    run_processing(
        sandbox,
        unique,
        "cp /opt/ml/processing/input/data/a.csv /opt/ml/processing/output/copy/",
        ProcessingInputs=[made],
        ProcessingOutputConfig={"Outputs": [processing_output("copy", target)]},
    )
    assert sandbox.read(f"{target}/a.csv") == b"one"


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("[]", "is not a manifest"),
        ('[{"prefix": "s3://b/"}]', "names no objects"),
        ('[{"prefix": "s3://b/"}, "../x"]', "names '../x', which is outside its prefix"),
    ],
)
def test_a_faulty_manifest_fails_the_job_saying_why(
    sandbox: Sandbox, unique: str, manifest: str, said: str
) -> None:
    uri = sandbox.put(f"{unique}/manifest", manifest)
    done = run_training(sandbox, unique, "true", InputDataConfig=[listed("train", uri)])
    assert done["TrainingJobStatus"] == "Failed"
    assert said in done["FailureReason"]


def test_a_fast_file_channel_can_be_read_and_not_written(sandbox: Sandbox, unique: str) -> None:
    data = sandbox.put(f"{unique}/a.csv", "1")
    done = run_training(
        sandbox,
        unique,
        "cd /opt/ml/input/data; cat train/a.csv; ! echo 2 > train/a.csv; ! touch train/b.csv; touch free; "
        "cp ../config/inputdataconfig.json train/a.csv /opt/ml/model/",
        InputDataConfig=[{**channel("train", data), "InputMode": "FastFile"}],
    )
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    found = unpack(sandbox.read(done["ModelArtifacts"]["S3ModelArtifacts"]))
    assert found["a.csv"] == "1"
    assert json.loads(found["inputdataconfig.json"])["train"]["TrainingInputMode"] == "FastFile"


@pytest.mark.parametrize(
    ("kind", "mode", "said"),
    [
        ("S3Prefix", "Pipe", r"not \('Pipe', 'S3Prefix', 'None'\)"),
        ("AugmentedManifestFile", "File", r"not \('File', 'AugmentedManifestFile', 'None'\)"),
    ],
)
def test_a_channel_that_cannot_be_honoured_is_refused(
    sandbox: Sandbox, sagemaker: Any, unique: str, kind: str, mode: str, said: str
) -> None:
    made = {**channel("train", f"s3://{sandbox.bucket}/x"), "InputMode": mode}
    made["DataSource"]["S3DataSource"]["S3DataType"] = kind
    with pytest.raises(ClientError, match=rf"channel 'train': .*{said}"):
        sagemaker.create_training_job(**training(sandbox, unique, "true", InputDataConfig=[made]))


@pytest.mark.parametrize(
    ("spot", "wait", "said"),
    [
        (True, None, "Invalid MaxWaitTimeInSeconds None. It must be present"),
        (True, 59, r"greater than or equal to MaxRuntimeInSeconds \(60\)"),
        (False, 60, "MaxWaitTimeInSeconds 60 is not supported unless"),
    ],
)
def test_spots_rules_are_awss(
    sandbox: Sandbox, sagemaker: Any, unique: str, spot: bool, wait: int | None, said: str
) -> None:
    stopping = {"MaxRuntimeInSeconds": 60, **({"MaxWaitTimeInSeconds": wait} if wait else {})}
    made = training(sandbox, unique, "true", StoppingCondition=stopping, EnableManagedSpotTraining=spot)
    with pytest.raises(ClientError, match=said):
        sagemaker.create_training_job(**made)


def test_a_spot_job_runs_and_says_so(sandbox: Sandbox, unique: str) -> None:
    stopping = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    done = run_training(sandbox, unique, "true", StoppingCondition=stopping, EnableManagedSpotTraining=True)
    assert (done["TrainingJobStatus"], done["EnableManagedSpotTraining"]) == ("Completed", True)


def test_a_full_disk_is_the_reason_that_a_job_gives() -> None:
    said = jobs.reason_of(OSError(errno.ENOSPC, "No space left on device"))
    assert said.startswith("ClientError: no space left on the disk of the sandbox's state directory. Free it")
