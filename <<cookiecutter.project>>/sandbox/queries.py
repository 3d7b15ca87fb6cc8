"""MetricDataQueries of alarms and of GetMetricData: metrics and the expressions over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError
from sandbox.metricmath import Expression
from sandbox.metrics import check_statistic, read_metric, statistic

if TYPE_CHECKING:
    from sandbox.metrics import Metric, Metrics


class Queries:
    """Queries that share one period; the answer for a stretch of time is a value for each."""

    def __init__(self, queries: list[dict[str, Any]]) -> None:
        self._stats = {query["Id"]: query["MetricStat"] for query in queries if "MetricStat" in query}
        self._metrics = {name: _metric(stat["Metric"]) for name, stat in self._stats.items()}
        self._expressions = {
            query["Id"]: Expression(query["Expression"]) for query in queries if "Expression" in query
        }
        ids = [query["Id"] for query in queries]
        if len({*ids}) != len(ids) or len(self._stats) + len(self._expressions) != len(ids):
            raise invalid("Each query needs an Id of its own and either MetricStat or Expression")
        periods = {stat["Period"] for stat in self._stats.values()}
        if len(periods) != 1:
            raise invalid(f"The sandbox needs one period for all metrics of a request, not {sorted(periods)}")
        self.period: int = periods.pop()
        self.returned = [query for query in queries if query.get("ReturnData", True)]
        for stat in self._stats.values():
            check_statistic(stat["Stat"])
        self._order = self._sort()

    def _sort(self) -> list[str]:
        """The expressions, each behind those that it reads."""
        order: list[str] = []
        left = dict(self._expressions)
        while left:
            ready = [name for name, found in left.items() if found.names <= {*self._stats, *order}]
            if not ready:
                name, found = next(iter(left.items()))
                missing = sorted(found.names - {*self._stats, *order})
                raise invalid(f"Expression {found.text!r} of {name!r} reads {missing}, which no query gives")
            order += ready
            for name in ready:
                del left[name]
        return order

    def values(self, metrics: Metrics, start: float, end: float) -> dict[str, float | None]:
        """The value of each query over one stretch of time."""
        known: dict[str, float | None] = {}
        for name, stat in self._stats.items():
            found = metrics.between(self._metrics[name], start, end, stat.get("Unit"))
            known[name] = statistic(found, stat["Stat"])
        for name in self._order:
            known[name] = self._expressions[name].value(known)
        return known

    def has_samples(self, metrics: Metrics, start: float) -> bool:
        """Whether a metric of them has samples since a moment."""
        return any(metrics.newest(metric) >= start for metric in self._metrics.values())


def _metric(named: dict[str, Any]) -> Metric:
    return read_metric(named["Namespace"], named["MetricName"], named.get("Dimensions"))


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)
