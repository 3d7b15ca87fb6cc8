"""Without user namespaces: the same jobs, with /opt/ml mapped into their own folders."""

from __future__ import annotations

import json
import os
import signal
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


def start_mapped(folder: Path) -> Sandbox:
    """A server on a machine that seems to have no user namespaces."""
    root = make_project(folder / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_NO_NAMESPACES", "1")
        started = sandbox_command(root, "up", "--detach", "--images", "images")
    assert started.returncode == 0, started.stderr
    return Sandbox(root, json.loads((root / ".sandbox/sandbox.json").read_text())["endpoint"])


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    started = start_mapped(tmp_path_factory.mktemp("mapped"))
    yield started
    assert sandbox_command(started.root, "down").returncode == 0


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
    target = f"s3://{sandbox.bucket}/runs/{unique}/out"
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


def daemon_job(sandbox: Sandbox, name: str) -> str:
    """Start a job that leaves its own session; an argument by which its daemon is known."""
    mark = f"3{int(name[1:], 16) % 10**8:08d}"
    client = sandbox.client("sagemaker")
    client.create_processing_job(**processing(sandbox, name, f"setsid sleep {mark} & sleep 300 & wait"))
    wait_until(lambda: is_running(mark))
    return mark


def test_nothing_outlives_a_stopped_job_though_there_is_no_namespace(sandbox: Sandbox, unique: str) -> None:
    mark = daemon_job(sandbox, unique)
    sandbox.client("sagemaker").stop_processing_job(ProcessingJobName=unique)
    wait_until(lambda: not is_running(mark))


def test_nothing_outlives_a_killed_server_though_there_is_no_namespace(tmp_path: Path, unique: str) -> None:
    doomed = start_mapped(tmp_path)
    mark = daemon_job(doomed, unique)
    os.kill(json.loads((doomed.root / ".sandbox/sandbox.json").read_text())["pid"], signal.SIGKILL)
    wait_until(lambda: not is_running(mark))


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
