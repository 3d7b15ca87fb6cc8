"""Check the raw tables against the data contract and split them by patient.

python prepare.py --input data/diabetes --output /tmp/prepared
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from tabular.contract import ContractError, checked, read_headerless
from tabular.split import write_sides

FEATURES_FILE, TARGET_FILE = "diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"


def number(low: float, high: float) -> pa.Column:
    """Return a column whose values lie within what is medically possible."""
    return pa.Column(float, pa.Check.in_range(low, high), coerce=True)


FEATURES = pa.DataFrameSchema(
    {
        "age": number(0, 120),
        "sex": pa.Column(int, pa.Check.isin([1, 2]), coerce=True),
        "bmi": number(10, 80),
        "blood_pressure": number(30, 200),
        "cholesterol": number(50, 500),
        "ldl": number(10, 400),
        "hdl": number(5, 150),
        "cholesterol_to_hdl": number(1, 20),
        "log_triglycerides": number(1, 10),
        "glucose": number(30, 400),
    },
    strict=True,
)
TARGET = pa.DataFrameSchema({"progression": number(0, 500)}, strict=True)


def read_raw(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read a file as scikit-learn ships it, blanks between values and no header, and check it."""
    return checked(read_headerless(path, list(schema.columns), separator=r"\s+"), schema, path.name)


def prepare(source: Path, output: Path) -> dict[str, int]:
    """Write the three sides; return how many rows each has."""
    features, target = read_raw(source / FEATURES_FILE, FEATURES), read_raw(source / TARGET_FILE, TARGET)
    if len(features) != len(target):
        raise ContractError(f"{TARGET_FILE}: {len(target)} rows; {FEATURES_FILE} has {len(features)}")
    return write_sides(output, features, target.assign(sex=features["sex"]))


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
