"""Describe what a model answered: the score column's mean and spread, and whether it is degenerate."""

from typing import Any

import numpy as np
import pandas as pd

BINS = 20
MOST_CLASSES = 3


def numeric(answers: pd.DataFrame) -> list[str]:
    """Name the columns of numbers, in their order; the first of them is the score."""
    return [name for name in answers.columns if pd.api.types.is_numeric_dtype(answers[name])]


def inspect(answers: pd.DataFrame) -> dict[str, Any]:
    """Say which columns hold what is no finite number, which score is constant, and how it is spread."""
    columns = numeric(answers)
    odd = [name for name in columns if not np.isfinite(answers[name].to_numpy(float)).all()]
    odd += [name for name in answers.columns if name not in columns and answers[name].isna().any()]
    first = (columns or list(answers.columns))[0]
    return {
        "columns": len(answers.columns),
        "odd": odd,
        "first": first,
        "constant": len(answers) > 1 and answers[first].nunique(dropna=False) == 1,
        "scores": spread(answers[first]) if columns and first not in odd else None,
    }


def spread(score: "pd.Series[Any]") -> dict[str, Any]:
    """Return mean and standard deviation: what alarms on live scores start from."""
    values = score.to_numpy(float)
    return {
        "column": str(score.name),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "rows": len(values),
    }


def histogram(answers: pd.DataFrame, truth: pd.DataFrame) -> dict[str, Any] | None:
    """Count scores in bins, by class where the first column of the truth holds few; None without a score."""
    state = inspect(answers)
    if state["scores"] is None:
        return None
    values = answers[state["first"]].to_numpy(float)
    edges = np.histogram_bin_edges(values, BINS)
    label = truth.iloc[:, 0]
    classes = sorted(label.dropna().unique().tolist(), key=str)
    if not 1 < len(classes) <= MOST_CLASSES:
        parts = {"": values}
    else:
        parts = {f"{label.name}={name}": values[(label == name).to_numpy()] for name in classes}
    counts = {name: np.histogram(part, edges)[0].tolist() for name, part in parts.items()}
    return {"column": state["first"], "edges": edges.tolist(), "counts": counts}
