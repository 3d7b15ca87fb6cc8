"""The whole chain on the committed sample: it learns, answers, refuses, and repeats itself byte for byte."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

MODEL = Path(__file__).parents[1]
LIBS = MODEL.parents[1] / "libs"
Load = Callable[[str], ModuleType]


def run(*words: str | Path, **environment: str) -> str:
    command = [sys.executable, *map(str, words)]
    settings = {**os.environ, "PYTHONPATH": str(LIBS), **environment}
    return subprocess.run(command, cwd=MODEL, env=settings, check=True, capture_output=True, text=True).stdout


def channels(sides: Path, target: Path) -> dict[str, str]:
    return {
        "SM_CHANNEL_TRAIN": str(sides / "train"),
        "SM_CHANNEL_VALIDATION": str(sides / "validation"),
        "SM_MODEL_DIR": str(target),
    }


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sides")
    run("prepare.py", "--input", "sample", "--output", folder)
    return folder


@pytest.fixture(scope="module")
def trained(sides: Path) -> Path:
    run("train.py", **channels(sides, sides / "model"))
    return sides / "model"


def answer(
    load: Load, model: Path, body: bytes, content_type: str = "text/csv", accept: str = "text/csv"
) -> str:
    handler = load("inference")
    data = handler.input_fn(body, content_type)
    return str(handler.output_fn(handler.predict_fn(data, handler.model_fn(str(model))), accept))


def test_the_sample_is_enough_to_learn_from(load: Load, sides: Path, trained: Path) -> None:
    predictions = sides / "predictions.csv"
    predictions.write_text(answer(load, trained, (sides / "test/features.csv").read_bytes()))
    found = load("evaluate").metrics(pd.read_csv(sides / "test/truth.csv"), pd.read_csv(predictions))
    assert found["roc_auc"] > 0.95
    assert found["sensitivity"] > 0.8


def test_training_twice_gives_the_same_bytes(sides: Path, trained: Path) -> None:
    run("train.py", PYTHONHASHSEED="7", **channels(sides, sides / "again"))
    for path in trained.iterdir():
        assert (sides / "again" / path.name).read_bytes() == path.read_bytes()


def test_hyperparameters_reach_the_model(
    load: Load, sides: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, target = ["--c", "0.01", "--threshold", "0.9"], sides / "strict"
    for name, value in channels(sides, target).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["train.py", *words])
    load("train").main()
    assert json.loads((target / "model.json").read_text())["threshold"] == 0.9
    assert (target / "model.joblib").read_bytes() != (trained / "model.joblib").read_bytes()


def test_csv_and_json_give_the_same_answer(load: Load, sides: Path, trained: Path) -> None:
    table = pd.read_csv(sides / "test/features.csv")[:3]
    body = json.dumps({"instances": table.to_dict("records")}).encode()
    from_json = json.loads(answer(load, trained, body, "application/json", "application/json"))["predictions"]
    from_csv = list(csv.DictReader(answer(load, trained, table.to_csv(index=False).encode()).splitlines()))
    assert [{name: float(value) for name, value in row.items()} for row in from_csv] == from_json


def test_columns_may_come_in_any_order(load: Load, sides: Path, trained: Path) -> None:
    table = pd.read_csv(sides / "test/features.csv")[:3]
    turned = table[table.columns[::-1]]
    bodies = [frame.to_csv(index=False).encode() for frame in (table, turned)]
    assert answer(load, trained, bodies[0]) == answer(load, trained, bodies[1])


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"radius\n1\n", "text/csv", "missing columns: mean_radius, "),
        (b"mean_radius\nlarge\n", "text/csv", "row 1, column 'mean_radius': 'large' is not a number"),
        (b"mean_radius\n", "text/csv", "the request has no rows"),
        (b"[]", "application/json", "the body has no list of objects named 'instances'"),
        (b"", "image/png", "content type 'image/png' is not supported; send text/csv or application/json"),
    ],
)
def test_a_bad_request_is_refused(
    body: bytes, content_type: str, message: str, load: Load, trained: Path
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        answer(load, trained, body, content_type)
    assert str(caught.value).startswith(message)
