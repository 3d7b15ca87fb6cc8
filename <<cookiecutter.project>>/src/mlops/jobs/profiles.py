"""Describe the columns that a model learns from: counts and cut points, out of which no row can be read.

Two of them are enough to say how far the inputs of two releases lie apart (mlops/psi.py). What looks like an
identifier and texts of many kinds are counted and never shown; nor is what fewer than FEWEST rows hold.
"""

import csv
import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import overlap

FILE = "profile.json"
FEWEST = 5  # rows that a value, or the end of a scale, must stand for
SHOWN = 20  # values of one column
DISTINCT, LONGEST = 50, 40  # texts of a column, and characters of one, beyond which it is prose
COLUMNS = 500
CELLS = 2_000_000  # of a larger table every n-th row is looked at: what is left bounds the memory
LEVELS = (0.01, *(level / 20 for level in range(1, 20)), 0.99)
MISSING = frozenset({"", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nat"})
SECRET = re.compile(
    "ids?|uuid|guid|key|hash|token|e?mail|phone|mobile|name|(first|last|sur|user)name|user|login|"
    "address|street|iban|ssn|passport|ip|url"
)


def describe(sides: Path) -> dict[str, Any]:
    """Count the rows of each side and describe the columns of a request as the training side holds them.

    A training side in another format than CSV leaves the test side, which is drawn from the same rows.
    """
    features = sides / "test/features.csv"
    columns = overlap.header(features)
    tables = {side: tables_of(sides / side, columns) for side in ("train", "validation")} | {
        "test": [features]
    }
    rows = {side: sum(map(count_rows, paths)) if paths else None for side, paths in tables.items()}
    side = "train" if rows["train"] else "test"
    step = max(1, math.ceil((rows[side] or 0) * len(columns) / CELLS))
    looked_at = [cells for path in tables[side] for cells in read(path, columns, step)]
    shown = columns[:COLUMNS]
    cells = list(zip(*looked_at, strict=True)) or [()] * len(columns)
    return {
        "rows": rows,
        "side": side,
        "profiled": len(looked_at),
        "columns": [column(name, cells[place]) for place, name in enumerate(shown)],
        "left_out": len(columns) - len(shown),
    }


def tables_of(folder: Path, columns: Sequence[str]) -> list[Path]:
    """List the CSV files that have every column of a request."""
    return [path for path in sorted(folder.rglob("*.csv")) if set(columns) <= set(overlap.header(path))]


def count_rows(path: Path) -> int:
    """Count the rows below a table's header."""
    with path.open(newline="", errors="replace") as lines:
        return max(sum(1 for row in csv.reader(lines) if row) - 1, 0)


def read(path: Path, columns: Sequence[str], step: int) -> Iterator[list[str]]:
    """Yield every `step`-th row, its cells in the order of `columns`."""
    with path.open(newline="", errors="replace") as lines:
        reader = csv.reader(lines)
        names = next(reader, [])
        places = [names.index(name) for name in columns]
        for row in islice(filter(None, reader), 0, None, step):
            yield [row[place].strip() if place < len(row) else "" for place in places]


def column(name: str, cells: Sequence[str]) -> dict[str, Any]:
    """Describe one column."""
    texts = [cell for cell in cells if cell.casefold() not in MISSING]
    numbers = read_numbers(texts)
    known: Sequence[Any] = texts if numbers is None else numbers
    kind = kind_of(name, texts, numbers)
    about: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "missing": round(1 - len(known) / len(cells), 6) if cells else 0.0,
        "distinct": len(set(known)),
    }
    if kind == "category" or (kind in ("integer", "number") and about["distinct"] <= SHOWN):
        return about | values(known)
    return about | (bins(sorted(numbers)) if numbers and kind in ("integer", "number") else {})


def read_numbers(texts: Sequence[str]) -> list[float] | None:
    """Read numbers, leaving out what is not finite; None where a text is no number."""
    try:
        return [number for number in map(float, texts) if math.isfinite(number)]
    except ValueError:
        return None


def kind_of(name: str, texts: Sequence[str], numbers: Sequence[float] | None) -> str:
    """Say in a word what a column holds."""
    if not texts:
        return "empty"
    if is_identifier(name, texts, numbers):
        return "identifier"
    if numbers is not None:
        return "integer" if all(map(float.is_integer, numbers)) else "number"
    few = len(set(texts)) <= DISTINCT and max(map(len, texts)) <= LONGEST
    return "category" if few else "text"


def is_identifier(name: str, texts: Sequence[str], numbers: Sequence[float] | None) -> bool:
    """Whether a name or values speak of one person or thing: whole numbers, another in every row."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower())
    if any(map(SECRET.fullmatch, words)):
        return True
    whole = bool(numbers) and all(map(float.is_integer, numbers or ()))
    return whole and len(texts) > SHOWN and len(set(numbers or ())) == len(texts)


def values(known: Sequence[Any]) -> dict[str, Any]:
    """Count the commonest values; `rest` is all others together."""
    counted = Counter(known)
    common = sorted(counted.items(), key=lambda entry: (-entry[1], str(entry[0])))[:SHOWN]
    shown = {plain(value): count for value, count in common if count >= FEWEST}
    return {"values": shown, "rest": len(known) - sum(shown.values())}


def plain(value: Any) -> str:
    """Write a value; a whole number without fraction."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def bins(ordered: Sequence[float]) -> dict[str, Any]:
    """Cut a scale into about twenty parts of equal weight; `counts` has one more entry than `edges`.

    A part ends at its edge, inclusive. Edges lie between values, except where many rows share one: such a
    value has a part of its own.
    """
    last = len(ordered) - FEWEST
    ranks = sorted({round(level * len(ordered)) for level in LEVELS})
    found = {edge for rank in ranks if FEWEST <= rank <= last for edge in edges_at(ordered, rank)}
    edges = sorted(found)
    below = [bisect_right(ordered, edge) for edge in edges]
    return {
        "edges": edges,
        "counts": [high - low for low, high in zip([0, *below], [*below, len(ordered)], strict=True)],
    }


def edges_at(ordered: Sequence[float], rank: int) -> list[float]:
    """Return the cut after the rank-th value, or the two around a value that many rows share."""
    value = ordered[rank - 1]
    start, end = bisect_left(ordered, value), bisect_right(ordered, value)
    if end - start >= FEWEST:
        return [math.nextafter(value, -math.inf), value] if start else [value]
    return [float(f"{value + (ordered[end] - value) / 2:.6g}")] if end < len(ordered) else []
