"""Check the raw table against the data contract and split it by row.

python prepare.py --input data --output /tmp/prepared
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from tabular.contract import ContractError, checked, read_headerless
from tabular.split import write_sides

FILE = "breast_cancer.csv"
CLASSES = ["malignant", "benign"]  # as the file's first line names them: code 0, code 1
MEASURES = {  # what was measured on each nucleus, and a bound no mean, error or extreme of it may pass
    "radius": 60.0,
    "texture": 100.0,
    "perimeter": 400.0,
    "area": 10_000.0,
    "smoothness": 1.0,
    "compactness": 5.0,
    "concavity": 5.0,
    "concave_points": 1.0,
    "symmetry": 2.0,
    "fractal_dimension": 1.0,
}
FEATURES = [f"{part}_{measure}" for part in ("mean", "error", "worst") for measure in MEASURES]

CONTRACT = pa.DataFrameSchema(
    {
        **{
            name: pa.Column(float, pa.Check.in_range(0, MEASURES[name.partition("_")[2]]), coerce=True)
            for name in FEATURES
        },
        "class": pa.Column(int, pa.Check.isin([0, 1]), coerce=True),
    },
    strict=True,
)


def read_raw(folder: Path) -> pd.DataFrame:
    """Read the file as scikit-learn ships it: its first line is `rows,features,class 0,class 1`."""
    path = folder / FILE
    table = read_headerless(path, [*FEATURES, "class"], skip=1)
    with path.open() as lines:
        head = lines.readline().strip()
    expected = ",".join([str(len(table)), str(len(FEATURES)), *CLASSES])
    if head != expected:
        raise ContractError(f"{FILE}: its first line is {head!r}; by its rows it must be {expected!r}")
    return table


def prepare(source: Path, output: Path) -> dict[str, int]:
    """Write the three sides; return how many rows each has."""
    table = checked(read_raw(source), CONTRACT, FILE)
    truth = pd.DataFrame({"malignant": (table["class"] == CLASSES.index("malignant")).astype(int)})
    return write_sides(output, table[FEATURES], truth)


def main() -> None:
    """Run from the command line; a breach of the contract is one line and exit status 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    try:
        counts = prepare(options.input, options.output)
    except ContractError as error:
        sys.exit(str(error))
    print(" ".join(f"{side}_rows={count}" for side, count in counts.items()))


if __name__ == "__main__":
    main()
