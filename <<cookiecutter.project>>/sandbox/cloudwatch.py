"""CloudWatch's metrics and alarms: what is here is served, everything else is refused by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError
from sandbox.metrics import (
    Metric,
    Sample,
    check_statistic,
    read_metric,
    sample,
    statistic,
)
from sandbox.queries import Queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.clock import Clock
    from sandbox.metrics import Metrics
    from sandbox.watch import Watch
    from sandbox.world import Call

MOST_DATAPOINTS = 1440


class CloudWatch:
    """Everything that answers to the signing name `monitoring`."""

    def __init__(self, clock: Clock, metrics: Metrics, watch: Watch) -> None:
        self._clock = clock
        self._metrics = metrics
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "PutMetricData": self.put_data,
            "ListMetrics": self.list_metrics,
            "GetMetricStatistics": self.statistics,
            "GetMetricData": self.data,
            "PutMetricAlarm": watch.put,
            "DescribeAlarms": watch.describe,
            "DescribeAlarmsForMetric": watch.describe_for_metric,
            "DescribeAlarmHistory": watch.history,
            "DisableAlarmActions": watch.mute,
            "EnableAlarmActions": watch.unmute,
            "DeleteAlarms": watch.delete,
            "TagResource": watch.tags.add,
            "UntagResource": watch.tags.delete,
            "ListTagsForResource": watch.tags.list,
        }

    def put_data(self, call: Call) -> dict[str, Any]:
        namespace = call.params["Namespace"]
        if namespace.startswith("AWS/"):
            raise bad("The value AWS/ for parameter Namespace is invalid.")
        if "EntityMetricData" in call.params:
            raise bad("the sandbox does not serve EntityMetricData; see docs/sandbox.md")
        found = [
            (read_metric(namespace, datum["MetricName"], datum.get("Dimensions")), self._moment(datum), each)
            for datum in call.params.get("MetricData", [])
            for each in _samples(datum)
        ]
        for metric, moment, each in found:
            self._metrics.add(metric, moment, each)
        return {}

    def _moment(self, datum: dict[str, Any]) -> float:
        given = datum.get("Timestamp")
        return self._clock.time() if given is None else float(given)

    def list_metrics(self, call: Call) -> dict[str, Any]:
        params = call.params
        wanted = {pair["Name"]: pair.get("Value") for pair in params.get("Dimensions", [])}
        found = [
            metric
            for metric in self._metrics.names()
            if params.get("Namespace") in (None, metric.namespace)
            and params.get("MetricName") in (None, metric.name)
            and all(
                dict(metric.dimensions).get(name) is not None
                and value in (None, dict(metric.dimensions)[name])
                for name, value in wanted.items()
            )
        ]
        start = int(params.get("NextToken", "0"))
        rest = {"NextToken": str(start + 500)} if start + 500 < len(found) else {}
        return {"Metrics": [metric.described() for metric in found[start : start + 500]], **rest}

    def statistics(self, call: Call) -> dict[str, Any]:
        params = call.params
        names, extended = params.get("Statistics", []), params.get("ExtendedStatistics", [])
        if bool(names) == bool(extended):
            raise bad("Exactly one of Statistics and ExtendedStatistics must be specified")
        for name in (*names, *extended):
            check_statistic(name)
        start, end, period = float(params["StartTime"]), float(params["EndTime"]), params["Period"]
        if start >= end:
            raise bad("The parameter StartTime must be less than the parameter EndTime.")
        begin = math.floor(start / period) * period
        if (end - begin) / period > MOST_DATAPOINTS:
            raise bad(f"You have requested more than {MOST_DATAPOINTS} datapoints: make Period longer")
        metric = read_metric(params["Namespace"], params["MetricName"], params.get("Dimensions"))
        points = self._points(metric, begin, end, params)
        return {"Label": metric.name, "Datapoints": points}

    def _points(self, metric: Metric, begin: float, end: float, params: dict[str, Any]) -> list[Any]:
        points, period = [], params["Period"]
        while begin < end:
            samples = self._metrics.between(metric, begin, min(begin + period, end), params.get("Unit"))
            values = {name: statistic(samples, name) for name in params.get("Statistics", [])}
            extended = {name: statistic(samples, name) for name in params.get("ExtendedStatistics", [])}
            if samples:
                more = {"ExtendedStatistics": extended} if extended else {}
                points.append({"Timestamp": begin, **values, **more, "Unit": samples[0].unit})
            begin += period
        return points

    def data(self, call: Call) -> dict[str, Any]:
        params = call.params
        queries = Queries(params["MetricDataQueries"])
        start, end, period = float(params["StartTime"]), float(params["EndTime"]), queries.period
        moments = [period * count for count in range(math.floor(start / period), math.ceil(end / period))]
        rows = [(moment, queries.values(self._metrics, moment, moment + period)) for moment in moments]
        if params.get("ScanBy") != "TimestampAscending":
            rows.reverse()
        return {"MetricDataResults": [_result(query, rows) for query in queries.returned], "Messages": []}


def _result(query: dict[str, Any], rows: Sequence[tuple[float, dict[str, float | None]]]) -> dict[str, Any]:
    found = [(moment, values[query["Id"]]) for moment, values in rows if values[query["Id"]] is not None]
    label = query.get("Label") or query.get("MetricStat", {}).get("Metric", {}).get("MetricName", query["Id"])
    return {
        "Id": query["Id"],
        "Label": label,
        "Timestamps": [moment for moment, _ in found],
        "Values": [value for _, value in found],
        "StatusCode": "Complete",
    }


def _samples(datum: dict[str, Any]) -> list[Sample]:
    """The samples of one datum: a value, values with counts, or a summary."""
    unit = datum.get("Unit", "None")
    given = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if len(given) != 1:
        raise bad("Exactly one of Value, Values and StatisticValues must be specified for each datum")
    if "StatisticValues" in datum:
        found = datum["StatisticValues"]
        return [Sample(found["SampleCount"], found["Sum"], found["Minimum"], found["Maximum"], unit)]
    values = datum.get("Values", [datum.get("Value")])
    counts = datum.get("Counts", [1.0] * len(values))
    if len(counts) != len(values):
        raise bad("The parameters Values and Counts must be of the same length")
    if not all(math.isfinite(float(value)) for value in values):
        raise bad("The value for parameter Value is not a finite number")
    return [sample(float(value), float(count), unit) for value, count in zip(values, counts, strict=True)]


def bad(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)
