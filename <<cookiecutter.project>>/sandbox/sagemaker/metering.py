"""Metrics of training jobs: found in the log by regular expression, sent to CloudWatch as they appear."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.errors import invalid
from sandbox.logs import Tail

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.sagemaker.store import Record

log = logging.getLogger("sandbox")
NAMESPACE = "/aws/sagemaker/TrainingJobs"
BATCH = 1000


class Meter:
    """The metrics of one job; `series` holds every value in the order in which the job printed it."""

    def __init__(
        self, job: str, definitions: list[dict[str, str]], cloudwatch: Callable[[], Any], clock: Clock
    ) -> None:
        self.series: dict[str, list[tuple[datetime, float]]] = {}
        self._dimensions = [{"Name": "TrainingJobName", "Value": job}]
        self._patterns = {entry["Name"]: re.compile(entry["Regex"]) for entry in definitions}
        self._cloudwatch = cloudwatch
        self._clock = clock
        self._tail: Tail | None = None

    def watch(self, source: Path) -> None:
        """Say which log to read."""
        self._tail = Tail(source)

    def ship(self, last: bool = False) -> None:
        """Read what the job has printed since, and send what was found."""
        if not self._patterns or self._tail is None:
            return
        found = [
            (name, value)
            for line in self._tail.lines(last)
            for name, pattern in self._patterns.items()
            for value in values(pattern, line)
        ]
        moment = self._clock.now()
        for name, value in found:
            self.series.setdefault(name, []).append((moment, value))
        for start in range(0, len(found), BATCH):
            self._send(found[start : start + BATCH], moment)

    def final(self) -> list[Record]:
        """The last value of each metric."""
        return [
            {"MetricName": name, "Value": series[-1][1], "Timestamp": series[-1][0]}
            for name, series in self.series.items()
        ]

    def _send(self, found: list[tuple[str, float]], moment: datetime) -> None:
        data = [
            {"MetricName": name, "Dimensions": self._dimensions, "Timestamp": moment, "Value": value}
            for name, value in found
        ]
        try:
            self._cloudwatch().put_metric_data(Namespace=NAMESPACE, MetricData=data)
        except (ClientError, BotoCoreError) as error:
            # as on AWS: a role without cloudwatch:PutMetricData loses the graph, not the job
            log.warning("metrics of %s: %s", self._dimensions[0]["Value"], error)


def values(pattern: re.Pattern[str], line: str) -> list[float]:
    """The numbers that a metric's expression finds in one line: its first group, else the whole match."""
    texts = [match[1] if pattern.groups else match[0] for match in pattern.finditer(line)]
    return [float(text) for text in texts if text and is_number(text)]


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_definitions(definitions: list[dict[str, str]]) -> None:
    """Refuse an expression that does not compile, before anything runs."""
    for entry in definitions:
        try:
            re.compile(entry["Regex"])
        except re.error as error:
            raise invalid(
                f"metric {entry['Name']!r}: {entry['Regex']!r} is not an expression: {error}"
            ) from None
