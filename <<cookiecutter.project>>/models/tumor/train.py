"""Fit a standardised logistic regression; write the pipeline and how to use it.

python train.py --train prepared/train --validation prepared/validation --model-dir /tmp/model --c 0.1
"""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, recall_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tabular.split import read_side

C = 1.0  # inverse strength of the penalty; lower it when train and validation drift apart
THRESHOLD = 0.3  # call malignant from this probability on; lower it when a missed tumor costs more


def fit(features: pd.DataFrame, truth: pd.DataFrame, c: float) -> Pipeline:
    """Fit on plain numbers, so that serving needs no data frame."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000, random_state=0))
    return pipeline.fit(features.to_numpy(), truth["malignant"].to_numpy())


def scores(
    pipeline: Pipeline, features: pd.DataFrame, truth: pd.DataFrame, threshold: float
) -> dict[str, float]:
    """Measure one side."""
    probability = pipeline.predict_proba(features.to_numpy())[:, 1]
    malignant = truth["malignant"]
    return {
        "roc_auc": float(roc_auc_score(malignant, probability)),
        "log_loss": float(log_loss(malignant, probability, labels=[0, 1])),
        "sensitivity": float(recall_score(malignant, probability >= threshold)),
    }


def save(pipeline: Pipeline, columns: list[str], threshold: float, folder: Path) -> None:
    """Write the weights, and beside them what the handler must know to use them."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(pipeline, folder / "model.joblib")
    use = {"columns": columns, "threshold": threshold}
    (folder / "model.json").write_text(json.dumps(use, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """Read the command line; folders default to the training job's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", type=Path, default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--c", type=float, default=C)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    return parser.parse_args()


def main() -> None:
    """Fit, report both sides as name=value lines, save."""
    options = parse()
    features, truth = read_side(options.train)
    pipeline = fit(features, truth, options.c)
    for side in ("train", "validation"):
        for name, value in scores(pipeline, *read_side(getattr(options, side)), options.threshold).items():
            print(f"{side}_{name}={value:.6f}")
    save(pipeline, list(features.columns), options.threshold, options.model_dir)


if __name__ == "__main__":
    main()
