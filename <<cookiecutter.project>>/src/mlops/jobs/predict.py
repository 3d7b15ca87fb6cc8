"""Answer a CSV file with a model's handler, in a process of its own, as an endpoint would.

python predict.py CODE_DIR MODEL_DIR FEATURES PREDICTIONS [LATENCY]

Rows go in requests of a size that clients send and endpoints take, never as one: a handler that only works
on the whole set (ranks its rows, say) is found out here. With LATENCY, single rows are timed too.
"""

import csv
import importlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import apart

CSV = "text/csv"
ROWS, BYTES = 500, 4_000_000  # of one request; InvokeEndpoint takes 6 MB
WARM_UP, TIMED, SECONDS = 3, 100, 2.0  # single rows: not timed, timed at most, no longer than

Ask = Callable[[str], str]
Row = list[str]


def main(code: str, model: str, features: str, predictions: str, latency: str = "") -> None:
    """Send the rows through the four functions of inference.py."""
    apart.enter(code)
    ask = asking(importlib.import_module("inference"), model)
    with Path(features).open(newline="") as lines, Path(predictions).open("w", newline="") as answers:
        reader = csv.reader(lines)
        header = next(reader)
        write_answers((ask(body) for body in requests(header, reader)), answers)
    if latency:
        with Path(features).open(newline="") as lines:
            rows = [row for row in islice(csv.reader(lines), 1, TIMED + 1) if row]
        Path(latency).write_text(json.dumps(time_rows(ask, header, rows)))


def asking(handler: Any, model: str) -> Ask:
    """Load the model; return what answers a request."""
    loaded = handler.model_fn(model)

    def ask(body: str) -> str:
        data = handler.input_fn(body.encode(), CSV)
        answer = handler.output_fn(handler.predict_fn(data, loaded), CSV)
        content = answer[0] if isinstance(answer, tuple) else answer
        return content.decode() if isinstance(content, bytes) else str(content)

    return ask


def requests(header: Row, rows: Iterator[Row]) -> Iterator[str]:
    """Cut the rows into bodies with a header line each."""
    body, count = [line(header)], 0
    for row in filter(None, rows):
        body.append(line(row))
        count += len(body[-1])
        if len(body) > ROWS or count > BYTES:
            yield "".join(body)
            body, count = body[:1], 0
    if len(body) > 1:
        yield "".join(body)


def line(row: Row) -> str:
    """Write one line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()


def write_answers(answers: Iterator[str], target: Any) -> None:
    """Join the answers under one header, which must be the same in each."""
    writer = csv.writer(target, lineterminator="\n")
    columns: Row = []
    for answer in answers:
        header, *rows = list(csv.reader(io.StringIO(answer))) or [[]]
        if not columns:
            columns = header
            writer.writerow(header)
        if header != columns:
            raise ValueError(f"answers differ in their columns: {columns} and then {header}")
        writer.writerows(filter(None, rows))


def time_rows(ask: Ask, header: Row, rows: list[Row]) -> dict[str, float]:
    """Ask for single rows, in process: what the handler itself takes, without network or server."""
    bodies = [line(header) + line(row) for row in rows]
    for body in bodies[:WARM_UP]:
        ask(body)
    taken: list[float] = []
    end = time.perf_counter() + SECONDS
    for body in islice(cycle_to(bodies, TIMED), TIMED):
        start = time.perf_counter()
        ask(body)
        taken.append(1000 * (time.perf_counter() - start))
        if time.perf_counter() > end:
            break
    return {"p50_ms": rank(taken, 0.5), "p95_ms": rank(taken, 0.95)}


def cycle_to(bodies: list[str], count: int) -> Iterator[str]:
    """Repeat the bodies until there are enough."""
    return (bodies[number % len(bodies)] for number in range(count))


def rank(values: list[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    ordered = sorted(values)
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 4)


if __name__ == "__main__":
    main(*sys.argv[1:])
