"""Check the raw table against the data contract and split it by row.

python prepare.py --input data --output /tmp/prepared
"""

import argparse
import hashlib
import sys
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

FILE = "rows.csv"
KEY, TARGET = "id", "target"  # what tells one row from another; what to predict

CONTRACT = pa.DataFrameSchema(
    {
        KEY: pa.Column(str, unique=True),
        "age": pa.Column(float, pa.Check.in_range(0, 130)),
        "visits": pa.Column(float, pa.Check.ge(0)),
        "spend": pa.Column(float, pa.Check.ge(0)),
        TARGET: pa.Column(float),
    },
    strict=True,
    coerce=True,
)


def side_of(key: str) -> str:
    """Choose a row's side by its key alone, so that it stays there in every later version of the data."""
    tenth = int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10
    return "train" if tenth < 6 else "validation" if tenth < 8 else "test"


def read_raw(folder: Path) -> pd.DataFrame:
    """Read the table; raise ValueError in one line when it breaks the contract."""
    if not (folder / FILE).is_file():
        raise ValueError(f"{FILE} is missing")
    # Keys are read as text: 007 and 7 are two rows.
    frame = pd.read_csv(folder / FILE, dtype={KEY: str}, float_precision="round_trip")
    if frame.empty:
        raise ValueError(f"{FILE}: no rows")
    try:
        return CONTRACT.validate(frame, lazy=True)
    except SchemaErrors as errors:
        raise ValueError(f"{FILE}: {describe(errors.failure_cases)}") from None


def describe(cases: pd.DataFrame) -> str:
    """Name the first breach: column, check and an example."""
    first = cases.astype(object).iloc[0]  # plain values: `-1.0`, not `np.float64(-1.0)`
    if pd.isna(first["column"]):
        return f"column {first['failure_case']!r} fails {first['check']}"
    return f"column {first['column']!r}: {first['failure_case']!r} fails {first['check']}"


def prepare(source: Path, output: Path) -> dict[str, int]:
    """Write features.csv and truth.csv of each side; return how many rows each has."""
    table = read_raw(source)
    sides = table[KEY].map(side_of)
    counts = {}
    for side in ("train", "validation", "test"):
        rows = table[sides == side]
        folder = output / side
        folder.mkdir(parents=True, exist_ok=True)
        rows.drop(columns=[KEY, TARGET]).to_csv(folder / "features.csv", index=False)
        rows[[TARGET]].to_csv(folder / "truth.csv", index=False)
        counts[side] = len(rows)
    return counts


def main() -> None:
    """Run from the command line; a breach of the contract is one line and exit status 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    try:
        counts = prepare(options.input, options.output)
    except ValueError as error:
        sys.exit(str(error))
    print(" ".join(f"{side}_rows={count}" for side, count in counts.items()))


if __name__ == "__main__":
    main()
