"""Train job: run the model's train.py under the contract of SageMaker training."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import handed
import job

SERVICE = ("sagemaker_", "_tuning_")  # hyperparameters that SageMaker adds for itself


def run(ml: Path, work: Path, environment: Mapping[str, str]) -> None:
    """Run the script with its hyperparameters; refuse a run that saved nothing."""
    channels = ml / "input/data"
    model = Path(environment.get("SM_MODEL_DIR", ml / "model"))
    code = job.open_bundle(channels / "bundle", work, channels / handed.FOLDER)
    model.mkdir(parents=True, exist_ok=True)
    job.run_script(
        code,
        [code.folder / "train.py", *arguments(hyperparameters(ml, environment))],
        SM_CHANNEL_TRAIN=str(channels / "train"),
        SM_CHANNEL_VALIDATION=str(channels / "validation"),
        SM_MODEL_DIR=str(model),
    )
    if not any(path.is_file() for path in model.rglob("*")):
        raise job.JobError("train.py ended well but wrote no file into SM_MODEL_DIR: nothing to serve")


def hyperparameters(ml: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Read them from SM_HPS, or from the file in which SageMaker puts each value as a string."""
    if "SM_HPS" in environment:
        values = json.loads(environment["SM_HPS"])
    else:
        path = ml / "input/config/hyperparameters.json"
        values = job.read_json(path) if path.is_file() else {}
    # The toolkit's own settings travel among the hyperparameters; they are not the script's.
    return {name: plain(value) for name, value in values.items() if not name.startswith(SERVICE)}


def plain(value: Any) -> Any:
    """Undo the JSON that some clients wrap around strings; a bare word stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, str | bool) else value


def arguments(values: Mapping[str, Any]) -> list[str]:
    """Write hyperparameters as `--name value`, in a stable order."""
    pairs = [(f"--{name}", _word(value)) for name, value in sorted(values.items())]
    return [word for pair in pairs for word in pair]


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def main() -> None:
    """Run as the SDK's driver runs it."""
    with tempfile.TemporaryDirectory() as work:
        job.guarded(lambda: run(job.ML, Path(work), os.environ), job.ML / "output/failure")


if __name__ == "__main__":
    main()
