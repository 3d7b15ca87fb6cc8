"""Serve: rows of measurements in, expected progression out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
from tabular.wire import Table, read_table, write_answer

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Model:
    """The fitted pipeline and the columns it takes."""

    pipeline: "Pipeline"
    columns: list[str]


def model_fn(model_dir: str) -> Model:
    """Load what train.py saved."""
    folder = Path(model_dir)
    return Model(joblib.load(folder / "model.joblib"), **json.loads((folder / "model.json").read_text()))


def input_fn(body: str | bytes, content_type: str) -> Table:
    """Read the request."""
    return read_table(body, content_type)


def predict_fn(data: Table, model: Model) -> dict[str, list[float]]:
    """Answer each row."""
    return {"progression": model.pipeline.predict(data.arranged(model.columns)).tolist()}


def output_fn(prediction: dict[str, list[float]], accept: str) -> str:
    """Write the answer."""
    return write_answer(prediction, accept)
