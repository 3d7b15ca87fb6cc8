"""Find test rows that the model was trained on: the commonest leak, and invisible in every metric."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = "overlap.json"


def find(train: Path, features: Path) -> dict[str, Any]:
    """Count the test rows whose features also stand in a CSV file of the training side.

    `files` counts the training files that have all the columns of a request; with none nothing is known.
    """
    columns = header(features)
    files = [path for path in sorted(train.rglob("*.csv")) if set(columns) <= set(header(path))]
    trained = {mark for path in files for mark in marks(path, columns)}
    shared = sum(mark in trained for mark in marks(features, columns))
    return {"shared": shared, "files": len(files)}


def header(path: Path) -> list[str]:
    """Read the names of a table's columns."""
    with path.open(newline="", errors="replace") as lines:
        return next(csv.reader(lines), [])


def marks(path: Path, columns: list[str]) -> Iterator[bytes]:
    """Yield a short hash of each row, over these columns in this order."""
    with path.open(newline="", errors="replace") as lines:
        reader = csv.reader(lines)
        names = next(reader, [])
        places = [names.index(name) for name in columns]
        for row in reader:
            if row:
                cells = "\0".join(plain(row[place]) if place < len(row) else "" for place in places)
                yield hashlib.blake2b(cells.encode(), digest_size=12).digest()


def plain(cell: str) -> str:
    """Write a number in one way: a column of whole numbers on one side may have fractions on the other."""
    try:
        return repr(float(cell))
    except ValueError:
        return cell.strip()
