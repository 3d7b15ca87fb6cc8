"""A disk of a few megabytes that really fills: jobs say so, and the server goes on."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import (
    Sandbox,
    channel,
    environment,
    make_project,
    processing_input,
    processing_output,
    run_processing,
    run_training,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEGABYTES = 8
FULL = "ClientError: no space left on the disk of the sandbox's state directory. Free it, or give another"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox whose state directory is a small disk that only its processes see; and that disk."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine has no user namespaces to mount a small disk in")
    root = make_project(tmp_path_factory.mktemp("disk") / "project")
    (root / "small").mkdir()
    up = f"exec {sys.executable} -m sandbox up --state small --images images"
    script = f"mount -t tmpfs -o size={MEGABYTES}m tmpfs small && {up}"
    with subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", script], cwd=root, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        ready = process.stdout.readline()
        try:
            assert ready.startswith("sandbox ready: "), ready
            yield Sandbox(root, ready.split()[2], attempts=5), Path(f"/proc/{process.pid}/root{root}/small")
        finally:
            process.terminate()


@pytest.fixture
def small(server: tuple[Sandbox, Path]) -> Sandbox:
    """That sandbox."""
    return server[0]


@pytest.fixture
def disk(server: tuple[Sandbox, Path]) -> Path:
    """That disk, as the server sees it."""
    return server[1]


def fill(path: Path) -> None:
    """Leave no room for anything else."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def call_often(call: Callable[[], object]) -> None:
    """More calls than the last page of the trail has room for."""
    for _ in range(20):
        call()


def works(small: Sandbox, name: str) -> None:
    """The server serves the next call, and the next job."""
    assert small.client("sagemaker").list_training_jobs()["ResponseMetadata"]["HTTPStatusCode"] == 200
    job = run_training(small, f"{name}-next", "echo 1 > /opt/ml/model/weights")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


@pytest.mark.parametrize("end", ["", "; sleep 1", "; true"])
def test_a_training_job_that_fills_its_disk_says_so(small: Sandbox, unique: str, end: str) -> None:
    job = run_training(small, unique, f"dd if=/dev/zero of=/opt/ml/model/weights bs=1M{end}")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(FULL)
    works(small, unique)


def test_a_processing_job_that_fills_its_disk_says_so(small: Sandbox, unique: str) -> None:
    outputs = {"Outputs": [processing_output("rows", f"s3://{small.bucket}/runs/{unique}")]}
    script = f'{sys.executable} -c \'open("/opt/ml/processing/output/rows/x", "wb").write(bytes(1 << 24))\''
    job = run_processing(small, unique, script, ProcessingOutputConfig=outputs)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(FULL)
    works(small, unique)


def test_an_input_larger_than_the_disk_is_told_so(small: Sandbox, unique: str) -> None:
    uri = small.put(f"{unique}/rows", bytes(2 * MEGABYTES * 2**20))
    trained = run_training(small, unique, "true", InputDataConfig=[channel("train", uri)])
    processed = run_processing(small, unique, "true", ProcessingInputs=[processing_input("rows", uri)])
    for job, kind in ((trained, "Training"), (processed, "Processing")):
        assert job[f"{kind}JobStatus"] == "Failed"
        assert job["FailureReason"].startswith(FULL)
    works(small, unique)


def test_a_disk_that_others_filled_is_named_until_there_is_room_again(
    small: Sandbox, disk: Path, unique: str
) -> None:
    fill(disk / "others")
    client = replace(small, attempts=1).client("sagemaker")
    with pytest.raises(ClientError, match="the trail cannot be written: No space left on device"):
        call_often(client.list_models)
    (disk / "others").unlink()
    works(small, unique)


def test_the_trail_holds_whole_records_only(disk: Path) -> None:
    (trail,) = (disk / "trail").glob("*.jsonl")
    for line in trail.read_text().splitlines():
        json.loads(line)
