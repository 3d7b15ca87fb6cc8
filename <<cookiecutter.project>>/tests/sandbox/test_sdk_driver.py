"""The SageMaker SDK's own training driver runs unmodified, as a pipeline made by the SDK would start it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import IMAGE, Sandbox, channel, run_training
from .test_jobs import unpack

ENTRY = "chmod +x /opt/ml/input/data/sm_drivers/sm_train.sh && /opt/ml/input/data/sm_drivers/sm_train.sh"
SCRIPT = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
arguments = parser.parse_args()
if arguments.depth > 8:
    raise SystemExit("depth is too large")
with open(os.path.join(os.environ["SM_MODEL_DIR"], "weights.txt"), "w") as file:
    file.write(open(os.path.join(arguments.train, "a.csv")).read() * arguments.depth)
"""


@pytest.fixture(scope="module")
def sdk() -> Path:
    """The folder of the installed SDK's drivers; found without the SDK's long import."""
    found = importlib.util.find_spec("sagemaker")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the SageMaker SDK is not installed")
    return Path(next(iter(found.submodule_search_locations))) / "train"


@pytest.fixture
def channels(sandbox: Sandbox, sdk: Path, unique: str) -> list[dict[str, Any]]:
    spec = importlib.util.spec_from_file_location("templates", sdk / "templates.py")
    assert spec is not None
    assert spec.loader is not None
    templates = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(templates)
    command = "python3 /opt/ml/input/data/code/train.py --depth $(python3 -c 'import json, os; "
    command += 'print(json.loads(os.environ["SM_HPS"])["depth"])\')'
    driver = templates.TRAIN_SCRIPT_TEMPLATE.format(
        working_dir="",
        install_requirements="",
        execute_driver=templates.EXECUTE_BASE_COMMANDS.format(base_command=command),
    )
    base = f"s3://{sandbox.bucket}/{unique}"
    sandbox.put(f"{unique}/drivers/sm_train.sh", driver.lstrip())
    sandbox.put(f"{unique}/drivers/sourcecode.json", json.dumps({"entry_script": "train.py"}))
    sandbox.put(f"{unique}/drivers/distributed.json", "{}")
    for path in sorted((sdk / "container_drivers").rglob("*.py")):
        name = path.relative_to(sdk / "container_drivers").as_posix()
        sandbox.put(f"{unique}/drivers/{name}", path.read_bytes())
    sandbox.put(f"{unique}/code/train.py", SCRIPT)
    sandbox.put(f"{unique}/train/a.csv", "1;")
    return [
        channel("train", f"{base}/train"),
        channel("code", f"{base}/code"),
        channel("sm_drivers", f"{base}/drivers"),
    ]


def run(sandbox: Sandbox, name: str, channels: list[dict[str, Any]], depth: str) -> dict[str, Any]:
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/bash"],
        "ContainerArguments": ["-c", ENTRY],
    }
    return run_training(
        sandbox,
        name,
        "",
        AlgorithmSpecification=algorithm,
        InputDataConfig=channels,
        HyperParameters={"depth": depth},
    )


def test_the_sdks_driver_runs_a_script_with_its_hyperparameters(
    sandbox: Sandbox, unique: str, channels: list[dict[str, Any]]
) -> None:
    done = run(sandbox, unique, channels, "3")
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    assert unpack(sandbox.read(done["ModelArtifacts"]["S3ModelArtifacts"])) == {"weights.txt": "1;1;1;"}


def test_the_sdks_driver_reports_a_failing_script(
    sandbox: Sandbox, unique: str, channels: list[dict[str, Any]]
) -> None:
    done = run(sandbox, unique, channels, "9")
    assert done["TrainingJobStatus"] == "Failed"
    assert done["FailureReason"].startswith("AlgorithmError: Training Execution failed.")
