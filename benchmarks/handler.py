"""The sealed handler beside a bare `model.predict`: one row, in process, on the scaffold's code.

The model is 300 boosted trees, as tables get them: beside the scaffold's own ridge regression, which answers
in 60 us, a neighbour on the machine weighs more than any handler. The three ways take turns in short rounds;
what counts is the median of the rounds' ratios.
"""

from __future__ import annotations

import importlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import joblib  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
from measure import PAYLOAD
from sklearn.ensemble import GradientBoostingRegressor  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable

SCAFFOLD = PAYLOAD / "src/mlops/scaffold/model"
ROUNDS, CALLS = 101, 40  # a round is some 40 ms: shorter than what disturbs it
TREES = 300
BUDGET = 1.3  # times the bare call, at p50


def main() -> None:
    """Train on the scaffold's sample, then time three ways to one prediction in turn."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        train(work)
        serve = assemble(work)
        body = "\n".join((work / "prepared/test/features.csv").read_text().splitlines()[:2]) + "\n"
        model = serve.model_fn(str(work / "model"))
        row = np.array([[float(value) for value in body.splitlines()[1].split(",")]])
        ways: list[Callable[[], object]] = [
            lambda: model["pipeline"].predict(row),
            lambda: bare_handler(serve, model, body),
            lambda: answer(serve, model, body),
        ]
        rounds = [[p50(way) for way in ways] for _ in range(ROUNDS)]
    report(rounds)


def report(rounds: list[list[float]]) -> None:
    """Medians over the rounds, and how far apart they lie."""
    ratios = [through / bare for bare, _, through in rounds]
    ratio, (low, _, high) = statistics.median(ratios), statistics.quantiles(ratios, n=4)
    bare, own, through = (1e6 * statistics.median(way) for way in zip(*rounds, strict=True))
    verdict = "within" if ratio <= BUDGET else "OVER"
    print(f"bare model.predict: {bare:.0f} us at p50, median of {len(rounds)} rounds")
    print(
        f"sealed handler, CSV in and out: {through:.0f} us; {ratio:.2f}x ({verdict} {BUDGET}x), "
        f"half of the rounds between {low:.2f}x and {high:.2f}x"
    )
    print(f"of which the wrapper: {through - own:.0f} us over the model's own handler")


def train(work: Path) -> None:
    """Prepare and train as a laptop does; then put the larger model in the place of the scaffold's."""
    sides = ["--train", f"{work}/prepared/train", "--validation", f"{work}/prepared/validation"]
    commands = (
        ["prepare.py", "--input", str(SCAFFOLD / "sample"), "--output", f"{work}/prepared"],
        ["train.py", *sides, "--model-dir", f"{work}/model"],
    )
    for command in commands:
        subprocess.run([sys.executable, *command], cwd=SCAFFOLD, check=True, capture_output=True)
    features, truth = (pd.read_csv(work / f"prepared/train/{name}.csv") for name in ("features", "truth"))
    trees = GradientBoostingRegressor(n_estimators=TREES).fit(features.to_numpy(), truth["target"])
    joblib.dump(trees, work / "model/model.joblib")


def assemble(work: Path):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a module has no type of its own
    """Lay the code out as sealing does; the wrapper, imported."""
    code = work / "model/code"
    code.mkdir()
    shutil.copy(SCAFFOLD / "inference.py", code)
    shutil.copy(PAYLOAD / "src/mlops/jobs/serve.py", code)
    (code / "identity.json").write_text(json.dumps({"model": "bench", "fingerprint": "0" * 64}))
    sys.path.insert(0, str(code))
    return importlib.import_module("serve")


def answer(serve, model, body: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """One request through the sealed handler; its line of the log goes nowhere."""
    stdout, sys.stdout = sys.stdout, SILENT
    try:
        serve.output_fn(serve.predict_fn(serve.input_fn(body, "text/csv"), model), "text/csv")
    finally:
        sys.stdout = stdout


def bare_handler(serve, model, body: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """One request through the model's own functions."""
    own = serve.inference
    own.output_fn(own.predict_fn(own.input_fn(body, "text/csv"), model), "text/csv")


def p50(act: Callable[[], object]) -> float:
    """The median time of a call, in seconds."""
    times = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


class Silent:
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        """Take a text."""
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


SILENT = Silent()

if __name__ == "__main__":
    main()
