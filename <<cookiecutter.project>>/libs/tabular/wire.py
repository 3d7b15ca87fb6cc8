"""Requests and answers for tables of numbers: CSV with a header row, or JSON instances.

Standard library only: an endpoint that answers one row should not pay for importing pandas.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CSV, JSON = "text/csv", "application/json"
INSTANCES = 'a JSON body is {"instances": [{"column": number, ...}, ...]}'


@dataclass(frozen=True)
class Table:
    """Rows of numbers with named columns, in the order they were sent."""

    columns: tuple[str, ...]
    rows: list[list[float]]

    def arranged(self, columns: Sequence[str]) -> list[list[float]]:
        """Return the rows in the order of `columns`, which must be exactly the columns that were sent."""
        if tuple(columns) == self.columns:
            return self.rows
        _refuse([name for name in columns if name not in self.columns], "missing", columns)
        _refuse([name for name in self.columns if name not in columns], "unknown", columns)
        places = [self.columns.index(name) for name in columns]
        return [[row[place] for place in places] for row in self.rows]


def read_table(body: str | bytes, content_type: str) -> Table:
    """Read a request; anything but a table of finite numbers raises ValueError saying where and why."""
    readers = {CSV: _read_csv, JSON: _read_json}
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in readers:
        raise ValueError(f"content type {content_type!r} is not supported; send {CSV} or {JSON}")
    table = readers[kind](_text(body))
    if not table.rows:
        raise ValueError("the request has no rows")
    return table


def write_answer(answer: Mapping[str, Sequence[float | int]], accept: str) -> str:
    """Write columns of equal length as CSV with a header row, or as JSON predictions."""
    rows = list(zip(*answer.values(), strict=True))
    if accepted(accept) == CSV:
        lines = [answer.keys(), *([repr(value) for value in row] for row in rows)]
        return "".join(",".join(line) + "\n" for line in lines)
    return json.dumps({"predictions": [dict(zip(answer, row, strict=True)) for row in rows]})


def accepted(accept: str) -> str:
    """Choose the first answer format that the client accepts; JSON when it does not mind."""
    for entry in (accept or "*/*").split(","):
        kind = entry.partition(";")[0].strip().lower()
        if kind in (CSV, JSON):
            return kind
        if kind in ("*/*", "application/*"):
            return JSON
    raise ValueError(f"accept {accept!r} is not supported; ask for {CSV} or {JSON}")


def _text(body: str | bytes) -> str:
    if isinstance(body, str):
        return body
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the body is not UTF-8: byte {error.start} is {body[error.start]:#x}") from None


def _read_csv(text: str) -> Table:
    lines = [line for line in csv.reader(io.StringIO(text)) if line]
    if not lines:
        raise ValueError("the body is empty; its first line must be the column names")
    columns = _columns(name.strip() for name in lines[0])
    rows = []
    for number, line in enumerate(lines[1:], start=1):
        if len(line) != len(columns):
            raise ValueError(f"row {number} has {len(line)} values, the header has {len(columns)} columns")
        rows.append([_number(value, number, name) for name, value in zip(columns, line, strict=True)])
    return Table(columns, rows)


def _read_json(text: str) -> Table:
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON ({error}); {INSTANCES}") from None
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list) or not all(isinstance(row, dict) for row in instances):
        raise ValueError(f"the body has no list of objects named 'instances'; {INSTANCES}")
    columns = tuple(instances[0]) if instances else ()
    return Table(columns, [_instance(row, number, columns) for number, row in enumerate(instances, start=1)])


def _instance(row: Mapping[str, Any], number: int, columns: tuple[str, ...]) -> list[float]:
    if row.keys() != set(columns):
        odd = sorted(row.keys() ^ set(columns))
        raise ValueError(f"row {number} does not have the columns of row 1; they differ in {', '.join(odd)}")
    return [_number(row[name], number, name) for name in columns]


def _columns(names: Iterable[str]) -> tuple[str, ...]:
    columns = tuple(names)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ValueError(f"column {twice[0]!r} stands in the header more than once")
    return columns


def _number(value: object, row: int, column: str) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"row {row}, column {column!r}: {value!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"row {row}, column {column!r}: {value!r} is not a finite number")
    return number


def _refuse(names: Sequence[str], what: str, columns: Sequence[str]) -> None:
    if names:
        raise ValueError(f"{what} columns: {', '.join(names)}; this model takes {', '.join(columns)}")
