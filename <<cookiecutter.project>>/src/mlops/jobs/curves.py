"""Short curves of what a model answered: how it tells two classes apart, and whether its numbers hold.

A point stands for a share of the test rows or the mean of several, never for a row.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scores

GRID = 21  # points of a ROC curve
BINS, FEWEST = 10, 5  # points of a calibration curve, and rows that each stands for
FEW = 10  # values of a label up to which it names classes

Answers = Mapping[str, pd.DataFrame]


def draw(answers: Answers, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the curves of the score against the first column of the truth; none where it is no number.

    `answers` has the candidate's and, where there is one, the champion's.
    """
    state = scores.inspect(answers["candidate"])
    label = truth.iloc[:, 0]
    if state["scores"] is None or not pd.api.types.is_numeric_dtype(label) or label.isna().any():
        return []
    known = {name: given(frame, state["first"]) for name, frame in answers.items()}
    lines = {name: score for name, score in known.items() if score is not None}
    classes = np.unique(label.to_numpy(float))
    about = {"column": state["first"], "label": str(label.name)}
    if len(classes) == 2:
        positive = label.to_numpy(float) == classes[1]
        return [about | roc(lines, positive), *calibration(lines["candidate"], positive, about)]
    return calibration(lines["candidate"], label.to_numpy(float), about) if len(classes) > FEW else []


def given(frame: pd.DataFrame, column: str) -> Any:
    """Return a model's score; None where it has no such column of finite numbers."""
    if column not in scores.numeric(frame):
        return None
    values = frame[column].to_numpy(float)
    return values if np.isfinite(values).all() else None


def roc(lines: Mapping[str, Any], positive: Any) -> dict[str, Any]:
    """Return the share of positives found for each share of false alarms."""
    grid = np.linspace(0, 1, GRID)
    drawn = {name: found_at(score, positive, grid) for name, score in lines.items()}
    return {"kind": "roc", "x": rounded(grid), "lines": drawn}


def found_at(score: Any, positive: Any, grid: Any) -> list[float]:
    """Return the most positives that a threshold finds with no more false alarms than each of the grid."""
    thresholds = np.unique(score)[::-1]
    hits, alarms = (np.sort(score[side]) for side in (positive, ~positive))
    found, false = (1 - np.searchsorted(part, thresholds) / len(part) for part in (hits, alarms))
    place = np.searchsorted(false, grid + 1e-9, side="right")
    return rounded(np.concatenate([[0.0], found])[place])


def calibration(score: Any, label: Any, about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what was predicted and what was true, in groups of rows by rising prediction."""
    count = min(BINS, len(label) // FEWEST)
    if count < 2:
        return []
    groups = np.array_split(np.argsort(score, kind="stable"), count)
    predicted, observed = ([values[group].mean() for group in groups] for values in (score, label))
    lines = {"predicted": rounded(predicted), "observed": rounded(observed)}
    return [
        {**about, "kind": "calibration", "x": [float(number + 1) for number in range(count)], "lines": lines}
    ]


def rounded(values: Any) -> list[float]:
    """Return numbers as long as a picture needs them."""
    return [float(f"{value:.4g}") for value in values]
