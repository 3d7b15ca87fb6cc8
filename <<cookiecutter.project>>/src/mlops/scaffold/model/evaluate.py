"""Say how good predictions are: a pure function of the truth and what the endpoint answered.

python evaluate.py --truth prepared/test/truth.csv --predictions predictions.csv
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd


def metrics(truth: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, float]:
    """Compare row by row; the names are those that `gate:` in model.yml may use.

    The gate calls this on a thousand resamples: keep it to milliseconds.
    """
    actual, predicted = truth["target"].to_numpy(), predictions["prediction"].to_numpy()
    error = predicted - actual
    spread = float(((actual - actual.mean()) ** 2).mean())
    return {
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "r2": 1 - float((error**2).mean()) / spread if spread else float("nan"),
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
