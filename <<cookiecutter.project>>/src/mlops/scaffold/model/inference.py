"""Serve: rows of numbers in, one prediction each out; CSV with a header row, or JSON."""

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib

CSV, JSON = "text/csv", "application/json"
Row = dict[str, float]


def model_fn(model_dir: str) -> dict[str, Any]:
    """Load what train.py saved."""
    folder = Path(model_dir)
    return {
        "pipeline": joblib.load(folder / "model.joblib"),
        **json.loads((folder / "model.json").read_text()),
    }


def input_fn(body: str | bytes, content_type: str) -> list[Row]:
    """Read the request; anything but named numbers raises ValueError saying where and why."""
    text = body.decode("utf-8-sig") if isinstance(body, bytes) else body
    kind = content_type.partition(";")[0].strip().lower()
    if kind == CSV:
        rows: Any = list(csv.DictReader(text.splitlines()))
    elif kind == JSON:
        content = json.loads(text)
        rows = content.get("instances") if isinstance(content, dict) else None
    else:
        raise ValueError(f"content type {content_type!r} is not supported; send {CSV} or {JSON}")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError('no rows; send CSV with a header row, or {"instances": [{"column": number}]}')
    return [read_row(row, number) for number, row in enumerate(rows, start=1)]


def read_row(row: Mapping[Any, Any], number: int) -> Row:
    """Turn one row into numbers."""
    numbers = {}
    for name, value in row.items():
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"row {number}, column {name!r}: {value!r} is not a number") from None
        if not math.isfinite(numbers[name]):
            raise ValueError(f"row {number}, column {name!r}: {value!r} is not a finite number")
    return numbers


def predict_fn(data: list[Row], model: dict[str, Any]) -> list[float]:
    """Answer each row."""
    columns: list[str] = model["columns"]
    for number, row in enumerate(data, start=1):
        if row.keys() != set(columns):
            odd = ", ".join(sorted(row.keys() ^ set(columns)))
            takes = ", ".join(columns)
            raise ValueError(f"row {number}: columns missing or unknown: {odd}; this model takes {takes}")
    answers: list[float] = (
        model["pipeline"].predict([[row[name] for name in columns] for row in data]).tolist()
    )
    return answers


def output_fn(prediction: list[float], accept: str) -> str:
    """Write the answer in the format that the client accepts first; JSON when it does not mind."""
    kinds = [entry.partition(";")[0].strip().lower() for entry in (accept or "*/*").split(",")]
    known = [kind for kind in kinds if kind in (CSV, JSON, "*/*", "application/*")]
    if not known:
        raise ValueError(f"accept {accept!r} is not supported; ask for {CSV} or {JSON}")
    if known[0] == CSV:
        return "".join(f"{line}\n" for line in ["prediction", *prediction])
    return json.dumps({"predictions": [{"prediction": value} for value in prediction]})
