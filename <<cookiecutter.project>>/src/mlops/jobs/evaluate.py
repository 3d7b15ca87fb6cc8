"""Evaluate job: candidate and champion answer the same rows; the gates judge the candidate."""

import csv
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gates
import job

PROGRAMS = Path(__file__).absolute().parent


@dataclass(frozen=True)
class TestSet:
    """The rows on which models are compared."""

    features: Path
    truth: Path
    rows: int


def run(ml: Path, work: Path) -> None:
    """Write evaluation.json to the job's output."""
    inputs, output = ml / "processing/input", ml / "processing/output/evaluation"
    spec = job.read_spec(inputs / "spec")
    code = job.open_bundle(inputs / "bundle", work)
    test = read_test(inputs / "test")
    weights = job.unpack(job.the_only(inputs / "model", "*.tar.gz"), work / "model")
    metrics = measure(answer(code, weights, test, work / "candidate.csv"), code, test, work)
    champion = judge_champion(inputs / "champion", code, test, work)
    output.mkdir(parents=True, exist_ok=True)
    evaluation = gates.evaluation(spec["model"], test.rows, metrics, champion, spec["gate"]["metrics"])
    (output / "evaluation.json").write_text(json.dumps(evaluation, indent=1, allow_nan=False) + "\n")
    report(evaluation)


def report(evaluation: dict[str, Any]) -> None:
    """Say in the job's log what was found."""
    for name, value in evaluation["metrics"].items():
        print(f"{name}={value}")  # noqa: T201
    print(evaluation["reason"], flush=True)  # noqa: T201


def read_test(folder: Path) -> TestSet:
    """Count the rows: features and truth must go together."""
    features, truth = folder / "features.csv", folder / "truth.csv"
    rows, labels = count_rows(features), count_rows(truth)
    if rows != labels or not rows:
        found = f"test/features.csv has {rows} rows, test/truth.csv has {labels}"
        raise job.JobError(f"{found}; as many, and at least 1, are needed")
    return TestSet(features, truth, rows)


def count_rows(path: Path) -> int:
    """Count the rows of a CSV file below its header."""
    if not path.is_file():
        raise job.JobError(f"{path.parent.name}/{path.name} is missing")
    with path.open(newline="") as lines:
        return max(sum(1 for row in csv.reader(lines) if row) - 1, 0)


def answer(code: job.Code, weights: Path, test: TestSet, predictions: Path) -> Path:
    """Let a model answer every test row through its own handler."""
    job.run_script(code, [PROGRAMS / "predict.py", code.folder, weights, test.features, predictions])
    found = count_rows(predictions)
    if found != test.rows:
        raise job.JobError(f"inference.py answered {found} rows for {test.rows} test rows")
    return predictions


def measure(predictions: Path, code: job.Code, test: TestSet, work: Path) -> dict[str, float]:
    """Apply the candidate's metrics, so that both models are measured by one yardstick."""
    result = work / f"{predictions.stem}.metrics.json"
    job.run_script(code, [PROGRAMS / "measure.py", code.folder, test.truth, predictions, result])
    metrics: dict[str, float] = job.read_json(result)
    return metrics


def judge_champion(folder: Path, code: job.Code, test: TestSet, work: Path) -> dict[str, Any] | None:
    """Measure what is live today; None when nothing is.

    A champion that cannot answer these rows (the columns changed, say) does not stop its successor: the
    evaluation says why, and the absolute gates decide.
    """
    archives = sorted(folder.glob("*.tar.gz"))
    if not archives:
        return None
    try:
        model = job.unpack(archives[0], work / "champion")
        own = job.code_in(model / "code", work / "champion-site")
        return {"metrics": measure(answer(own, model, test, work / "champion.csv"), code, test, work)}
    except job.JobError as error:
        return {"metrics": {}, "why": f"the champion could not be measured: {error}"}


def main() -> None:
    """Run as SageMaker runs it."""
    with tempfile.TemporaryDirectory() as work:
        job.guarded(lambda: run(job.ML, Path(work)), job.ML / "output/message")


if __name__ == "__main__":
    main()
