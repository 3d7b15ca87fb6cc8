"""Serve: rows of measurements in, probability and decision out."""

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
    """The fitted pipeline, the columns it takes and the probability from which it says malignant."""

    pipeline: "Pipeline"
    columns: list[str]
    threshold: float


def model_fn(model_dir: str) -> Model:
    """Load what train.py saved."""
    folder = Path(model_dir)
    return Model(joblib.load(folder / "model.joblib"), **json.loads((folder / "model.json").read_text()))


def input_fn(body: str | bytes, content_type: str) -> Table:
    """Read the request."""
    return read_table(body, content_type)


def predict_fn(data: Table, model: Model) -> dict[str, list[float]]:
    """Answer each row."""
    probabilities = model.pipeline.predict_proba(data.arranged(model.columns))[:, 1].tolist()
    return {
        "probability": probabilities,
        "malignant": [int(probability >= model.threshold) for probability in probabilities],
    }


def output_fn(prediction: dict[str, list[float]], accept: str) -> str:
    """Write the answer."""
    return write_answer(prediction, accept)
