"""Find features that give the label away: they rank the test rows without any model."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection

FEWEST = 20  # rows below which a feature may look perfect by chance


def find(features: pd.DataFrame, truth: pd.DataFrame, trusted: "Collection[str]") -> list[dict[str, str]]:
    """Name each feature that equals a column of the truth or ranks it without a mistake."""
    if len(truth) < FEWEST:
        return []
    return [
        {"feature": str(name), "label": str(label), "how": how}
        for label in truth.columns
        if label not in trusted and truth[label].nunique() > 1
        for name, how in _tell_tales(features, truth[label], trusted)
    ]


def _tell_tales(
    features: pd.DataFrame, label: "pd.Series[Any]", trusted: "Collection[str]"
) -> Iterator[tuple[str, str]]:
    for name in features.columns:
        if name in trusted:
            continue
        if equal(features[name], label):
            yield name, "equals"
        elif ranks(features[name], label):
            yield name, "perfectly ranks"


def equal(feature: "pd.Series[Any]", label: "pd.Series[Any]") -> bool:
    """Whether the two columns say the same in every row."""
    if pd.api.types.is_numeric_dtype(feature) and pd.api.types.is_numeric_dtype(label):
        return bool(np.array_equal(feature.to_numpy(float), label.to_numpy(float)))
    return feature.astype(str).tolist() == label.astype(str).tolist()


def ranks(feature: "pd.Series[Any]", label: "pd.Series[Any]") -> bool:
    """Whether a higher label always means a higher feature, or always a lower one."""
    if not (pd.api.types.is_numeric_dtype(feature) and pd.api.types.is_numeric_dtype(label)):
        return False
    if feature.isna().any() or label.isna().any():
        return False
    ends = feature.astype(float).groupby(label.to_numpy()).agg(["min", "max"]).sort_index()
    low, high = ends["min"].to_numpy(), ends["max"].to_numpy()
    return bool((high[:-1] < low[1:]).all() or (low[:-1] > high[1:]).all())
