"""Fit a standardised ridge regression; write the pipeline and the columns that it takes.

python train.py --train prepared/train --validation prepared/validation --model-dir /tmp/model --alpha 10
"""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tabular.split import read_side

ALPHA = 30.0  # strength of the penalty; raise it when train and validation drift apart


def fit(features: pd.DataFrame, truth: pd.DataFrame, alpha: float) -> Pipeline:
    """Fit on plain numbers, so that serving needs no data frame."""
    pipeline = make_pipeline(StandardScaler(), Ridge(alpha=alpha))
    return pipeline.fit(features.to_numpy(), truth["progression"].to_numpy())


def scores(pipeline: Pipeline, features: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Measure one side."""
    predicted = pipeline.predict(features.to_numpy())
    return {
        "rmse": float(root_mean_squared_error(truth["progression"], predicted)),
        "mae": float(mean_absolute_error(truth["progression"], predicted)),
        "r2": float(r2_score(truth["progression"], predicted)),
    }


def save(pipeline: Pipeline, columns: list[str], folder: Path) -> None:
    """Write the weights, and beside them what the handler must know to use them."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(pipeline, folder / "model.joblib")
    (folder / "model.json").write_text(json.dumps({"columns": columns}, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """Read the command line; folders default to the training job's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", type=Path, default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--alpha", type=float, default=ALPHA)
    return parser.parse_args()


def main() -> None:
    """Fit, report both sides as name=value lines, save."""
    options = parse()
    features, truth = read_side(options.train)
    pipeline = fit(features, truth, options.alpha)
    for side in ("train", "validation"):
        for name, value in scores(pipeline, *read_side(getattr(options, side))).items():
            print(f"{side}_{name}={value:.6f}")
    save(pipeline, list(features.columns), options.model_dir)


if __name__ == "__main__":
    main()
