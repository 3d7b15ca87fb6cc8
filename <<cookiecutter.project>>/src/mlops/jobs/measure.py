"""Measure predictions with a model's own metrics, in a process of its own.

python measure.py CODE_DIR REQUEST RESULT

REQUEST names the files of the test set and of the answers, and the gate; RESULT holds numbers and no row.
"""

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apart
import bootstrap
import curves
import leakage
import numpy as np
import pandas as pd
import scores
import slices

Metrics = Callable[[pd.DataFrame, pd.DataFrame], dict[str, float]]


@dataclass(frozen=True)
class Measured:
    """One model's answers under the candidate's metrics."""

    metrics: Metrics
    truth: pd.DataFrame
    answers: pd.DataFrame

    def all_rows(self) -> dict[str, float]:
        """Measure on the whole set; a metric that raises stops the job."""
        return {name: float(value) for name, value in self.metrics(self.truth, self.answers).items()}

    def rows(self, index: Any) -> dict[str, float]:
        """Measure on some rows; where that is undefined (one class only, say) there is no value."""
        if len(index) == len(self.truth) and np.array_equal(index, np.arange(len(index))):
            return self.all_rows()
        try:
            found = self.metrics(take(self.truth, index), take(self.answers, index))
            return {name: float(value) for name, value in found.items()}
        except Exception:  # noqa: BLE001  (what a user's metric raises is not ours to choose)
            return {}


def read(path: str) -> pd.DataFrame:
    """Read a table with every digit that was written."""
    return pd.read_csv(path, float_precision="round_trip")


def take(frame: pd.DataFrame, index: Any) -> pd.DataFrame:
    """Return the rows, numbered anew: metrics may subtract one frame from the other."""
    taken = frame.take(index)
    taken.index = pd.RangeIndex(len(index))
    return taken


def main(code: str, request: str, result: str) -> None:
    """Measure all that was asked for."""
    apart.enter(code)
    asked = json.loads(Path(request).read_text())
    metrics = importlib.import_module("evaluate").metrics
    Path(result).write_text(json.dumps(measure(metrics, asked)))


def measure(metrics: Metrics, asked: dict[str, Any]) -> dict[str, Any]:
    """Return intervals, the comparison, slices, leaks and the state of the predictions."""
    gate = asked["gate"]
    features, truth, answers = (read(asked[name]) for name in ("features", "truth", "candidate"))
    state = scores.inspect(answers)
    candidate = Measured(metrics, truth, answers)
    versus = gate["champion"]
    resamples = bootstrap.affordable(versus["resamples"], len(truth))
    try:
        own = bootstrap.spread(candidate.rows, len(truth), resamples, versus["seed"])
    except Exception:
        # Predictions that are no numbers fail a gate of their own, which says more than this would.
        if not state["odd"]:
            raise
        own = {}
    compared, champion = compare(candidate, asked.get("champion"), own, {**versus, "resamples": resamples})
    models = {"candidate": candidate, **({"champion": champion} if champion else {})}
    sliced, ways = gate.get("slices"), {name: model.rows for name, model in models.items()}
    trusted = {*(sliced["columns"] if sliced else ()), *gate["leakage"]["trusted"]}
    return {
        "resamples": resamples,
        "metrics": {name: interval(spread) for name, spread in own.items()},
        "champion": compared,
        "slices": slices.measure(ways, truth, features, sliced) if sliced else None,
        "leaks": leakage.find(features, truth, trusted),
        "predictions": state,
        "histogram": scores.histogram(answers, truth),
        "curves": curves.draw({name: model.answers for name, model in models.items()}, truth),
    }


def interval(spread: bootstrap.Spread) -> dict[str, float | None]:
    """Return a metric with its two-sided 95 % interval; what is not a number is null."""
    return {"value": finite(spread.value), "low": spread.quantile(0.025), "high": spread.quantile(0.975)}


def compare(
    candidate: Measured, path: str | None, own: dict[str, bootstrap.Spread], versus: dict[str, Any]
) -> tuple[dict[str, Any] | None, Measured | None]:
    """Measure the champion on the same draws: what was found, and the champion where it can be measured."""
    if path is None:
        return None, None
    champion = Measured(candidate.metrics, candidate.truth, read(path))
    try:
        theirs = bootstrap.spread(champion.rows, len(champion.truth), versus["resamples"], versus["seed"])
    except Exception as error:  # noqa: BLE001  (answers of another shape than the candidate's metrics expect)
        why = f"evaluate.py: {type(error).__name__}: {error}"
        return {"metrics": {}, "differences": {}, "why": why}, None
    found = {
        "metrics": {name: interval(spread) for name, spread in theirs.items()},
        "differences": {name: interval(own[name] - theirs[name]) for name in theirs if name in own},
    }
    return found | judged(own, theirs, versus), champion


def judged(
    own: dict[str, bootstrap.Spread], theirs: dict[str, bootstrap.Spread], versus: dict[str, Any]
) -> dict[str, Any]:
    """Return the difference that the gate judges, positive where the candidate is better; or say why not."""
    name = versus["metric"]
    if name not in own or name not in theirs or not np.isfinite(own[name].value - theirs[name].value):
        return {"why": f"{name} is not a number for both models on these rows"}
    apart_by = own[name] - theirs[name] if versus["better"] == "high" else theirs[name] - own[name]
    low = apart_by.quantile(1 - versus["confidence"])
    terms = {"margin": versus["margin"], "confidence": versus["confidence"]}
    return {"difference": {"metric": name, "value": apart_by.value, "low": low, **terms}}


def finite(value: float) -> float | None:
    """Replace what JSON cannot say."""
    return value if np.isfinite(value) else None


if __name__ == "__main__":
    main(*sys.argv[1:])
