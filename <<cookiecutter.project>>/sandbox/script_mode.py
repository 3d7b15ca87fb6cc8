"""Runs a user's training script as the `train` program of AWS's framework images does.

    python3 script_mode.py

Standard library only: the image's Python runs it by path. It follows the SageMaker training toolkit:
hyperparameters become arguments, channels and folders become SM_* variables, the reason of a failure is
left in /opt/ml/output/failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

ML = Path(os.environ.get("SANDBOX_ML", "/opt/ml"))
OWN = "sagemaker_"  # settings of the toolkit itself, never the script's
TUNED = "_tuning_objective_metric"


def main() -> int:
    """Run the script; its exit code."""
    values = {name: plain(text) for name, text in read("hyperparameters.json").items()}
    code = unpack(ML / "code")
    program = code / str(values["sagemaker_program"])
    if not program.is_file():
        return fail(f"the script {program.name!r} is not in the submitted source")
    if (code / "requirements.txt").is_file():
        install = [sys.executable, "-m", "pip", "install", "-r", "requirements.txt"]
        if subprocess.run(install, cwd=code, check=False).returncode:
            return fail("pip could not install requirements.txt")
    own = {name: value for name, value in values.items() if not name.startswith(OWN) and name != TUNED}
    command = ["/bin/sh", str(program)] if program.suffix == ".sh" else [sys.executable, str(program)]
    print("Invoking script with the following command:", *command, *arguments(own), flush=True)  # noqa: T201
    done = subprocess.run([*command, *arguments(own)], cwd=code, env=environment(code, own), check=False)
    return fail(f"ExecuteUserScriptError: exit code {done.returncode}") if done.returncode else 0


def unpack(home: Path) -> Path:
    """Extract the submitted archive where the toolkit does."""
    for archive in sorted(home.glob("*.tar.gz")):
        with tarfile.open(archive) as tar:
            tar.extractall(home, filter="data")
    return home


def arguments(values: dict[str, Any]) -> list[str]:
    """Write hyperparameters as the toolkit does, by name."""
    return [
        word
        for name, value in sorted(values.items())
        for word in (f"-{name}" if len(name) == 1 else f"--{name}", str(value))
    ]


def environment(code: Path, values: dict[str, Any]) -> dict[str, str]:
    """The variables that scripts read."""
    channels, resources = read("inputdataconfig.json"), read("resourceconfig.json")
    folders = {f"SM_CHANNEL_{name.upper()}": str(ML / "input/data" / name) for name in channels}
    parameters = {f"SM_HP_{name.upper()}": str(value) for name, value in values.items()}
    return {
        **os.environ,
        **folders,
        **parameters,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(code), os.environ.get("PYTHONPATH")])),
        "SM_CHANNELS": json.dumps(sorted(channels)),
        "SM_HPS": json.dumps(values),
        "SM_HOSTS": json.dumps(resources["hosts"]),
        "SM_CURRENT_HOST": resources["current_host"],
        "SM_NUM_GPUS": "0",
        "SM_NUM_CPUS": str(os.cpu_count()),
        "SM_INPUT_DIR": str(ML / "input"),
        "SM_INPUT_CONFIG_DIR": str(ML / "input/config"),
        "SM_MODEL_DIR": str(ML / "model"),
        "SM_OUTPUT_DIR": str(ML / "output"),
        "SM_OUTPUT_DATA_DIR": str(ML / "output/data"),
    }


def read(name: str) -> Any:
    return json.loads((ML / "input/config" / name).read_text(encoding="utf-8"))


def plain(text: str) -> Any:
    """Undo the JSON that some clients wrap around values; a bare word stays as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def fail(reason: str) -> int:
    """Leave the reason where SageMaker looks."""
    (ML / "output").mkdir(parents=True, exist_ok=True)
    (ML / "output/failure").write_text(reason, encoding="utf-8")
    print(reason, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
