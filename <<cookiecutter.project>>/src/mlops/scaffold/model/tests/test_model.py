"""The contract refuses, rows keep their side, and the whole chain learns from the sample."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

SAMPLE = Path(__file__).parents[1] / "sample"
Load = Callable[[str], ModuleType]


@pytest.fixture
def model(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare and train on the sample; tmp_path then holds the sides, and the model in model/."""
    load("prepare").prepare(SAMPLE, tmp_path)
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(tmp_path / "train"))
    monkeypatch.setenv("SM_CHANNEL_VALIDATION", str(tmp_path / "validation"))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setattr("sys.argv", ["train.py"])
    load("train").main()
    return tmp_path / "model"


def answer(
    load: Load, model: Path, body: bytes, content_type: str = "text/csv", accept: str = "text/csv"
) -> str:
    """Send one request through the handler."""
    handler = load("inference")
    data = handler.input_fn(body, content_type)
    return str(handler.output_fn(handler.predict_fn(data, handler.model_fn(str(model))), accept))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("age", -1, "rows.csv: column 'age': -1.0 fails in_range(0, 130)"),
        ("spend", None, "rows.csv: column 'spend': nan fails not_nullable"),
        ("visits", "many", "rows.csv: column 'visits': 'many' fails coerce_dtype('float64')"),
        ("id", "1", "rows.csv: column 'id': '1' fails field_uniqueness"),
        ("colour", 1, "rows.csv: column 'colour' fails column_in_schema"),
    ],
)
def test_data_that_breaks_the_contract_is_refused(
    column: str, value: Any, message: str, load: Load, tmp_path: Path
) -> None:
    table = pd.read_csv(SAMPLE / "rows.csv", dtype=object)
    table.loc[5, column] = value
    table.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(ValueError, match=r"^rows") as caught:
        load("prepare").prepare(tmp_path, tmp_path / "out")
    assert str(caught.value) == message


def test_a_table_without_rows_is_refused(load: Load, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,age,visits,spend,target\n")
    with pytest.raises(ValueError, match=r"^rows\.csv: no rows$"):
        load("prepare").prepare(tmp_path, tmp_path / "out")


def test_a_row_keeps_its_side_whatever_is_added(load: Load) -> None:
    sides = [load("prepare").side_of(str(number)) for number in range(1, 5)]
    assert sides == ["train", "train", "test", "train"]


def test_the_model_learns_from_the_sample(load: Load, model: Path, tmp_path: Path) -> None:
    predictions = tmp_path / "predictions.csv"
    predictions.write_text(answer(load, model, (tmp_path / "test/features.csv").read_bytes()))
    found = load("evaluate").metrics(pd.read_csv(tmp_path / "test/truth.csv"), pd.read_csv(predictions))
    assert found["r2"] > 0.6


def test_csv_and_json_give_the_same_answer(load: Load, model: Path) -> None:
    row = {"spend": 60.0, "age": 40, "visits": 6}
    table = ",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n"
    [line] = csv.DictReader(answer(load, model, table.encode()).splitlines())
    body = json.dumps({"instances": [row]}).encode()
    [prediction] = json.loads(answer(load, model, body, "application/json", "*/*"))["predictions"]
    assert float(line["prediction"]) == prediction["prediction"]


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"age,visits,spend\n40,six,60\n", "text/csv", "row 1, column 'visits': 'six' is not a number"),
        (b"age,visits,spend\n40,6,nan\n", "text/csv", "row 1, column 'spend': 'nan' is not a finite number"),
        (b"age,visits\n40,6\n", "text/csv", "row 1: columns missing or unknown: spend"),
        (b"age\n", "text/csv", "no rows"),
        (b"{}", "application/json", "no rows"),
        (b"", "image/png", "content type 'image/png' is not supported; send text/csv or application/json"),
    ],
)
def test_a_bad_request_is_refused(
    body: bytes, content_type: str, message: str, load: Load, model: Path
) -> None:
    with pytest.raises(ValueError, match=r"row|content") as caught:
        answer(load, model, body, content_type)
    assert message in str(caught.value)
