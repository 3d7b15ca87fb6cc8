"""Say how good predictions are: a pure function of the truth and what the endpoint answered.

python evaluate.py --truth prepared/test/truth.csv --predictions predictions.csv
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error


def metrics(truth: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, float]:
    """Compare row by row; the names are those that `gate:` in model.yml may use."""
    actual, predicted = truth["target"], predictions["prediction"]
    return {
        "rmse": float(root_mean_squared_error(actual, predicted)),
        "mae": float(mean_absolute_error(actual, predicted)),
        "r2": float(r2_score(actual, predicted)),
    }


def main() -> None:
    """Print the metrics of two files as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    options = parser.parse_args()
    print(json.dumps(metrics(pd.read_csv(options.truth), pd.read_csv(options.predictions)), indent=1))


if __name__ == "__main__":
    main()
