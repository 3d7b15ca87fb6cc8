"""The train job passes hyperparameters on and refuses a run that leaves nothing to serve."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.layout import write_bundle


def run(ml: Path, tmp_path: Path, **environment: str) -> None:
    import train

    train.run(ml, tmp_path / "work", environment)


def test_weights_are_saved_where_sagemaker_looks(ml: Path, tmp_path: Path) -> None:
    run(ml, tmp_path)
    assert (ml / "model/weights.txt").read_text() == "x\n1\n2\n"


def test_hyperparameters_come_from_the_driver(
    ml: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    values = {
        "rate": 0.1,
        "kind": "linear",
        "fast": True,
        "depth": -3,
        "sagemaker_program": "x.py",
        "_tuning_x": "y",
    }
    run(ml, tmp_path, SM_HPS=json.dumps(values))
    assert "arguments --depth -3 --fast true --kind linear --rate 0.1\n" in capfd.readouterr().out


def test_hyperparameters_come_from_the_file_without_driver(
    ml: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (ml / "input/config").mkdir()
    values = {"rate": "0.10", "kind": '"linear"', "fast": "true", "name": "a b"}
    (ml / "input/config/hyperparameters.json").write_text(json.dumps(values))
    run(ml, tmp_path)
    assert "arguments --fast true --kind linear --name a b --rate 0.10\n" in capfd.readouterr().out


def test_a_script_that_saves_nothing_fails_the_job(ml: Path, tmp_path: Path) -> None:
    import job

    write_bundle(ml / "input/data/bundle", train="print('loss=0.0')")
    with pytest.raises(job.JobError) as caught:
        run(ml, tmp_path)
    assert str(caught.value) == "train.py ended well but wrote no file into SM_MODEL_DIR: nothing to serve"


def test_the_program_writes_the_failure_reason(ml: Path) -> None:
    write_bundle(ml / "input/data/bundle", train="raise ValueError('loss is nan')")
    command = [sys.executable, str(ml / "input/data/jobs/train.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"SM_HPS": "{}"})
    assert done.returncode == 1
    assert (ml / "output/failure").read_text() == "train.py: ValueError: loss is nan"
    assert "Traceback" in done.stderr


def test_a_long_reason_is_cut_to_what_sagemaker_keeps(tmp_path: Path) -> None:
    import job

    job.write_reason(tmp_path / "output/failure", "x" * 5000)
    assert len((tmp_path / "output/failure").read_text()) == job.REASON_LIMIT
