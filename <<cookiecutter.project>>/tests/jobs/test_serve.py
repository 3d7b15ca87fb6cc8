"""The sealed wrapper answers as the model's handler does, and tells the log how: never a row."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.jobs.layout import JOBS, write_files

HANDLER = """
import json
def model_fn(model_dir): return model_dir
def input_fn(body, content_type): return json.loads(body)
def predict_fn(data, model): return data
def output_fn(prediction, accept):
    answer = prediction["answer"]
    return answer if accept == "raw" else (answer, accept)
"""
ROW = 'name,probability,label\n"Ada, L.",0.25,1\n"Bob",0.75,0\n'


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The wrapper as it lies in an archive, imported as a container imports it."""
    identity = json.dumps({"model": "adder", "fingerprint": "f" * 64}).encode()
    wrapper = (JOBS / "serve.py").read_bytes()
    files = {"serve.py": wrapper, "inference.py": HANDLER.encode(), "identity.json": identity}
    write_files(tmp_path / "code", files)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    import serve as module

    yield module
    sys.modules.pop("inference")


def ask(serve: ModuleType, answer: str, accept: str = "raw") -> Any:
    data = serve.input_fn(json.dumps({"answer": answer}), "application/json")
    return serve.output_fn(serve.predict_fn(data, serve.model_fn("folder")), accept)


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    [line] = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    assert list(found) == ["mlops"]
    record: dict[str, Any] = found["mlops"]
    assert record.pop("ms") >= 0
    return record


WHO = {"model": "adder", "fingerprint": "f" * 12}


@pytest.mark.parametrize(
    ("answer", "scores"),
    [
        (ROW, [0.25, 0.75]),
        ("y\n3\n", [3.0]),
        ('{"predictions": [{"label": "a", "p": 0.5}, {"label": "b", "p": 1.0}]}', [0.5, 1.0]),
        ('{"predictions": [1, 2, 6]}', [1.0, 2.0, 6.0]),
        ("[[0.5, 9], [1.5, 9]]", [0.5, 1.5]),
    ],
)
def test_one_line_tells_the_rows_and_their_scores_are_kept(
    serve: ModuleType, capsys: pytest.CaptureFixture[str], answer: str, scores: list[float]
) -> None:
    assert ask(serve, answer) == answer
    assert logged(capsys) == {**WHO, "rows": len(scores)}
    assert list(serve.recent) == scores


def test_the_score_is_the_mean_of_a_full_window(
    serve: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in range(serve.WINDOW + 1):
        ask(serve, f'{{"predictions": [{value}]}}')
    lines = [json.loads(line)["mlops"] for line in capsys.readouterr().out.splitlines()]
    assert ["score" in line for line in lines] == [False] * (serve.WINDOW - 1) + [True, True]
    assert lines[-1]["score"] == sum(range(1, serve.WINDOW + 1)) / serve.WINDOW


def test_tool_and_wrapper_mean_the_same_window(serve: ModuleType) -> None:
    from mlops.alarms import WINDOW

    assert serve.WINDOW == WINDOW


def test_an_answer_with_its_content_type_is_passed_on(
    serve: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(serve, ROW, "text/csv") == (ROW, "text/csv")
    assert logged(capsys)["rows"] == 2


@pytest.mark.parametrize("answer", ["a\nb\n", '{"other": 1}', "", "x\nnan\n", '{"predictions": ["a"]}'])
def test_an_answer_without_score_is_answered_all_the_same(
    serve: ModuleType, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    assert ask(serve, answer) == answer
    found = logged(capsys)
    assert "score" not in found
    assert {**found, **WHO} == found


def test_no_value_of_a_row_is_logged(serve: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    ask(serve, ROW)
    said = capsys.readouterr().out
    assert not [value for value in ("Ada", "Bob", "0.25", "0.75") if value in said]


def test_a_request_that_fails_is_not_counted(serve: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        serve.input_fn("not json", "application/json")
    assert capsys.readouterr().out == ""
