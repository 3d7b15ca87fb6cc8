"""A candidate on sixty rows: against its champion, by group, and caught when something is wrong with it."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mlops.evaluation import Evaluation
from tests.jobs.layout import (
    BUNDLE,
    JOBS,
    SPEC,
    resolve_gate,
    write_archive,
    write_bundle,
    write_files,
    write_json,
)

SCHEMA = json.loads((JOBS.parents[2] / "docs/schemas/evaluation.schema.json").read_text())
ROWS = 60
OFFSETS = [((7 * number) % 20) / 10 - 1 for number in range(ROWS)]  # what no model can know


@pytest.fixture(autouse=True)
def sixty_rows(ml: Path) -> None:
    """The truth is the feature plus what nobody knows, so a model that adds nothing is best."""
    write_rows(ml, OFFSETS)
    write_weights(ml, 0.0)


def write_rows(ml: Path, offsets: list[float], **columns: str) -> None:
    extra = "".join(f",{name}" for name in columns)
    tail = "".join(f",{value}" for value in columns.values())
    truth = "".join(
        f"{row + offset}{tail if row % 2 else tail.upper()}\n" for row, offset in enumerate(offsets)
    )
    features = "x\n" + "".join(f"{row}\n" for row in range(len(offsets)))
    files = {"features.csv": features.encode(), "truth.csv": f"y{extra}\n{truth}".encode()}
    write_files(ml / "processing/input/test", files)


def write_weights(ml: Path, offset: float, **more: bytes) -> None:
    write_archive(ml / "processing/input/model/model.tar.gz", {"offset.txt": str(offset).encode(), **more})


def write_champion(ml: Path, offset: float, **more: bytes) -> None:
    code = {f"code/{name}": dedent(text).encode() for name, text in BUNDLE.items()}
    files = {"offset.txt": str(offset).encode(), **code, **more}
    write_archive(ml / "processing/input/champion/model.tar.gz", files)


def write_gate(ml: Path, **parts: Any) -> None:
    write_json(ml / "processing/input/spec/5bec.json", {**SPEC, "gate": resolve_gate(**parts)})


def evaluate(ml: Path, tmp_path: Path) -> Any:
    """Run the job; what it wrote fits the schema, whatever it found."""
    import evaluate as program

    program.run(ml, tmp_path / f"work{len(list(tmp_path.iterdir()))}")
    found = json.loads((ml / "processing/output/evaluation/evaluation.json").read_text())
    Draft202012Validator(SCHEMA).validate(found)
    Evaluation.model_validate(found)
    return found


def failed(found: Any) -> dict[str, str]:
    return {gate["gate"]: gate["why"] for gate in found["gates"] if not gate["passed"]}


def test_a_worse_candidate_fails_against_its_champion(ml: Path, tmp_path: Path) -> None:
    write_champion(ml, 0.0)
    write_weights(ml, 0.3)
    found = evaluate(ml, tmp_path)
    difference = found["champion"]["difference"]
    assert difference["low"] < difference["value"] < 0
    [(gate, why)] = failed(found).items()
    assert (gate, found["verdict"]) == ("error against the champion", "failed")
    assert why == "0.56 against the champion's 0.5: may be worse by 0.119 at 95 % confidence, 0 is allowed"


def test_a_margin_lets_a_slightly_worse_candidate_through(ml: Path, tmp_path: Path) -> None:
    write_champion(ml, 0.0)
    write_weights(ml, 0.3)
    write_gate(ml, champion={"margin": 0.15})
    found = evaluate(ml, tmp_path)
    assert (found["verdict"], found["reason"]) == ("passed", "all 8 gates passed")
    assert found["gates"][1]["why"].endswith("worse by 0.119 at most at 95 % confidence, 0.15 is allowed")


def test_a_better_candidate_passes_without_margin(ml: Path, tmp_path: Path) -> None:
    write_champion(ml, 0.9)
    found = evaluate(ml, tmp_path)
    assert found["verdict"] == "passed"
    assert found["champion"]["difference"]["low"] > 0
    assert "0.5 against the champion's 0.9" in found["gates"][1]["why"]
    assert "better by at least 0." in found["gates"][1]["why"]


def test_what_a_champion_says_of_itself_changes_nothing(ml: Path, tmp_path: Path) -> None:
    write_champion(ml, 0.9)
    honest = evaluate(ml, tmp_path)
    lie = json.dumps({"metrics": {"error": {"value": 0.0}}, "passed": True}).encode()
    write_champion(ml, 0.9, **{"evaluation.json": lie, "code/evaluation.json": lie, "metrics.json": lie})
    assert evaluate(ml, tmp_path)["champion"] == honest["champion"]


def test_the_champion_cannot_bring_a_yardstick_of_its_own(ml: Path, tmp_path: Path) -> None:
    write_champion(
        ml, 0.9, **{"code/evaluate.py": b"def metrics(truth, predictions): return {'error': 0.0}\n"}
    )
    assert evaluate(ml, tmp_path)["champion"]["metrics"]["error"]["value"] == pytest.approx(0.9, abs=0.1)


def test_other_test_rows_give_the_champion_another_number(ml: Path, tmp_path: Path) -> None:
    write_champion(ml, 0.9)
    before = evaluate(ml, tmp_path)["champion"]["metrics"]["error"]["value"]
    write_rows(ml, [offset + 0.3 for offset in OFFSETS])
    after = evaluate(ml, tmp_path)["champion"]["metrics"]["error"]["value"]
    assert after < before


def test_a_champion_that_answers_another_question_is_not_compared(ml: Path, tmp_path: Path) -> None:
    handler = dedent(BUNDLE["inference.py"]).replace('["y", *prediction]', '["z", *prediction]')
    write_champion(ml, 0.0, **{"code/inference.py": handler.encode()})
    found = evaluate(ml, tmp_path)
    assert (found["verdict"], found["passed"]) == ("no-champion", True)
    assert found["champion"]["why"] == "evaluate.py: KeyError: 'y'"
    assert found["reason"].endswith("; the champion could not be measured: evaluate.py: KeyError: 'y'")


def test_the_evaluation_names_the_archive_that_it_compared(ml: Path, tmp_path: Path) -> None:
    write_champion(ml, 0.9)
    uri = "s3://acme-releases/releases/adder/ab/model.tar.gz"
    given = [{"InputName": "test"}, {"InputName": "champion", "S3Input": {"S3Uri": uri}}]
    write_json(ml / "config/processingjobconfig.json", {"ProcessingInputs": given})
    assert evaluate(ml, tmp_path)["champion"]["archive"] == uri


def test_a_group_that_is_served_badly_fails_its_gate(ml: Path, tmp_path: Path) -> None:
    """Every second row is of group A, and there the truth lies higher by one half."""
    write_rows(ml, [offset + (row % 2 == 0) / 2 for row, offset in enumerate(OFFSETS)], group="a")
    write_gate(ml, slices={"columns": ["group"], "max_drop": 0.01})
    found = evaluate(ml, tmp_path)
    assert [(entry["value"], entry["rows"]) for entry in found["slices"]] == [("A", 30), ("a", 30)]
    [(gate, why)] = failed(found).items()
    assert gate == "error where group is A"
    assert why.endswith("on 30 rows, 0.04 worse than on all; 0.01 worse is allowed")
    assert "slices.svg" in found["plots"]


def test_the_champion_is_measured_on_the_same_groups(ml: Path, tmp_path: Path) -> None:
    write_rows(ml, OFFSETS, group="a")
    write_gate(ml, slices={"columns": ["group"], "max_drop": 1.0})
    assert [entry["champion"] for entry in evaluate(ml, tmp_path)["slices"]] == [None, None]
    write_champion(ml, 0.9)
    slices = evaluate(ml, tmp_path)["slices"]
    assert [entry["result"] for entry in slices] != [entry["champion"] for entry in slices]
    assert sum(entry["champion"] for entry in slices) / 2 == pytest.approx(0.93, abs=0.05)


def test_every_metric_of_the_champion_has_its_interval_and_difference(ml: Path, tmp_path: Path) -> None:
    write_champion(ml, 0.9)
    found = evaluate(ml, tmp_path)
    ours, theirs = found["metrics"]["error"], found["champion"]["metrics"]["error"]
    apart = found["champion"]["differences"]["error"]
    assert theirs["low"] < theirs["value"] < theirs["high"]
    assert apart["value"] == pytest.approx(ours["value"] - theirs["value"])
    assert apart["low"] < apart["value"] < apart["high"] < 0
    assert sorted(found["champion"]["differences"]) == ["error", "rows"]


@pytest.mark.parametrize(
    ("bounds", "better"),
    [
        ([{"metric": "error", "max": 1}], "low"),
        ([{"metric": "error", "min": 1}], "high"),
        ([{"metric": "error", "max": 1}, {"metric": "error", "min": 0}], "low"),
        ([{"metric": "error", "min": 0, "max": 1}], None),
        ([{"metric": "other", "min": 0}], None),
    ],
)
def test_bounds_say_which_way_a_metric_is_good(bounds: Any, better: str | None) -> None:
    import evaluate as program

    rules = resolve_gate(metrics=[{"metric": "first", "max": 1}, *bounds])["metrics"]
    assert program.direction(rules, "error") == better


def test_the_evaluation_carries_the_profile_and_the_curves(ml: Path, tmp_path: Path) -> None:
    profile = json.loads((ml / "processing/input/test/profile.json").read_text())
    found = evaluate(ml, tmp_path)
    assert found["data"] == profile
    assert [(curve["kind"], curve["column"], curve["label"]) for curve in found["curves"]] == [
        ("calibration", "y", "y")
    ]


def test_sides_without_profile_stop_the_job(ml: Path, tmp_path: Path) -> None:
    import job

    (ml / "processing/input/test/profile.json").unlink()
    with pytest.raises(job.JobError, match=r"^profile\.json in test/ cannot be read as JSON: "):
        evaluate(ml, tmp_path)


def test_a_small_group_is_neither_judged_nor_shown(ml: Path, tmp_path: Path) -> None:
    write_rows(ml, OFFSETS, group="a")
    write_gate(ml, slices={"columns": ["group"], "max_drop": 0.0, "min_rows": 31})
    found = evaluate(ml, tmp_path)
    assert (found["slices"], found["passed"]) == ([], True)
    [why] = [gate["why"] for gate in found["gates"] if gate["gate"] == "error by group"]
    assert why == "no group of group has 31 test rows: none is judged"


def test_a_slice_by_a_column_that_is_not_there_fails(ml: Path, tmp_path: Path) -> None:
    write_gate(ml, slices={"columns": ["sex"], "max_drop": 0.1})
    why = "'sex' is in neither truth.csv nor features.csv"
    assert failed(evaluate(ml, tmp_path)) == {"error by sex": why}


def test_a_label_among_the_features_fails(ml: Path, tmp_path: Path) -> None:
    write_rows(ml, [0.25] * ROWS)
    assert failed(evaluate(ml, tmp_path)) == {
        "no feature gives the label away": (
            "'x' perfectly ranks 'y' on every test row: remove it, or name it under gate.leakage.trusted "
            "if it is known when a client asks"
        )
    }


def test_a_trusted_feature_may_rank_the_label(ml: Path, tmp_path: Path) -> None:
    write_rows(ml, [0.25] * ROWS)
    write_gate(ml, leakage={"trusted": ["x"]})
    assert evaluate(ml, tmp_path)["passed"]


@pytest.mark.parametrize(
    ("shared", "gate", "allowed", "why"),
    [
        (
            {"shared": 2, "files": 1},
            "no test row was trained on",
            0,
            "2 of 60 test rows also stand in train/",
        ),
        ({"shared": 4, "files": 1}, "at most 0.05 of test rows trained on", 0.05, "4 of 60 test rows"),
        (None, "no test row was trained on", 0, "the prepare job left no test/overlap.json: nobody looked"),
    ],
)
def test_test_rows_that_were_trained_on_fail(
    shared: Any, gate: str, allowed: float, why: str, ml: Path, tmp_path: Path
) -> None:
    path = ml / "processing/input/test/overlap.json"
    path.unlink()
    if shared:
        write_json(path, shared)
    write_gate(ml, leakage={"shared_rows": allowed})
    found = failed(evaluate(ml, tmp_path))
    assert list(found) == [gate]
    assert found[gate].startswith(why)


@pytest.mark.parametrize(
    ("predict", "gate", "why"),
    [
        ("[7.0 for value in data]", "predictions vary", "'y' is the same in every row"),
        (
            "[*data[1:], float('nan')]",
            "predictions are numbers",
            "'y' holds values that are missing, NaN or infinite",
        ),
        (
            "[*data[1:], float('inf')]",
            "predictions are numbers",
            "'y' holds values that are missing, NaN or infinite",
        ),
    ],
)
def test_degenerate_predictions_fail(predict: str, gate: str, why: str, ml: Path, tmp_path: Path) -> None:
    handler = BUNDLE["inference.py"].replace("[value + model for value in data]", predict)
    write_bundle(ml / "processing/input/bundle", inference=handler)
    assert failed(evaluate(ml, tmp_path))[gate] == why


def test_predictions_that_break_the_metrics_still_get_their_verdict(ml: Path, tmp_path: Path) -> None:
    handler = BUNDLE["inference.py"].replace("[value + model for value", "[float('nan') for value")
    strict = "def metrics(truth, predictions): raise ValueError('Input contains NaN')"
    write_bundle(ml / "processing/input/bundle", inference=handler, evaluate=strict)
    found = evaluate(ml, tmp_path)
    assert "predictions are numbers" in failed(found)
    assert failed(found)["error <= 0.6"] == "evaluate.py reported no error"
    assert (found["metrics"], found["scores"]) == ({}, None)


def test_metrics_that_raise_stop_the_job(ml: Path, tmp_path: Path) -> None:
    import job

    write_bundle(
        ml / "processing/input/bundle", evaluate="def metrics(truth, predictions): return truth['z']"
    )
    with pytest.raises(job.JobError, match=r"^measure\.py: KeyError: 'z'$"):
        evaluate(ml, tmp_path)


def test_a_slow_handler_and_a_large_archive_fail(ml: Path, tmp_path: Path) -> None:
    handler = (
        BUNDLE["inference.py"]
        .replace("import pathlib", "import pathlib, time")
        .replace("return [value + model", "time.sleep(0.02); return [value + model")
    )
    write_bundle(ml / "processing/input/bundle", inference=handler)
    write_weights(ml, 0.0, **{"big.bin": bytes(3 << 20)})
    write_gate(ml, latency={"p95_ms": 5}, archive_mb=2)
    found = evaluate(ml, tmp_path)
    assert list(failed(found)) == ["p95 of one row <= 5 ms", "archive <= 2 MB"]
    assert failed(found)["p95 of one row <= 5 ms"].endswith(" ms is above 5")
    assert failed(found)["archive <= 2 MB"] == "3 MB is above 2"
    assert found["archive"]["bytes"] > 3 << 20
    assert found["latency"]["p50_ms"] >= 20


def test_of_a_sealed_archive_only_the_weights_are_judged(ml: Path, tmp_path: Path) -> None:
    sealed = {"code/identity.json": b"{}", "code/inference.py": b"raise ValueError('old code')"}
    write_weights(ml, 0.0, **sealed)
    found = evaluate(ml, tmp_path)
    assert found["passed"]


def test_the_same_run_twice_finds_the_same_but_for_times(ml: Path, tmp_path: Path) -> None:
    write_champion(ml, 0.1)
    first, second = ({**evaluate(ml, tmp_path), "latency": None, "gates": None} for _ in range(2))
    assert first == second


def test_the_pictures_are_drawings_that_the_evaluation_names(ml: Path, tmp_path: Path) -> None:
    import job

    write_champion(ml, 0.1)
    found = evaluate(ml, tmp_path)
    plots = ml / "processing/output/evaluation/plots"
    assert found["plots"] == {path.name: job.digest(path) for path in plots.iterdir()}
    assert sorted(found["plots"]) == ["metrics.svg", "scores.svg"]
    words = " ".join(ET.parse(plots / "metrics.svg").getroot().itertext())  # noqa: S314 - written above
    assert "adder: 60 test rows, 95 % intervals" in words
    assert "champion" in words


def test_no_row_of_data_leaves_the_job(ml: Path, tmp_path: Path) -> None:
    write_rows(ml, [offset + 0.1234567 for offset in OFFSETS])
    rows = (ml / "processing/input/test/truth.csv").read_text().split()[1:]
    write_champion(ml, 0.1)
    evaluate(ml, tmp_path)
    written = [path.read_text() for path in (ml / "processing/output/evaluation").rglob("*.*")]
    long = [value for value in rows if len(value) > 6]
    assert long
    assert not [value for value in long for text in written if value in text]
