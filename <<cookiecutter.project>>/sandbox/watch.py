"""Alarms and the thread that evaluates them: each minute of sandbox time, over a sliding window."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from sandbox.alarms import COMPARISONS, EXTRA_POINTS, MISSING, Rule, State, Verdict, judge
from sandbox.errors import ServiceError
from sandbox.queries import Queries
from sandbox.sagemaker.tags import Tags

if TYPE_CHECKING:
    from sandbox.clock import Clock
    from sandbox.metrics import Metrics
    from sandbox.world import Call

log = logging.getLogger("sandbox")
EVERY_SECONDS = 60
FAST_PERIODS = (10, 20, 30)
MOST_OVERDUE = 20
LONGEST_RANGE = 86_400
UNSERVED = ("EvaluationCriteria", "EvaluationInterval", "WarmUpConfiguration", "ThresholdMetricId")
DESCRIBED_BY = ("MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic")


class Alarm:
    """One alarm: its configuration, its state, and how it came to it."""

    def __init__(self, arn: str, params: dict[str, Any], moment: float) -> None:
        self.queries = Queries(_queries(params))
        self.rule = _rule(params)
        self.watched = self.queries.returned[0]["Id"]
        self.state: State = "INSUFFICIENT_DATA"
        self._silent: State | None = None  # where it stays while nothing is measured
        defaults = {
            "ActionsEnabled": True,
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
        }
        kept = {key: value for key, value in params.items() if key != "Tags"}
        if "Metrics" not in params:
            kept.setdefault("Dimensions", [])
        self.record: dict[str, Any] = {**defaults, **kept, "AlarmArn": arn}
        self.record["AlarmConfigurationUpdatedTimestamp"] = moment
        self.moved("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", moment)

    def moved(self, state: State, reason: str, moment: float) -> None:
        self.state = state
        self.record.update(
            StateValue=state,
            StateReason=reason,
            StateUpdatedTimestamp=moment,
            StateTransitionedTimestamp=moment,
        )

    def points(self, metrics: Metrics, end: float) -> list[float | None]:
        """The data points of the evaluation range, newest last."""
        period = self.queries.period
        starts = [end - period * back for back in range(self._count, 0, -1)]
        return [self.queries.values(metrics, start, start + period)[self.watched] for start in starts]

    def verdict(self, metrics: Metrics, end: float) -> Verdict | None:
        """Judge the evaluation range; None where it is empty as it was, and so is the verdict."""
        silent = not self.queries.has_samples(metrics, end - self.queries.period * self._count)
        if silent and self._silent == self.state:
            return None
        verdict = judge(self.rule, self.points(metrics, end), self.state)
        self._silent = verdict.state if silent else None
        return verdict

    @property
    def _count(self) -> int:
        return self.rule.periods + EXTRA_POINTS


class Watch:
    """All alarms."""

    def __init__(self, clock: Clock, metrics: Metrics, place: str) -> None:
        self._clock = clock
        self._metrics = metrics
        self._place = place
        self._alarms: dict[str, Alarm] = {}
        self._history: list[dict[str, Any]] = []
        self._lock = threading.RLock()
        self.tags = ArnTags()
        threading.Thread(target=self._run, name="alarms", daemon=True).start()

    def _run(self) -> None:
        done = math.floor(self._clock.time() / EVERY_SECONDS) * EVERY_SECONDS
        while True:
            with self._lock:
                fast = any(alarm.queries.period in FAST_PERIODS for alarm in self._alarms.values())
            every = FAST_PERIODS[0] if fast else EVERY_SECONDS
            end = math.floor(self._clock.time() / every) * every
            # a busy machine may skip minutes of a fast clock; an alarm may not
            first = max(done + every, end - MOST_OVERDUE * every)
            for moment in range(int(first), int(end) + 1, every):
                try:
                    self.evaluate(moment)
                except Exception:
                    log.exception("alarms")
            done = max(done, end)
            time.sleep(max(0.002, min(1.0, self._clock.real(end + every - self._clock.time()))))

    def evaluate(self, end: float) -> None:
        """Judge each alarm whose turn it is at this moment."""
        with self._lock:
            alarms = dict(self._alarms)
        for name, alarm in alarms.items():
            if end % EVERY_SECONDS and alarm.queries.period not in FAST_PERIODS:
                continue
            verdict = alarm.verdict(self._metrics, end)
            if verdict is None or verdict.state == alarm.state:
                continue
            with self._lock:
                if self._alarms.get(name) is alarm:
                    self._move(name, alarm, verdict.state, verdict.reason)

    def _move(self, name: str, alarm: Alarm, state: State, reason: str) -> None:
        said = f"Alarm updated from {alarm.state} to {state}"
        data = {
            "oldState": {"stateValue": alarm.state, "stateReason": alarm.record["StateReason"]},
            "newState": {"stateValue": state, "stateReason": reason},
        }
        alarm.moved(state, reason, self._clock.time())
        self._note(name, "StateUpdate", said, data)

    def _note(self, name: str, kind: str, said: str, data: dict[str, Any]) -> None:
        item = {
            "AlarmName": name,
            "AlarmType": "MetricAlarm",
            "Timestamp": self._clock.time(),
            "HistoryItemType": kind,
            "HistorySummary": said,
            "HistoryData": json.dumps({"version": "1.0", **data}),
        }
        self._history.append(item)

    def put(self, call: Call) -> dict[str, Any]:
        params, name = call.params, call.params["AlarmName"]
        arn = f"{self._place}:alarm:{name}"
        alarm = Alarm(arn, params, self._clock.time())
        with self._lock:
            old = self._alarms.get(name)
            if old:  # the state outlives a change of the configuration
                reason = old.record["StateReason"]
                alarm.moved(old.state, reason, old.record["StateTransitionedTimestamp"])
            else:
                self.tags.put(arn, params.get("Tags"))
            self._alarms[name] = alarm
            act = "updated" if old else "created"
            self._note(name, "ConfigurationUpdate", f'Alarm "{name}" {act}', {"type": act.capitalize()})
        return {}

    def tripped(self, names: list[str]) -> list[tuple[str, str]]:
        """Which of these alarms are in ALARM, and why."""
        with self._lock:
            found = [(name, self._alarms.get(name)) for name in names]
            return [
                (name, str(alarm.record["StateReason"]))
                for name, alarm in found
                if alarm and alarm.state == "ALARM"
            ]

    def unknown(self, names: list[str]) -> list[str]:
        with self._lock:
            return [name for name in names if name not in self._alarms]

    def describe(self, call: Call) -> dict[str, Any]:
        params = call.params
        for member in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if member in params:
                raise bad(f"the sandbox has no composite alarms: {member}; see docs/sandbox.md")
        if "AlarmNames" in params and "AlarmNamePrefix" in params:
            raise bad("AlarmNames and AlarmNamePrefix cannot both be specified")
        wanted = params.get("AlarmNames")
        with self._lock:
            found = [
                dict(alarm.record)
                for name, alarm in sorted(self._alarms.items())
                if (wanted is None or name in wanted)
                and name.startswith(params.get("AlarmNamePrefix", ""))
                and params.get("StateValue") in (None, alarm.state)
                and any(
                    action.startswith(params.get("ActionPrefix", ""))
                    for action in [
                        *alarm.record["AlarmActions"],
                        *([""] if "ActionPrefix" not in params else []),
                    ]
                )
            ]
        if "AlarmTypes" in params and "MetricAlarm" not in params["AlarmTypes"]:
            found = []
        return {"CompositeAlarms": [], **_page(found, params, "MetricAlarms")}

    def describe_for_metric(self, call: Call) -> dict[str, Any]:
        params = call.params
        key = sorted((pair["Name"], pair["Value"]) for pair in params.get("Dimensions", []))
        with self._lock:
            found = [
                dict(alarm.record)
                for alarm in self._alarms.values()
                if (alarm.record.get("Namespace"), alarm.record.get("MetricName"))
                == (params["Namespace"], params["MetricName"])
                and sorted((pair["Name"], pair["Value"]) for pair in alarm.record["Dimensions"]) == key
            ]
        return {"MetricAlarms": found}

    def history(self, call: Call) -> dict[str, Any]:
        params = call.params
        with self._lock:
            found = [
                item
                for item in self._history
                if params.get("AlarmName") in (None, item["AlarmName"])
                and params.get("HistoryItemType") in (None, item["HistoryItemType"])
                and float(params.get("StartDate", 0)) <= item["Timestamp"]
                and item["Timestamp"] <= float(params.get("EndDate", math.inf))
            ]
        if params.get("ScanBy") != "TimestampAscending":
            found.reverse()
        return _page(found, params, "AlarmHistoryItems")

    def mute(self, call: Call) -> dict[str, Any]:
        return self._set_actions(call, False)

    def unmute(self, call: Call) -> dict[str, Any]:
        return self._set_actions(call, True)

    def _set_actions(self, call: Call, enabled: bool) -> dict[str, Any]:
        with self._lock:
            if missing := self.unknown(call.params["AlarmNames"]):
                raise ServiceError("ResourceNotFound", f"Unknown alarms: {', '.join(missing)}", 404)
            for name in call.params["AlarmNames"]:
                self._alarms[name].record["ActionsEnabled"] = enabled
        return {}

    def delete(self, call: Call) -> dict[str, Any]:
        names = call.params["AlarmNames"]
        with self._lock:
            if missing := self.unknown(names):
                raise ServiceError("ResourceNotFound", f"Unknown alarms: {', '.join(missing)}", 404)
            for name in names:
                del self._alarms[name]
        return {}


class ArnTags(Tags):
    """Tags under the member names that CloudWatch gives them."""

    def add(self, call: Call) -> dict[str, Any]:
        self.put(call.params["ResourceARN"], call.params["Tags"])
        return {}

    def delete(self, call: Call) -> dict[str, Any]:
        for key in call.params["TagKeys"]:
            self._tags.get(call.params["ResourceARN"], {}).pop(key, None)
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        return {"Tags": self.read(call.params["ResourceARN"])}


def _queries(params: dict[str, Any]) -> list[dict[str, Any]]:
    """What an alarm watches, as queries of which one returns data."""
    for member in UNSERVED:
        if member in params:
            raise bad(f"the sandbox does not serve {member}; see docs/sandbox.md")
    if "WallClockWindow" in params.get("EvaluationWindow", {}):
        raise bad("the sandbox does not serve WallClockWindow; see docs/sandbox.md")
    if "Metrics" in params:
        if given := [member for member in DESCRIBED_BY if member in params]:
            raise bad(f"{', '.join(given)} must not be specified together with Metrics")
        returned = [query for query in params["Metrics"] if query.get("ReturnData", True)]
        if len(returned) != 1:
            raise bad("Exactly one element of the metrics list should return data.")
        return list(params["Metrics"])
    for member in ("MetricName", "Namespace", "Period"):
        if member not in params:
            raise bad(f"The parameter {member} must be specified for an alarm on one metric")
    if ("Statistic" in params) == ("ExtendedStatistic" in params):
        raise bad("Exactly one of Statistic and ExtendedStatistic must be specified")
    metric = {key: params[key] for key in ("Namespace", "MetricName", "Dimensions") if key in params}
    stat = {"Metric": metric, "Period": params["Period"]}
    stat["Stat"] = params.get("Statistic") or params["ExtendedStatistic"]
    unit = {"Unit": params["Unit"]} if "Unit" in params else {}
    return [{"Id": "m1", "MetricStat": {**stat, **unit}}]


def _rule(params: dict[str, Any]) -> Rule:
    for member in ("EvaluationPeriods", "Threshold", "ComparisonOperator"):
        if member not in params:
            raise bad(f"The parameter {member} must be specified")
    comparison, missing = params["ComparisonOperator"], params.get("TreatMissingData", "missing")
    if comparison not in COMPARISONS:
        raise bad(f"the sandbox does not serve {comparison} (anomaly detection); see docs/sandbox.md")
    if missing not in MISSING:
        raise bad(f"TreatMissingData must be one of {', '.join(MISSING)}, not {missing!r}")
    if params.get("EvaluateLowSampleCountPercentile", "evaluate") != "evaluate":
        raise bad("the sandbox does not serve EvaluateLowSampleCountPercentile 'ignore'")
    periods = params["EvaluationPeriods"]
    needed = params.get("DatapointsToAlarm", periods)
    if not 1 <= needed <= periods:
        raise bad(f"DatapointsToAlarm must be between 1 and EvaluationPeriods ({periods}), not {needed}")
    lengths = [
        params.get("Period"),
        *(q.get("MetricStat", {}).get("Period") for q in params.get("Metrics", [])),
    ]
    for period in (length for length in lengths if length is not None):
        if period not in FAST_PERIODS and (period < EVERY_SECONDS or period % EVERY_SECONDS):
            raise bad(f"Period must be 10, 20, 30 or a multiple of 60, not {period}")
        if period < 3600 and period * periods > LONGEST_RANGE:
            raise bad(f"Metrics cannot be checked across more than a day: {periods} periods of {period} s")
    return Rule(periods, needed, comparison, float(params["Threshold"]), missing)


def _page(found: list[dict[str, Any]], params: dict[str, Any], member: str) -> dict[str, Any]:
    start, size = int(params.get("NextToken", "0")), params.get("MaxRecords", 50)
    rest = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return {member: found[start : start + size], **rest}


def bad(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)
