"""Say how good predictions are: a pure function of the truth and what the endpoint answered.

python evaluate.py --truth prepared/test/truth.csv --predictions predictions.csv
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NAN = float("nan")
SMALLEST = np.finfo(float).eps  # a probability of 0 would make one mistake infinitely bad


def metrics(truth: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, float]:
    """Compare row by row. Sensitivity and specificity judge the decision as it is served.

    The gate calls this on a thousand resamples: plain NumPy takes a twentieth of scikit-learn's time, which
    goes into checks of the arguments. A resample may hold one class only; what that leaves open is NaN.
    """
    malignant = truth["malignant"].to_numpy() == 1
    probability, decision = predictions["probability"].to_numpy(), predictions["malignant"].to_numpy() == 1
    right = np.clip(np.where(malignant, probability, 1 - probability), SMALLEST, 1 - SMALLEST)
    return {
        "roc_auc": roc_auc(probability[malignant], probability[~malignant]),
        "sensitivity": float(decision[malignant].mean()) if malignant.any() else NAN,
        "specificity": float((~decision[~malignant]).mean()) if not malignant.all() else NAN,
        "log_loss": float(-np.log(right).mean()),
        "brier": float(((probability - malignant) ** 2).mean()),
    }


def roc_auc(positive: Any, negative: Any) -> float:
    """Count how often a positive row scores above a negative one; ties count half."""
    if not len(positive) or not len(negative):
        return NAN
    ordered = np.sort(negative)
    below, not_above = (np.searchsorted(ordered, positive, side) for side in ("left", "right"))
    return float((below + not_above).mean() / 2 / len(negative))


def main() -> None:
    """Print the metrics of two files as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    options = parser.parse_args()
    print(json.dumps(metrics(pd.read_csv(options.truth), pd.read_csv(options.predictions)), indent=1))


if __name__ == "__main__":
    main()
