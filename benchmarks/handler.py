"""The sealed handler beside a bare `model.predict`: one row, in process, on the scaffold's own model."""

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

import numpy as np
from measure import PAYLOAD

if TYPE_CHECKING:
    from collections.abc import Callable

SCAFFOLD = PAYLOAD / "src/mlops/scaffold/model"
CALLS = 2000
BUDGET = 1.3  # times the bare call, at p50


def main() -> None:
    """Train the scaffold's model on its sample, then time both ways to one prediction."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        train(work)
        serve = assemble(work)
        body = "\n".join((work / "prepared/test/features.csv").read_text().splitlines()[:2]) + "\n"
        model = serve.model_fn(str(work / "model"))
        row = np.array([[float(value) for value in body.splitlines()[1].split(",")]])
        through = p50(lambda: answer(serve, model, body))
        parts = p50(lambda: bare_handler(serve, model, body))
        bare = p50(lambda: model["pipeline"].predict(row))
    print(f"bare model.predict: {1e6 * bare:.0f} us at p50")
    verdict = "within" if through / bare <= BUDGET else "OVER"
    print(
        f"sealed handler, CSV in and out: {1e6 * through:.0f} us; {through / bare:.2f}x ({verdict} {BUDGET}x)"
    )
    print(f"of which the wrapper: {through / parts:.2f}x over the model's own handler")


def train(work: Path) -> None:
    """Prepare and train as a laptop does."""
    sides = ["--train", f"{work}/prepared/train", "--validation", f"{work}/prepared/validation"]
    commands = (
        ["prepare.py", "--input", str(SCAFFOLD / "sample"), "--output", f"{work}/prepared"],
        ["train.py", *sides, "--model-dir", f"{work}/model"],
    )
    for command in commands:
        subprocess.run([sys.executable, *command], cwd=SCAFFOLD, check=True, capture_output=True)


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
