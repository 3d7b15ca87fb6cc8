"""Serve a sealed model: its own inference.py, and for each request one line of JSON in the endpoint's log.

The line says which model answered, how many rows, how long it took and the mean score of the last WINDOW
rows: never a row of data. A metric filter on the log group turns the scores into a metric, and an alarm
watches it. The mean of a window does not jump with a single request, however little traffic there is.
"""

import csv
import importlib
import io
import json
import math
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

CODE = Path(__file__).absolute().parent
if str(CODE) not in sys.path:
    sys.path.insert(0, str(CODE))

inference: Any = importlib.import_module("inference")  # the model's handler lies beside this file
IDENTITY = json.loads((CODE / "identity.json").read_text())
WHO = {"model": IDENTITY["model"], "fingerprint": IDENTITY["fingerprint"][:12]}
WINDOW = 50  # rows; mlops/alarms.py draws its band for the mean of so many
recent: deque[float] = deque(maxlen=WINDOW)
request = threading.local()

model_fn = inference.model_fn


def input_fn(body: Any, content_type: str) -> Any:
    """Read the request, and start its clock."""
    request.start = time.perf_counter()
    return inference.input_fn(body, content_type)


def predict_fn(data: Any, model: Any) -> Any:
    """Answer each row."""
    return inference.predict_fn(data, model)


def output_fn(prediction: Any, accept: str) -> Any:
    """Write the answer and the request's line."""
    answer = inference.output_fn(prediction, accept)
    taken = time.perf_counter() - request.start
    print(json.dumps({"mlops": describe(answer, taken)}), flush=True)  # noqa: T201
    return answer


def describe(answer: Any, seconds: float) -> dict[str, Any]:
    """Return the line's content; an answer in a form of the model's own has no rows or score to tell."""
    line: dict[str, Any] = {**WHO, "ms": round(1000 * seconds, 3)}
    try:
        body = answer[0] if isinstance(answer, tuple) else answer
        scores = read_scores(body.decode() if isinstance(body, bytes) else str(body))
    except (ValueError, LookupError, TypeError, AttributeError):
        return line
    line["rows"] = len(scores)
    recent.extend(score for score in scores if math.isfinite(score))
    window = list(recent)
    return {**line, "score": sum(window) / WINDOW} if scores and len(window) == WINDOW else line


def read_scores(body: str) -> list[float]:
    """Read the first numeric column of an answer, JSON predictions or CSV with a header row."""
    if body.lstrip()[:1] in ("{", "["):
        content = json.loads(body)
        rows = content["predictions"] if isinstance(content, dict) else content
        table = [list(row.values()) if isinstance(row, dict) else _cells(row) for row in rows]
    else:
        table = [row for row in csv.reader(io.StringIO(body)) if row][1:]
    place = next((place for place, cell in enumerate(table[0]) if _is_number(cell)), None)
    return [math.nan if place is None else float(row[place]) for row in table]


def _cells(row: Any) -> list[Any]:
    return row if isinstance(row, list) else [row]


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True
