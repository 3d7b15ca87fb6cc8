"""Train, validation and test sides that hold still while the data grows.

A row's side is decided by a hash of the row's own key. Adding, removing or reordering rows moves no
other row, so a metric of one data version can be compared with the next one's.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

SHARES: Mapping[str, float] = MappingProxyType({"train": 0.6, "validation": 0.2, "test": 0.2})
FEATURES, TRUTH = "features.csv", "truth.csv"


def side_of(key: str, shares: Mapping[str, float] = SHARES) -> str:
    """Return the side on which the row with this key always falls."""
    point = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
    edge = 0.0
    for side, share in shares.items():
        edge += share
        if point < edge:
            return side
    return side


def sides_of(frame: pd.DataFrame, shares: Mapping[str, float] = SHARES) -> "pd.Series[str]":
    """Return the side of each row, keyed by the values of all columns of `frame`.

    Equal rows fall on the same side, so none is trained on and tested on as well. Numbers enter the key
    as floats: a column of whole numbers keeps its rows in place when the first fraction arrives.
    """
    numbers = frame.astype(float)
    keys = ("|".join(map(repr, row)) for row in numbers.itertuples(index=False, name=None))
    return pd.Series([side_of(key, shares) for key in keys], index=frame.index, dtype=object)


def write_sides(output: Path, features: pd.DataFrame, truth: pd.DataFrame) -> dict[str, int]:
    """Write a folder for each side with `features.csv` and `truth.csv`, row for row; count the rows."""
    sides = sides_of(features)
    counts = {side: int((sides == side).sum()) for side in SHARES}
    empty = [side for side, count in counts.items() if not count]
    if empty:
        raise ValueError(f"no row of {len(features)} fell on the side {empty[0]!r}; add rows")
    for side in SHARES:
        folder = output / side
        folder.mkdir(parents=True, exist_ok=True)
        features[sides == side].to_csv(folder / FEATURES, index=False)
        truth[sides == side].to_csv(folder / TRUTH, index=False)
    return counts


def read_side(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read one side's features and truth."""
    features, truth = (pd.read_csv(folder / name, float_precision="round_trip") for name in (FEATURES, TRUTH))
    return features, truth
