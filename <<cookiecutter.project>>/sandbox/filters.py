"""Metric filters of CloudWatch Logs: what is printed becomes a metric, as it arrives."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError
from sandbox.metrics import Metric, sample
from sandbox.patterns import ABSENT, Pattern, read_pattern, select

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.metrics import Metrics
    from sandbox.world import Call

MOST_DIMENSIONS = 3
UNSERVED = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")


@dataclass(frozen=True)
class Filter:
    """One metric filter."""

    record: dict[str, Any]
    pattern: Pattern

    def apply(self, line: str) -> tuple[Metric, float, str] | None:
        """The metric and value that a line becomes; None when it does not match or has no number."""
        document = self.pattern.match(line)
        if document is None:
            return None
        made = self.record["metricTransformations"][0]
        value = _number(_read(document, made["metricValue"]))
        dimensions = {name: _read(document, path) for name, path in made.get("dimensions", {}).items()}
        if value is None or any(found is ABSENT for found in dimensions.values()):
            return None
        pairs = tuple(sorted((name, _text(found)) for name, found in dimensions.items()))
        return Metric(made["metricNamespace"], made["metricName"], pairs), value, made.get("unit", "None")


class Filters:
    """The metric filters of all log groups; `has_group` asks the service that keeps the logs."""

    def __init__(self, clock: Clock, metrics: Metrics, has_group: Callable[[str], bool]) -> None:
        self._clock = clock
        self._metrics = metrics
        self._has_group = has_group
        self._filters: dict[tuple[str, str], Filter] = {}
        self._lock = threading.Lock()
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "PutMetricFilter": self.put,
            "DescribeMetricFilters": self.describe,
            "DeleteMetricFilter": self.delete,
            "TestMetricFilter": self.test,
        }

    def put(self, call: Call) -> dict[str, Any]:
        params = call.params
        self._check_group(params["logGroupName"])
        for member in UNSERVED:
            if params.get(member):
                raise bad(f"the sandbox does not serve {member}; see docs/sandbox.md")
        made = params["metricTransformations"][0]
        dimensions = made.get("dimensions", {})
        if dimensions and "defaultValue" in made:
            raise bad("Invalid metric transformation: dimensions and defaultValue exclude each other.")
        if "defaultValue" in made:
            raise bad("the sandbox does not serve defaultValue; see docs/sandbox.md")
        if len(dimensions) > MOST_DIMENSIONS:
            raise bad(f"Invalid metric transformation: more than {MOST_DIMENSIONS} dimensions.")
        if not made["metricValue"].startswith("$") and _number(made["metricValue"]) is None:
            raise bad(f"Invalid metric transformation: metricValue {made['metricValue']!r} is no number.")
        record = {**params, "creationTime": int(self._clock.time() * 1000)}
        found = Filter(record, read_pattern(params["filterPattern"]))
        with self._lock:
            self._filters[params["logGroupName"], params["filterName"]] = found
        return {}

    def _check_group(self, group: str) -> None:
        if not self._has_group(group):
            raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")

    def describe(self, call: Call) -> dict[str, Any]:
        params = call.params
        if "logGroupName" in params:
            self._check_group(params["logGroupName"])
        wanted = {"metricName": params.get("metricName"), "metricNamespace": params.get("metricNamespace")}
        with self._lock:
            found = [each.record for _, each in sorted(self._filters.items())]
        chosen = [
            record
            for record in found
            if params.get("logGroupName") in (None, record["logGroupName"])
            and record["filterName"].startswith(params.get("filterNamePrefix", ""))
            and all(
                value in (None, record["metricTransformations"][0][name]) for name, value in wanted.items()
            )
        ]
        start, size = int(params.get("nextToken", "0")), params.get("limit", 50)
        rest = {"nextToken": str(start + size)} if start + size < len(chosen) else {}
        return {"metricFilters": chosen[start : start + size], **rest}

    def delete(self, call: Call) -> dict[str, Any]:
        params = call.params
        self._check_group(params["logGroupName"])
        with self._lock:
            if self._filters.pop((params["logGroupName"], params["filterName"]), None) is None:
                raise ServiceError("ResourceNotFoundException", "The specified metric filter does not exist.")
        return {}

    def test(self, call: Call) -> dict[str, Any]:
        pattern = read_pattern(call.params["filterPattern"])
        lines = enumerate(call.params["logEventMessages"], 1)
        found = [(number, line) for number, line in lines if pattern.match(line) is not None]
        return {
            "matches": [
                {"eventNumber": number, "eventMessage": line, "extractedValues": {}} for number, line in found
            ]
        }

    def observe(self, group: str, events: list[dict[str, Any]]) -> None:
        """Turn events that were just put into samples, at the time that they carry."""
        with self._lock:
            filters = [each for (name, _), each in self._filters.items() if name == group]
        for event in events if filters else ():
            for each in filters:
                if made := each.apply(event["message"]):
                    metric, value, unit = made
                    moment = self._clock.of_wall(event["timestamp"] / 1000)
                    self._metrics.add(metric, moment, sample(value, unit=unit))

    def forget(self, group: str) -> None:
        """A group that is deleted takes its filters along."""
        with self._lock:
            for key in [key for key in self._filters if key[0] == group]:
                del self._filters[key]


def _read(document: Any, text: str) -> Any:
    return select(document, text) if text.startswith("$") else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None


def bad(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)
