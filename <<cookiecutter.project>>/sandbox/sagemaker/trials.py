"""One tuning job at work: which trials run, when it is over, what it found."""

from __future__ import annotations

import random
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.sagemaker import search
from sandbox.sagemaker.store import Record, pick

if TYPE_CHECKING:
    from sandbox.sagemaker.training import Training

LOOK = 0.05
FRUITLESS = 5  # after so many jobs without a success AWS gives up
OBJECTIVE = "_tuning_objective_metric"
DEFINED = (
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
    "VpcConfig",
)
NO_SUCCESS = (
    "No training job succeeded after {count} attempts. For additional details, please take a look at the "
    "training job failures by listing training jobs for the hyperparameter tuning job."
)
NO_OBJECTIVE = (
    "No objective metrics found after running {count} training jobs. Please ensure that the custom algorithm "
    "is emitting the objective metric as defined by the regular expression provided."
)


@dataclass(frozen=True)
class Trial:
    """One training job and the hyperparameters that it tries."""

    job: str
    point: search.Point
    tuned: dict[str, str]


@dataclass
class Trials:
    """The training jobs of one tuning job."""

    name: str
    arn: str
    config: Record
    definition: Record
    training: Training
    ranges: tuple[search.Range, ...]
    all: list[Trial] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.config.get("RandomSeed"))  # noqa: S311  # a search, not a secret
        self._grid = search.grid(self.ranges) if self.config["Strategy"] == "Grid" else []
        limits, objective = self.config["ResourceLimits"], self.config["HyperParameterTuningJobObjective"]
        self.metric, self.maximise = objective["MetricName"], objective["Type"] == "Maximize"
        self.most = limits.get("MaxNumberOfTrainingJobs") or len(self._grid)
        self._parallel = limits["MaxParallelTrainingJobs"]
        self._deadline = time.monotonic() + limits.get("MaxRuntimeInSeconds", float("inf"))
        self._criteria = self.config.get("TuningJobCompletionCriteria", {})

    def run(self) -> str | None:
        """Try until it is over; the reason of a failure."""
        try:
            self._search()
        finally:
            for trial in self.running():
                self._end(trial)
            for trial in self.all:
                self.training.wait(trial.job)
        return self._failure()

    def _search(self) -> None:
        while not self.is_over():
            while len(self.running()) < self._parallel and len(self.all) < self.most and not self.is_over():
                self._start()
            if self.config.get("TrainingJobEarlyStoppingType") == "Auto":
                self._stop_hopeless()
            self.stop.wait(LOOK)

    def is_over(self) -> bool:
        """Whether no trial is to be started, and those that run are no longer wanted."""
        ended = [trial for trial in self.all if self.training.is_over(trial.job)]
        fruitless = len(ended) >= FRUITLESS and (self._succeeded(ended) == 0 or not self.values())
        return (
            self.stop.is_set()
            or time.monotonic() > self._deadline
            or len(ended) == self.most
            or fruitless
            or self._is_good_enough()
        )

    def _is_good_enough(self) -> bool:
        values = list(self.values().values())
        best = self.better(values)
        target = self._criteria.get("TargetObjectiveMetricValue")
        if target is not None and best is not None and (best >= target if self.maximise else best <= target):
            return True
        patience = self._criteria.get("BestObjectiveNotImproving", {}).get(
            "MaxNumberOfTrainingJobsNotImproving"
        )
        return patience is not None and best is not None and len(values) - values.index(best) - 1 >= patience

    def better(self, values: list[float]) -> float | None:
        """The best of some objective values."""
        return (max if self.maximise else min)(values, default=None)

    def values(self) -> dict[str, float]:
        """The objective of each trial that completed with one."""
        found = ((trial, self.training.read(trial.job)["TrainingJobStatus"]) for trial in self.all)
        series = {
            trial.job: self.training.series(trial.job, self.metric)
            for trial, status in found
            if status == "Completed"
        }
        return {job: values[-1] for job, values in series.items() if values}

    def running(self) -> list[Trial]:
        return [trial for trial in self.all if not self.training.is_over(trial.job)]

    def _succeeded(self, trials: list[Trial]) -> int:
        return sum(self.training.read(trial.job)["TrainingJobStatus"] == "Completed" for trial in trials)

    def _start(self) -> None:
        point = self._next()
        job = f"{self.name}-{len(self.all) + 1:03d}-{secrets.token_hex(4)}"
        tuned = {entry.name: entry.value(point[entry.name]) for entry in self.ranges}
        self.training.begin(job_request(job, self.definition, tuned, self.metric), TuningJobArn=self.arn)
        self.all.append(Trial(job, point, tuned))

    def _next(self) -> search.Point:
        if self._grid:
            return self._grid[len(self.all)]
        if self.config["Strategy"] == "Random":
            return search.draw(self.ranges, self._chance)
        values, sign = self.values(), -1 if self.maximise else 1
        results = [(trial.point, sign * values[trial.job]) for trial in self.all if trial.job in values]
        return search.suggest(self.ranges, results, self._chance)

    def _stop_hopeless(self) -> None:
        series = {trial.job: self.training.series(trial.job, self.metric) for trial in self.all}
        for trial in self.running():
            others = [values for job, values in series.items() if job != trial.job]
            if search.is_hopeless(series[trial.job], others, self.maximise):
                self._end(trial)

    def _end(self, trial: Trial) -> None:
        if self.training.read(trial.job)["TrainingJobStatus"] == "InProgress":
            self.training.end(trial.job)

    def _failure(self) -> str | None:
        if self.stop.is_set() or self.values():
            return None
        text = NO_OBJECTIVE if self._succeeded(self.all) else NO_SUCCESS
        return text.format(count=len(self.all))

    def summaries(self) -> list[Record]:
        """The trials as SageMaker lists them, in the order in which they started."""
        return [self._summary(trial) for trial in list(self.all)]

    def best_first(self) -> list[Record]:
        """The trials that have an objective, the best one first."""
        values = self.values()
        found = [summary for summary in self.summaries() if summary["TrainingJobName"] in values]
        return sorted(found, key=lambda one: values[one["TrainingJobName"]], reverse=self.maximise)

    def _summary(self, trial: Trial) -> Record:
        job = self.training.read(trial.job)
        series, status = self.training.series(trial.job, self.metric), job["TrainingJobStatus"]
        over = self.training.is_over(trial.job)
        objective = {"Type": "Maximize" if self.maximise else "Minimize", "MetricName": self.metric}
        return {
            **pick(job, "TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime"),
            **pick(job, "TrainingEndTime", "TrainingJobStatus", "FailureReason"),
            **pick(self.definition, "DefinitionName"),
            "TunedHyperParameters": trial.tuned,
            "ObjectiveStatus": (
                "Pending" if not over else "Succeeded" if series and status != "Failed" else "Failed"
            ),
            **(
                {"FinalHyperParameterTuningJobObjectiveMetric": {**objective, "Value": series[-1]}}
                if over and series
                else {}
            ),
        }


def job_request(job: str, definition: Record, tuned: dict[str, str], metric: str) -> Record:
    """The training job of one trial; like AWS, it tells the script's toolkit which metric is tuned."""
    static = definition.get("StaticHyperParameters", {})
    request: dict[str, Any] = {
        **pick(definition, *DEFINED),
        "TrainingJobName": job,
        "AlgorithmSpecification": dict(definition["AlgorithmSpecification"]),
        "HyperParameters": {**static, **tuned, OBJECTIVE: metric},
    }
    return request
