"""The scaffold's model goes the whole way through the job programs, and is a model that passes its checks."""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from mlops.gates import Gate
from tests.jobs.layout import JOBS, SPEC, pack_bundle, write_dataset, write_json

PROJECT = JOBS.parents[2]
SCAFFOLD = JOBS.parent / "scaffold/model"
SCRIPTS = ("prepare.py", "train.py", "evaluate.py", "inference.py")


def run_job(program: Path) -> str:
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An /opt/ml after prepare, train and evaluate, each run as SageMaker runs it."""
    ml = tmp_path_factory.mktemp("opt") / "ml"
    inputs, channels, outputs = ml / "processing/input", ml / "input/data", ml / "processing/output"
    gate = Gate.model_validate(yaml.safe_load((SCAFFOLD / "model.yml").read_text())["gate"]).resolve()
    files = {name: (SCAFFOLD / name).read_bytes() for name in SCRIPTS}
    for folder in (inputs, channels):
        shutil.copytree(JOBS, folder / "jobs", ignore=shutil.ignore_patterns("__pycache__"))
        pack_bundle(folder / "bundle", files)
    write_json(inputs / "spec/5bec.json", {**SPEC, "gate": gate})
    write_json(inputs / "champion/none.json", {})
    write_dataset(inputs / "data", {"rows.csv": (SCAFFOLD / "sample/rows.csv").read_bytes()})
    assert "train_rows=" in run_job(inputs / "jobs/prepare.py")
    for side in ("train", "validation"):
        shutil.copytree(outputs / side, channels / side)
    shutil.copytree(outputs / "test", inputs / "test")
    write_json(ml / "input/config/hyperparameters.json", {"alpha": "2.5"})
    assert "validation_r2=" in run_job(channels / "jobs/train.py")
    (inputs / "model").mkdir()
    with tarfile.open(inputs / "model/model.tar.gz", "w:gz") as archive:
        archive.add(ml / "model", arcname=".")
    assert "gates passed; there is no champion" in run_job(inputs / "jobs/evaluate.py")
    shutil.copytree(outputs / "evaluation", inputs / "evaluation")
    return ml


def test_the_evaluation_covers_every_test_row(evaluated: Path) -> None:
    found = json.loads((evaluated / "processing/output/evaluation/evaluation.json").read_text())
    rows = (evaluated / "processing/input/test/truth.csv").read_text().splitlines()[1:]
    assert (found["passed"], found["rows"]) == (True, len(rows))
    assert sorted(found["metrics"]) == ["mae", "r2", "rmse"]


def test_the_sealed_archive_serves_by_itself(evaluated: Path, tmp_path: Path) -> None:
    import seal

    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        sagemaker = boto3.client("sagemaker", region_name="eu-west-1")
        s3.create_bucket(Bucket=SPEC["releases_bucket"])
        sagemaker.create_model_package_group(ModelPackageGroupName=SPEC["package_group"])
        seal.run(evaluated, tmp_path / "work", seal.Origin("c", "d", "b", "f", "e"), s3, sagemaker)
    served = tmp_path / "served"
    with tarfile.open(tmp_path / "work/model.tar.gz") as archive:
        archive.extractall(served, filter="data")
    features = evaluated / "processing/input/test/features.csv"
    answers: Any = tmp_path / "answers.csv"
    command = [sys.executable, JOBS / "predict.py", served / "code", served, features, answers]
    subprocess.run([str(word) for word in command], check=True)
    assert len(answers.read_text().splitlines()) == len(features.read_text().splitlines())


def test_the_scaffolds_pointer_names_its_sample() -> None:
    [out] = yaml.safe_load((SCAFFOLD / "data/rows.csv.dvc").read_text())["outs"]
    content = (SCAFFOLD / "sample" / out["path"]).read_bytes()
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == out["md5"]
    assert len(content) == out["size"]


def test_a_copy_of_the_scaffold_passes_its_tests_and_the_linter(tmp_path: Path) -> None:
    copy = tmp_path / "models/fresh"
    shutil.copytree(SCAFFOLD, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "models/conftest.py", tmp_path / "models")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    checks = [["pytest", "-q", "-p", "no:cacheprovider", "models"], ["ruff", "check", "--no-cache", "models"]]
    checks.append(["ruff", "format", "--check", "--no-cache", "models"])
    for check in checks:
        command = [sys.executable, "-m", *check]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
