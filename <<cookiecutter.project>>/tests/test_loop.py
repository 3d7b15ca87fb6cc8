"""The loop with a model that nothing here knows: `mlops new`, another framework, an endpoint."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.packages import list_packages
from mlops.relock import relock
from mlops.train import list_steps
from tests.conftest import commit, edit, git
from tests.live import IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mlops.release import Artifact
    from tests.live import Bench

    Acting = Callable[[str], AbstractContextManager[None]]


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
    edit(folder / "model.yml", "{margin: 0.05}", "{margin: 0.05, resamples: 200}")
    with (folder / "requirements.in").open("a") as requirements:
        requirements.write("lightgbm==4.6.0\n")
    relock(root, model)
    shutil.copy(folder / "sample/rows.csv", folder / "data/rows.csv")


@pytest.mark.recorded
def test_a_model_of_another_framework_goes_round_the_loop(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str], acting: Acting
) -> None:
    add_boosted_model(bench.root, name)
    with acting("developer"):
        dvc(bench.root, "add", "-q", f"models/{name}/data/rows.csv")
        dvc(bench.root, "push", "-q", f"models/{name}/data/rows.csv.dvc")
        assert cli.run(["data", "publish", name]) == 0
    commit(bench.root, "Add a model")
    with acting("train"):
        assert cli.run(["check"]) == 0
        assert cli.run(["data", "publish", name]) == 0
        assert cli.run(["train", name, "--wait"]) == 0, capsys.readouterr().out
        assert cli.run(["train", name]) == 0
    assert "this run exists already" in capsys.readouterr().out
    promote(bench, name, capsys, acting)
    header, row = (bench.root / f"models/{name}/sample/rows.csv").read_text().splitlines()[:2]
    features = dict(zip(header.split(","), map(float, row.split(",")), strict=True))
    answers = [predict(bench, name, features, scale) for scale in (1.0, 3.0)]
    assert answers[0] != answers[1], "the answer does not depend on the row"
    with acting("developer"):
        try_uncommitted_work(bench, name, capsys)
    release_another_handler(bench, name, capsys, acting)
    assert predict(bench, name, features, 1.0) == 2 * answers[0]


def try_uncommitted_work(bench: Bench, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--experiment` trains and judges what nobody committed, and leaves nothing that could be promoted."""
    script = bench.root / f"models/{model}/train.py"
    edit(script, "n_estimators=50", "n_estimators=60")
    before, sealed = releases(bench, model), stored(bench, bench.project.releases_bucket, "releases/")
    assert cli.run(["train", model]) == 2
    assert "changed, but not committed" in capsys.readouterr().err
    assert cli.run(["train", model, "--experiment", "--wait"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    execution = said.splitlines()[0].split()[-1]
    assert f":pipeline/acme-{model}-experiment/execution/" in execution
    (evaluation,) = stored(
        bench, bench.project.data_bucket, f"runs/{execution.split('/')[-1]}/evaluation/evaluation"
    )
    found = json.loads(read(bench, bench.project.data_bucket, evaluation))
    assert found["verdict"] == "passed", "the experiment was not compared with what is live"
    assert f"verdict passed: {found['reason']}" in said
    assert evaluation in said
    assert job_roles(bench, execution) == {bench.project.experiment_role}
    assert releases(bench, model) == before, "an experiment registered a package"
    assert stored(bench, bench.project.releases_bucket, "releases/") == sealed, (
        "an experiment sealed something"
    )
    git(bench.root, "checkout", "-q", "--", str(script))


def release_another_handler(
    bench: Bench, model: str, capsys: pytest.CaptureFixture[str], acting: Acting
) -> None:
    """`--weights` judges a release under today's inference.py, and seals it as another one."""
    (old,) = releases(bench, model)
    handler = bench.root / f"models/{model}/inference.py"
    edit(
        handler,
        'json.dumps({"predictions": [{"prediction": value}',
        'json.dumps({"predictions": [{"prediction": 2 * value}',
    )
    commit(bench.root, "Answer in halves")
    again = ["train", model, "--weights", old.release]
    with acting("train"):
        assert cli.run([*again, "--wait"]) == 0, capsys.readouterr().err
    assert "Train" not in capsys.readouterr().out, "the weights were trained anew"
    new, _ = releases(bench, model)
    assert new.release != old.release
    before, after = members(bench, old), members(bench, new)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {
        "code/inference.py",
        "code/identity.json",
    }
    assert after["code/inference.py"] == handler.read_bytes()
    assert (new.evaluation, new.execution) != (old.evaluation, old.execution), "the gate did not judge again"
    (evaluation,) = stored(
        bench, new.archive.bucket, f"releases/{model}/{new.archive.sha256}/evaluations/{new.evaluation}.json"
    )
    judged = json.loads(read(bench, new.archive.bucket, evaluation))
    assert judged["verdict"] == "passed"
    assert judged["champion"]["archive"] == f"s3://{old.archive.bucket}/{old.archive.key}"
    assert cli.run(again) == 0
    assert "this run exists already" in capsys.readouterr().out
    promote(bench, model, capsys, acting)


def releases(bench: Bench, model: str) -> list[Artifact]:
    """What is registered of a model, newest first."""
    packages = list_packages(bench.aws.sagemaker, bench.project.group(model))
    return [bench.describe(package["ModelPackageArn"]) for package in packages]


def stored(bench: Bench, bucket: str, prefix: str) -> list[str]:
    """The keys under a prefix."""
    answer = bench.aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for entry in answer.get("Contents", [])]


def read(bench: Bench, bucket: str, key: str) -> bytes:
    """An object's bytes."""
    return bench.aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def members(bench: Bench, artifact: Artifact) -> dict[str, bytes]:
    """The files of a sealed archive."""
    content = read(bench, artifact.archive.bucket, artifact.archive.key)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar if entry.isfile()}
        return {name: file.read() for name, file in files.items() if file}


def job_roles(bench: Bench, execution: str) -> set[str]:
    """What the jobs of a run ran as."""
    client, roles = bench.aws.sagemaker, set()
    for step in list_steps(client, execution):
        metadata = step["Metadata"]
        if "TrainingJob" in metadata:
            name = metadata["TrainingJob"]["Arn"].split("/")[-1]
            roles.add(client.describe_training_job(TrainingJobName=name)["RoleArn"])
        else:
            name = metadata["ProcessingJob"]["Arn"].split("/")[-1]
            roles.add(client.describe_processing_job(ProcessingJobName=name)["RoleArn"])
    return roles


def promote(bench: Bench, model: str, capsys: pytest.CaptureFixture[str], acting: Acting) -> None:
    """Pin what the run registered, and deploy it."""
    capsys.readouterr()
    with acting("ci"):
        assert cli.run(["propose", model, "--to", "staging", "--dry-run"]) == 0
    pin = bench.root / f"releases/staging/{model}.yml"
    pin.parent.mkdir(parents=True, exist_ok=True)
    pin.write_text(capsys.readouterr().out)
    commit(bench.root, "Promote")
    assert cli.run(["check"]) == 0
    with acting("deploy-staging"):
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
