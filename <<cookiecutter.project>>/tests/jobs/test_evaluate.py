"""The evaluate job asks the real handler and lets the gates say why."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.jobs.layout import BUNDLE, JOBS, write_archive, write_bundle, write_files

SCHEMA = json.loads((JOBS.parents[2] / "docs/schemas/evaluation.schema.json").read_text())


def change_bundle(ml: Path, **scripts: str) -> None:
    write_bundle(ml / "processing/input/bundle", **scripts)


def evaluation(ml: Path, tmp_path: Path) -> Any:
    import evaluate

    evaluate.run(ml, tmp_path / "work")
    found = json.loads((ml / "processing/output/evaluation/evaluation.json").read_text())
    Draft202012Validator(SCHEMA).validate(found)
    return found


def champion(ml: Path, **changes: bytes) -> None:
    code = {f"code/{name}": dedent(text).encode() for name, text in BUNDLE.items()}
    files = {"offset.txt": b"0.25", **code, **{f"code/{name}.py": text for name, text in changes.items()}}
    write_archive(ml / "processing/input/champion/model.tar.gz", files)


def gate_of(found: Any, name: str) -> tuple[bool, str]:
    [gate] = [gate for gate in found["gates"] if gate["gate"].startswith(name)]
    return gate["passed"], gate["why"]


def test_a_first_model_is_judged_by_its_gates(ml: Path, tmp_path: Path) -> None:
    found = evaluation(ml, tmp_path)
    assert (found["verdict"], found["passed"], found["champion"]) == ("no-champion", True, None)
    assert found["reason"] == "all 7 gates passed; there is no champion to compare with"
    assert found["metrics"]["error"] == {"value": 0.5, "low": 0.5, "high": 0.5, "better": "low"}
    assert (found["model"], found["rows"], found["seed"], found["resamples"]) == ("adder", 2, 0, 200)
    assert found["scores"] == {"column": "y", "mean": 2.0, "std": 0.5, "rows": 2}
    assert [gate["gate"] for gate in found["gates"]] == [
        "error <= 0.6",
        "no feature gives the label away",
        "no test row was trained on",
        "predictions are numbers",
        "predictions vary",
        "p95 of one row <= 1000 ms",
        "archive <= 1024 MB",
    ]


def test_a_worse_model_fails_and_the_log_says_why(
    ml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_archive(ml / "processing/input/model/model.tar.gz", {"offset.txt": b"3"})
    found = evaluation(ml, tmp_path)
    assert (found["passed"], found["verdict"]) == (False, "failed")
    assert found["reason"] == "gate error <= 0.6 failed: 3 is above 0.6"
    assert "FAIL error <= 0.6: 3 is above 0.6" in capsys.readouterr().out


def test_the_champion_answers_the_same_rows_with_its_own_code(ml: Path, tmp_path: Path) -> None:
    doubled = dedent(BUNDLE["inference.py"]).replace("value + model", "value + 2 * model")
    champion(ml, inference=doubled.encode())
    found = evaluation(ml, tmp_path)
    assert found["champion"]["metrics"]["error"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert found["champion"]["differences"]["error"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    terms = {"margin": 0.0, "confidence": 0.95}
    assert found["champion"]["difference"] == {"metric": "error", "value": 0.0, "low": 0.0, **terms}
    assert found["verdict"] == "passed"


def test_a_champion_that_cannot_answer_does_not_stop_its_successor(ml: Path, tmp_path: Path) -> None:
    champion(ml, inference=b"raise ValueError('unknown columns: x')")
    found = evaluation(ml, tmp_path)
    why = "predict.py: ValueError: unknown columns: x"
    assert found["champion"] == {"archive": None, "metrics": {}, "differences": {}, "why": why}
    assert found["passed"]
    assert found["reason"] == f"all 7 gates passed; the champion could not be measured: {why}"


def test_a_champion_that_cannot_be_unpacked_stops_the_job(ml: Path, tmp_path: Path) -> None:
    import job

    (ml / "processing/input/champion/model.tar.gz").write_bytes(b"cut off")
    with pytest.raises(job.JobError, match=r"^model\.tar\.gz cannot be unpacked: "):
        evaluation(ml, tmp_path)


def test_as_many_answers_as_rows_are_wanted(ml: Path, tmp_path: Path) -> None:
    import job

    change_bundle(ml, inference=BUNDLE["inference.py"].replace('["y", *prediction]', '["y", prediction[0]]'))
    with pytest.raises(job.JobError) as caught:
        evaluation(ml, tmp_path)
    assert str(caught.value) == "inference.py answered 1 rows for 2 test rows"


def test_features_and_truth_must_go_together(ml: Path, tmp_path: Path) -> None:
    import job

    write_files(ml / "processing/input/test", {"truth.csv": b"y\n1\n"})
    with pytest.raises(job.JobError) as caught:
        evaluation(ml, tmp_path)
    assert (
        str(caught.value)
        == "test/features.csv has 2 rows, test/truth.csv has 1; as many, and at least 1, are needed"
    )


def test_a_metric_that_is_not_a_number_fails_its_gate(ml: Path, tmp_path: Path) -> None:
    change_bundle(ml, evaluate="def metrics(truth, predictions): return {'error': float('nan')}")
    found = evaluation(ml, tmp_path)
    assert found["metrics"] == {"error": {"value": None, "low": None, "high": None, "better": "low"}}
    assert found["gates"][0]["why"] == "error is not a number on these rows"


def test_a_module_of_the_model_wins_over_a_namesake_among_the_programs(ml: Path, tmp_path: Path) -> None:
    handler = BUNDLE["inference.py"].replace(
        "import pathlib", "import pathlib, gates\n        assert gates.MINE"
    )
    change_bundle(ml, inference=handler, gates="MINE = True")
    assert evaluation(ml, tmp_path)["passed"]
