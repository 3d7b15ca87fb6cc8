"""Say how good predictions are: a pure function of the truth and what the endpoint answered.

python evaluate.py --truth prepared/test/truth.csv --predictions predictions.csv
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from sklearn.metrics import brier_score_loss, log_loss, recall_score, roc_auc_score


def metrics(truth: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, float]:
    """Compare row by row. Sensitivity and specificity judge the decision as it is served."""
    malignant, probability = truth["malignant"], predictions["probability"]
    decision = predictions["malignant"]
    return {
        # A resample may hold one class only; these three are then undefined, which fails a gate.
        "roc_auc": float(roc_auc_score(malignant, probability)) if malignant.nunique() == 2 else float("nan"),
        "sensitivity": float(recall_score(malignant, decision, zero_division=float("nan"))),
        "specificity": float(recall_score(malignant, decision, pos_label=0, zero_division=float("nan"))),
        "log_loss": float(log_loss(malignant, probability, labels=[0, 1])),
        "brier": float(brier_score_loss(malignant, probability, pos_label=1)),
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
