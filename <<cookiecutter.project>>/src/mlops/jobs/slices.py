"""Measure groups of test rows apart: a good average may hide a group that is served badly."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

Statistics = Callable[[Any], dict[str, float]]


def measure(
    models: Mapping[str, Statistics],
    truth: pd.DataFrame,
    features: pd.DataFrame,
    rule: dict[str, Any],
) -> dict[str, Any]:
    """Measure every group of `min_rows` or more; smaller ones are left out, as are columns nobody wrote.

    `models` has the candidate's statistics and, where there is one, the champion's.
    """
    found, missing = [], []
    for column in rule["columns"]:
        table = next((table for table in (truth, features) if column in table), None)
        if table is None:
            missing.append(column)
            continue
        for value, index in groups(table[column], rule["min_rows"]):
            results = {name: one(statistics, index, rule["metric"]) for name, statistics in models.items()}
            entry = {"column": column, "value": value, "rows": len(index), "metric": rule["metric"]}
            found.append({**entry, "result": results["candidate"], "champion": results.get("champion")})
    return {"slices": found, "missing": missing}


def one(statistics: Statistics, index: Any, metric: str) -> float | None:
    """Measure one group; None where the metric is no number on it."""
    result = statistics(index).get(metric, float("nan"))
    return result if np.isfinite(result) else None


def groups(column: "pd.Series[Any]", fewest: int) -> list[tuple[str, Any]]:
    """List the values that enough rows have, with these rows' numbers."""
    values = column.astype(object).where(column.notna(), "").astype(str).to_numpy()
    names, counts = np.unique(values, return_counts=True)
    return [
        (str(name), np.flatnonzero(values == name))
        for name, count in zip(names, counts, strict=True)
        if count >= fewest
    ]
