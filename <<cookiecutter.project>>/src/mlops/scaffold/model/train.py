"""Fit the model; write it and the columns that it takes.

python train.py --train prepared/train --validation prepared/validation --model-dir /tmp/model --alpha 10
"""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

ALPHA = 1.0  # strength of the penalty; raise it when train and validation drift apart


def read_side(folder: Path) -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Read one side's features and target."""
    return pd.read_csv(folder / "features.csv"), pd.read_csv(folder / "truth.csv")["target"]


def fit(features: pd.DataFrame, target: "pd.Series[float]", alpha: float) -> Pipeline:
    """Fit on plain numbers, so that serving needs no data frame."""
    return make_pipeline(StandardScaler(), Ridge(alpha=alpha)).fit(features.to_numpy(), target.to_numpy())


def save(pipeline: Pipeline, columns: list[str], folder: Path) -> None:
    """Write what inference.py loads."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(pipeline, folder / "model.joblib")
    (folder / "model.json").write_text(json.dumps({"columns": columns}) + "\n")


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
    features, target = read_side(options.train)
    pipeline = fit(features, target, options.alpha)
    for side in ("train", "validation"):
        rows, truth = read_side(getattr(options, side))
        print(f"{side}_r2={r2_score(truth, pipeline.predict(rows.to_numpy())):.6f}")
    save(pipeline, list(features.columns), options.model_dir)


if __name__ == "__main__":
    main()
