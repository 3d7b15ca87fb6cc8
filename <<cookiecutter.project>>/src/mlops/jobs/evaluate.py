"""Evaluate job: candidate and champion answer the same rows; the gates judge the candidate."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gates
import handed
import job
import overlap
import plots
import profiles
import smoke

PROGRAMS = Path(__file__).absolute().parent


@dataclass(frozen=True)
class TestSet:
    """The rows on which models are compared."""

    features: Path
    truth: Path
    rows: int


@dataclass(frozen=True)
class Candidate:
    """What is to be judged: its code, its weights and its answers."""

    code: job.Code
    weights: Path
    answers: Path
    latency: Any

    def size(self) -> int:
        """Count the bytes that its archive will hold when unpacked."""
        folders = (self.weights, self.code.folder)
        return sum(path.stat().st_size for root in folders for path in root.rglob("*") if path.is_file())


def run(ml: Path, work: Path) -> None:
    """Write evaluation.json and its plots to the job's output."""
    inputs, output = ml / "processing/input", ml / "processing/output/evaluation"
    spec = job.read_spec(inputs / "spec")
    test = read_test(inputs / "test")
    candidate = ask_candidate(inputs, test, work)
    champion = ask_champion(inputs, test, work)
    measured = measure(candidate, champion, test, spec["gate"], work)
    measured["champion"] = describe_champion(ml, champion, measured["champion"])
    shared = inputs / "test" / overlap.FILE
    known = job.read_json(shared) if shared.is_file() else None
    found = gates.Findings(measured, candidate.latency, candidate.size(), known, test.rows)
    evaluation = conclude(spec, found)
    evaluation["smoke"] = smoke.request(test.features)
    evaluation["data"] = job.read_json(inputs / "test" / profiles.FILE)
    write(evaluation, measured, output)
    report(evaluation)


def conclude(spec: Any, found: gates.Findings) -> dict[str, Any]:
    """Return the content of evaluation.json (docs/schemas/evaluation.schema.json): no row of data."""
    measured, rules = found.measured, spec["gate"]
    verdicts = gates.judge(rules, found)
    return {
        "schema": 3,
        "model": spec["model"],
        "rows": found.rows,
        "metrics": {
            name: {**metric, "better": direction(rules["metrics"], name)}
            for name, metric in measured["metrics"].items()
        },
        "champion": measured["champion"],
        "slices": (measured["slices"] or {"slices": []})["slices"],
        "scores": measured["predictions"]["scores"],
        "latency": found.latency,
        "archive": {"bytes": found.archive_bytes},
        "gates": verdicts,
        **gates.conclude(verdicts, measured["champion"]),
        "resamples": measured["resamples"],
        "seed": rules["champion"]["seed"],
        "curves": measured["curves"],
    }


def direction(rules: list[dict[str, Any]], name: str) -> str | None:
    """Return which way a metric improves, as its bounds say: a min alone high, a max alone low."""
    bounds = [rule for rule in rules if rule["metric"] == name]
    ends = [[rule.get(end) is not None for end in ("min", "max")] for rule in bounds]
    return next(("high" if low else "low" for low, high in ends if low != high), None)


def write(evaluation: dict[str, Any], measured: dict[str, Any], output: Path) -> None:
    """Write the evaluation, and beside it the pictures that it names by their hashes."""
    folder = output / "plots"
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in plots.draw(evaluation, measured["histogram"]).items():
        (folder / name).write_text(picture)
    evaluation["plots"] = {path.name: job.digest(path) for path in sorted(folder.glob("*.svg"))}
    (output / "evaluation.json").write_text(json.dumps(evaluation, indent=1, allow_nan=False) + "\n")


def report(evaluation: dict[str, Any]) -> None:
    """Say in the job's log what was found."""
    for name, metric in evaluation["metrics"].items():
        print(f"{name}={metric['value']}")  # noqa: T201
    for verdict in evaluation["gates"]:
        print(f"{'ok  ' if verdict['passed'] else 'FAIL'} {verdict['gate']}: {verdict['why']}")  # noqa: T201
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
    return profiles.count_rows(path)


def answer(code: job.Code, weights: Path, test: TestSet, target: Path, *extra: Path) -> Path:
    """Let a model answer every test row through its own handler."""
    job.run_script(code, [PROGRAMS / "predict.py", code.folder, weights, test.features, target, *extra])
    found = count_rows(target)
    if found != test.rows:
        raise job.JobError(f"inference.py answered {found} rows for {test.rows} test rows")
    return target


def ask_candidate(inputs: Path, test: TestSet, work: Path) -> Candidate:
    """Unpack the candidate and let it answer."""
    code = job.open_bundle(inputs / "bundle", work, inputs / handed.FOLDER)
    weights = job.unpack_weights(inputs / "model", work / "model")
    timed = work / "latency.json"
    answers = answer(code, weights, test, work / "candidate.csv", timed)
    return Candidate(code, weights, answers, job.read_json(timed))


def ask_champion(inputs: Path, test: TestSet, work: Path) -> Path | str | None:
    """Let what is live answer with its own code: its answers, why there are none, or None without champion.

    A champion that cannot answer these rows (the columns changed, say) does not stop its successor: the
    evaluation says why, and the other gates decide. One that cannot be unpacked or installed stops the job:
    that says nothing about the model, and skipping the comparison would let a worse one pass.
    """
    archives = sorted((inputs / "champion").glob("*.tar.gz"))
    if not archives:
        return None
    model = job.unpack(archives[0], work / "champion")
    own = job.code_in(model / "code", work / "champion-site", inputs / handed.FOLDER)
    try:
        return answer(own, model, test, work / "champion.csv")
    except job.JobError as error:
        return str(error)


def describe_champion(ml: Path, champion: Path | str | None, measured: Any) -> dict[str, Any] | None:
    """Say which archive was compared, with what was measured here: nothing that it says of itself is read."""
    if champion is None:
        return None
    found = {"metrics": {}, "differences": {}, "why": champion} if isinstance(champion, str) else measured
    return {"archive": input_uri(ml, "champion"), **found}


def input_uri(ml: Path, name: str) -> str | None:
    """Look up where an input of this job came from; None outside SageMaker."""
    path = ml / "config/processingjobconfig.json"
    inputs = (job.read_json(path).get("ProcessingInputs") or []) if path.is_file() else []
    found = [entry["S3Input"]["S3Uri"] for entry in inputs if entry.get("InputName") == name]
    return str(found[0]) if found else None


def measure(
    candidate: Candidate, champion: Path | str | None, test: TestSet, gate: Any, work: Path
) -> dict[str, Any]:
    """Apply the candidate's metrics to both, so that they are measured by one yardstick."""
    request, result = work / "request.json", work / "result.json"
    asked = {
        "features": str(test.features),
        "truth": str(test.truth),
        "candidate": str(candidate.answers),
        "champion": str(champion) if isinstance(champion, Path) else None,
        "gate": gate,
    }
    request.write_text(json.dumps(asked))
    job.run_script(candidate.code, [PROGRAMS / "measure.py", candidate.code.folder, request, result])
    measured: dict[str, Any] = job.read_json(result)
    return measured


def main() -> None:
    """Run as SageMaker runs it."""
    with tempfile.TemporaryDirectory() as work:
        job.guarded(lambda: run(job.ML, Path(work)), job.ML / "output/message")


if __name__ == "__main__":
    main()
