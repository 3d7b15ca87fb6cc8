"""Without user namespaces: the same jobs, with /opt/ml mapped into their own folders."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import test_sdk_driver
from .conftest import (
    Sandbox,
    channel,
    make_project,
    processing,
    processing_input,
    processing_output,
    run_processing,
    run_training,
    sandbox_command,
)
from .test_endpoints import ask, configure, publish, settled
from .test_jobs import unpack
from .test_sdk_driver import channels, sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["channels", "sdk"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    root = make_project(tmp_path_factory.mktemp("mapped") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_NO_NAMESPACES", "1")
        started = sandbox_command(root, "up", "--detach", "--images", "images")
    assert started.returncode == 0, started.stderr
    yield Sandbox(root, json.loads((root / ".sandbox/sandbox.json").read_text())["endpoint"])
    assert sandbox_command(root, "down").returncode == 0


def test_the_server_says_that_it_maps_paths(sandbox: Sandbox) -> None:
    log = (sandbox.root / ".sandbox/server.log").read_text()
    assert "jobs have no private /opt/ml (SANDBOX_NO_NAMESPACES is set): paths are mapped" in log


def test_jobs_find_their_folders_by_the_paths_they_were_given(sandbox: Sandbox, unique: str) -> None:
    data = sandbox.put(f"{unique}/a.csv", "1")
    trained = run_training(
        sandbox,
        f"{unique}-t",
        "cp $FROM/a.csv /opt/ml/model/weights",
        InputDataConfig=[{**channel("train", data), "InputMode": "FastFile"}],
        Environment={"FROM": "/opt/ml/input/data/train"},
    )
    assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
    assert unpack(sandbox.read(trained["ModelArtifacts"]["S3ModelArtifacts"])) == {"weights": "1"}
    target = f"s3://{sandbox.bucket}/{unique}/out"
    run_processing(
        sandbox,
        f"{unique}-p",
        "cp /opt/ml/processing/input/data/a.csv /opt/ml/processing/output/copy/",
        ProcessingInputs=[processing_input("data", data)],
        ProcessingOutputConfig={"Outputs": [processing_output("copy", target)]},
    )
    assert sandbox.read(f"{target}/a.csv") == b"1"


def test_the_sdks_driver_runs_from_a_private_copy(
    sandbox: Sandbox, unique: str, channels: list[dict[str, Any]]
) -> None:
    test_sdk_driver.test_the_sdks_driver_runs_a_script_with_its_hyperparameters(sandbox, unique, channels)


def test_nothing_outlives_a_stopped_job_though_there_is_no_namespace(sandbox: Sandbox, unique: str) -> None:
    client = sandbox.client("sagemaker")
    script = f"setsid sleep 3{unique[-6:].translate(str.maketrans('abcdef', '123456'))} & sleep 300 & wait"
    client.create_processing_job(**processing(sandbox, unique, script))
    daemon = script.split()[2]
    wait_until(lambda: is_running(daemon))
    client.stop_processing_job(ProcessingJobName=unique)
    wait_until(lambda: not is_running(daemon))


def test_an_endpoint_serves_from_its_own_folder(sandbox: Sandbox, unique: str) -> None:
    configure(sandbox, unique, publish(sandbox, unique, "one"))
    sandbox.client("sagemaker").create_endpoint(EndpointName=unique, EndpointConfigName=unique)
    assert settled(sandbox, unique)["EndpointStatus"] == "InService"
    assert ask(sandbox, unique, "hello") == "one says hello"


def is_running(argument: str) -> bool:
    """Whether a process has this very argument."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in words:
            return True
    return False


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
