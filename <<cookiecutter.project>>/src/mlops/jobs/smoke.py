"""One request that a deployment sends to see the endpoint answer: ordinary values, no row of the data."""

import csv
import io
import statistics
from collections.abc import Sequence
from pathlib import Path

CSV = "text/csv"


def request(features: Path) -> dict[str, str]:
    """A header and one row: the median of each column of numbers, the commonest value of any other."""
    with features.open(newline="") as lines:
        header, *rows = [row for row in csv.reader(lines) if row]
    ordinary = [most_ordinary(column) for column in zip(*rows, strict=True)]
    body = io.StringIO()
    csv.writer(body, lineterminator="\n").writerows([header, ordinary])
    return {"content_type": CSV, "body": body.getvalue()}


def most_ordinary(column: Sequence[str]) -> str:
    """A value that the column could well hold: an actual median, so that whole numbers stay whole."""
    present = [value for value in column if value != ""]
    try:
        return sorted(present, key=float)[(len(present) - 1) // 2] if present else ""
    except ValueError:
        return statistics.mode(present)
