"""The loop with a model that nothing here knows: `mlops new`, another framework, an endpoint."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.relock import relock
from tests.conftest import commit, edit
from tests.live import IMAGE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live import Bench


def dvc(root: Path, *arguments: str) -> None:
    """Run DVC as a user does."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def add_boosted_model(root: Path, model: str) -> None:
    """The scaffold's model with LightGBM in the place of its estimator."""
    assert cli.run(["new", model]) == 0
    folder = root / "models" / model
    edit(
        folder / "train.py",
        "from sklearn.linear_model import Ridge\n",
        "from lightgbm import LGBMRegressor\n",
    )
    estimator = (
        "LGBMRegressor(reg_lambda=alpha, n_estimators=50, min_child_samples=5, random_state=0, verbose=-1)"
    )
    edit(folder / "train.py", "Ridge(alpha=alpha)", estimator)
    edit(folder / "model.yml", "{metric: r2, min: 0.6}", "{metric: r2, min: 0.1}")
    with (folder / "requirements.in").open("a") as requirements:
        requirements.write("lightgbm==4.6.0\n")
    relock(root, model)
    shutil.copy(folder / "sample/rows.csv", folder / "data/rows.csv")


def test_a_model_of_another_framework_reaches_its_endpoint(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    add_boosted_model(bench.root, name)
    dvc(bench.root, "add", "-q", f"models/{name}/data/rows.csv")
    dvc(bench.root, "push", "-q", f"models/{name}/data/rows.csv.dvc")
    commit(bench.root, "Add a model")
    assert cli.run(["check"]) == 0
    assert cli.run(["data", "publish", name]) == 0
    assert cli.run(["train", name, "--wait"]) == 0, capsys.readouterr().out
    assert cli.run(["train", name]) == 0
    assert "this run exists already" in capsys.readouterr().out
    promote(bench, name, capsys)
    header, row = (bench.root / f"models/{name}/sample/rows.csv").read_text().splitlines()[:2]
    features = dict(zip(header.split(","), map(float, row.split(",")), strict=True))
    answers = [predict(bench, name, features, scale) for scale in (1.0, 3.0)]
    assert answers[0] != answers[1], "the answer does not depend on the row"


def promote(bench: Bench, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Pin what the run registered, and deploy it."""
    capsys.readouterr()
    assert cli.run(["propose", model, "--to", "staging", "--dry-run"]) == 0
    pin = bench.root / f"releases/staging/{model}.yml"
    pin.parent.mkdir(parents=True, exist_ok=True)
    pin.write_text(capsys.readouterr().out)
    commit(bench.root, "Promote")
    assert cli.run(["check"]) == 0
    assert cli.run(["deploy", "staging", model]) == 0, capsys.readouterr().out


def predict(bench: Bench, model: str, features: dict[str, float], scale: float) -> float:
    """The endpoint's answer to one row, every feature times `scale`."""
    row = {column: scale * value for column, value in features.items() if column not in {"id", "target"}}
    answer = bench.aws.runtime.invoke_endpoint(
        EndpointName=f"acme-staging-{model}",
        ContentType="application/json",
        Accept="application/json",
        Body=json.dumps({"instances": [row]}).encode(),
    )
    return float(json.loads(answer["Body"].read())["predictions"][0]["prediction"])


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import sys\nsys.exit('column age: 7 rows are null')\n", "column age: 7 rows are null"),
        ("raise ValueError('no such thing')\n", "ValueError: no such thing"),
        ("", "Prepare"),
    ],
)
def test_a_script_that_fails_or_writes_nothing_says_so_in_one_line(
    bench: Bench, name: str, script: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bench.root / "models" / name
    shutil.copytree(bench.root / "models/guess", folder)
    edit(folder / "model.yml", "model: guess", f"model: {name}")
    edit(folder / "model.yml", 'framework: sklearn, version: "1.9-0"', f'uri: "{IMAGE}"')
    (folder / "requirements.lock").write_text("")
    (folder / "prepare.py").write_text(script)
    (folder / "data/rows.csv").write_text("a")
    dvc(bench.root, "add", "-q", f"models/{name}/data/rows.csv")
    dvc(bench.root, "push", "-q", f"models/{name}/data/rows.csv.dvc")
    commit(bench.root, "Add")
    assert cli.run(["data", "publish", name]) == 0
    assert cli.run(["train", name, "--wait"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert ": Failed: " in said[0]
    assert reason in said[0]
