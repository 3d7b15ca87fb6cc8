"""Requests are read strictly, answers written exactly, and both without pandas."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tabular.wire import Table, accepted, read_table, write_answer


def test_a_csv_request_has_a_header_row() -> None:
    table = read_table(b"a,b\n1,2.5\n-3,1e-3\n", "text/csv; charset=utf-8")
    assert table == Table(("a", "b"), [[1.0, 2.5], [-3.0, 0.001]])


def test_a_json_request_has_instances() -> None:
    body = json.dumps({"instances": [{"a": 1, "b": 2.5}, {"b": 0, "a": "7"}]})
    assert read_table(body, "application/json") == Table(("a", "b"), [[1.0, 2.5], [7.0, 0.0]])


def test_spreadsheet_marks_and_windows_line_ends_are_understood() -> None:
    assert read_table(b"\xef\xbb\xbfa, b\r\n1,2\r\n\r\n", "text/csv") == Table(("a", "b"), [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (
            b"a\n1\n",
            "text/plain",
            "content type 'text/plain' is not supported; send text/csv or application/json",
        ),
        (b"", "text/csv", "the body is empty; its first line must be the column names"),
        (b"a,b\n", "text/csv", "the request has no rows"),
        (b"a,b\n1,2\n3\n", "text/csv", "row 2 has 1 values, the header has 2 columns"),
        (b"a,a\n1,2\n", "text/csv", "column 'a' stands in the header more than once"),
        (b"a,b\n1,\n", "text/csv", "row 1, column 'b': '' is not a number"),
        (b"a\nnan\n", "text/csv", "row 1, column 'a': 'nan' is not a finite number"),
        (b"a\n\xff\n", "text/csv", "the body is not UTF-8: byte 2 is 0xff"),
        (b"[1]", "application/json", "the body has no list of objects named 'instances'; a JSON body is"),
        (
            b'{"instances": [1]}',
            "application/json",
            "the body has no list of objects named 'instances'; a JSON",
        ),
        (b'{"instances": []}', "application/json", "the request has no rows"),
        (b'{"instances": [{"a": true}]}', "application/json", "row 1, column 'a': True is not a number"),
        (b'{"instances": [{"a": null}]}', "application/json", "row 1, column 'a': None is not a number"),
        (
            b'{"instances": [{"a": 1}, {"b": 1}]}',
            "application/json",
            "row 2 does not have the columns of row 1; they differ in a, b",
        ),
        (b'{"instances"', "application/json", "the body is not JSON (Expecting ':' delimiter"),
    ],
)
def test_a_bad_request_is_refused_saying_where(body: bytes, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_table(body, kind)
    assert str(caught.value).startswith(message)


def test_columns_may_come_in_any_order() -> None:
    assert Table(("b", "a"), [[2.0, 1.0]]).arranged(["a", "b"]) == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a", "b", "c"], "missing columns: c; this model takes a, b, c"),
        (["a"], "unknown columns: b; this model takes a"),
    ],
)
def test_other_columns_than_the_models_are_refused(columns: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Table(("a", "b"), [[1.0, 2.0]]).arranged(columns)
    assert str(caught.value) == message


def test_an_answer_loses_no_digit() -> None:
    value = 0.1 + 0.2
    lines = write_answer({"score": [value, 1.0], "yes": [0, 1]}, "text/csv").splitlines()
    assert lines == ["score,yes", f"{value!r},0", "1.0,1"]
    assert json.loads(write_answer({"score": [value]}, "*/*")) == {"predictions": [{"score": value}]}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/html, text/csv;q=0.9, */*;q=0.1", "text/csv"),
    ],
)
def test_the_first_format_that_the_client_accepts_is_chosen(accept: str, kind: str) -> None:
    assert accepted(accept) == kind


def test_a_format_nobody_writes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^accept 'image/png' is not supported; ask for text/csv or"):
        write_answer({"score": [1.0]}, "image/png")


def test_serving_imports_neither_pandas_nor_pandera() -> None:
    program = "import sys, tabular.wire; print({'pandas', 'pandera'} & set(sys.modules))"
    libs = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=libs, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
