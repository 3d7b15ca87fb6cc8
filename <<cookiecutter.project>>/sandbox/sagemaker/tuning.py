"""The operations on hyperparameter tuning jobs."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError, invalid
from sandbox.sagemaker import networks, search
from sandbox.sagemaker.store import Record, Shelf, page, pick, select
from sandbox.sagemaker.training_checks import check
from sandbox.sagemaker.trials import Trials, job_request
from sandbox.world import Call, World, now

if TYPE_CHECKING:
    from sandbox.sagemaker.tags import Tags
    from sandbox.sagemaker.training import Training

log = logging.getLogger("sandbox")
NAME, STATUS = "HyperParameterTuningJobName", "HyperParameterTuningJobStatus"
UNSERVED = ("TrainingJobDefinitions", "WarmStartConfig", "Autotune")
UNSERVED_IN_DEFINITION = ("HyperParameterTuningResourceConfig", "TuningObjective", "HyperParameterRanges")
STRATEGIES = ("Bayesian", "Random", "Grid")
TOP = 50  # how many training jobs a pipeline's tuning step remembers


class Tuning:
    """Runs tuning jobs and remembers them."""

    def __init__(self, world: World, training: Training, tags: Tags) -> None:
        self._world = world
        self._training = training
        self._tags = tags
        self._trials: dict[str, Trials] = {}
        self._shelf = Shelf(
            lambda name: ServiceError(
                "ResourceNotFound", f"Amazon SageMaker can't find a tuning job with name {name}."
            ),
            lambda name: ServiceError(
                "ResourceInUse",
                "Hyper parameter tuning job names must be unique within an AWS account and region, and a "
                f"tuning job with this name already exists ({world.arn('hyper-parameter-tuning-job', name)})",
            ),
        )

    def create(self, call: Call) -> dict[str, Any]:
        params, moment = call.params, now()
        ranges = check_request(params)
        role = params["TrainingJobDefinition"]["RoleArn"]
        self._world.check_role(role)
        networks.require(self._world, role, params["TrainingJobDefinition"].get("VpcConfig"))
        name = params[NAME]
        arn = self._world.arn("hyper-parameter-tuning-job", name)
        config, definition = params["HyperParameterTuningJobConfig"], params["TrainingJobDefinition"]
        trials = Trials(name, arn, config, definition, self._training, ranges)
        self._shelf.add(
            name,
            {
                **pick(params, NAME, "HyperParameterTuningJobConfig", "TrainingJobDefinition"),
                "HyperParameterTuningJobArn": arn,
                STATUS: "InProgress",
                "CreationTime": moment,
                "LastModifiedTime": moment,
            },
        )
        self._tags.put(arn, params.get("Tags"))
        self._trials[name] = trials
        threading.Thread(target=self._run, args=(name, trials), name=name, daemon=True).start()
        return {"HyperParameterTuningJobArn": arn}

    def describe(self, call: Call) -> dict[str, Any]:
        return self._described(call.params[NAME])

    def _described(self, name: str) -> Record:
        job = self._shelf.get(name)
        best = self._trials[name].best_first()[:1]
        return {**job, **self._counters(name), **({"BestTrainingJob": best[0]} if best else {})}

    def _counters(self, name: str) -> Record:
        found = self._trials[name].summaries()
        jobs = Counter(summary["TrainingJobStatus"] for summary in found)
        objectives = Counter(summary["ObjectiveStatus"] for summary in found)
        return {
            "TrainingJobStatusCounters": {
                "Completed": jobs["Completed"],
                "InProgress": jobs["InProgress"] + jobs["Stopping"],
                "RetryableError": 0,
                "NonRetryableError": jobs["Failed"],
                "Stopped": jobs["Stopped"],
            },
            "ObjectiveStatusCounters": {
                status: objectives[status] for status in ("Succeeded", "Pending", "Failed")
            },
        }

    def list(self, call: Call) -> dict[str, Any]:
        def summary(job: Record) -> Record:
            config = job["HyperParameterTuningJobConfig"]
            return {
                **pick(job, NAME, "HyperParameterTuningJobArn", STATUS, "CreationTime", "LastModifiedTime"),
                **pick(job, "HyperParameterTuningEndTime"),
                **pick(config, "Strategy", "ResourceLimits"),
                **self._counters(job[NAME]),
            }

        found = select(self._shelf.all(), call.params, NAME, STATUS)
        return page(found, call.params, "HyperParameterTuningJobSummaries", summary)

    def list_training_jobs(self, call: Call) -> dict[str, Any]:
        params = call.params
        self._shelf.get(params[NAME])
        trials = self._trials[params[NAME]]
        if params.get("SortBy") == "FinalObjectiveMetricValue":
            found = trials.best_first()
            # Ascending is by value; what is best depends on the objective's direction
            if trials.maximise == (params.get("SortOrder", "Ascending") == "Ascending"):
                found.reverse()
            wanted = params.get("StatusEquals")
            chosen = [one for one in found if wanted in (None, one["TrainingJobStatus"])]
        else:
            chosen = select(trials.summaries(), params, "TrainingJobName", "TrainingJobStatus")
        return page(chosen, params, "TrainingJobSummaries", dict)

    def stop(self, call: Call) -> dict[str, Any]:
        name = call.params[NAME]
        status = self._shelf.get(name)[STATUS]
        if status not in ("InProgress", "Stopping"):
            raise invalid(f"The request was rejected because the tuning job is in status {status}.")
        self._shelf.update(name, **{STATUS: "Stopping"}, LastModifiedTime=now())
        self._trials[name].stop.set()
        return {}

    def wait(self, name: str) -> Record:
        """Wait for a job's end; its description, and its best training jobs, as a pipeline step has them."""
        self._trials[name].done.wait()
        return {**self._described(name), "TrainingJobSummaries": self._trials[name].best_first()[:TOP]}

    def _run(self, name: str, trials: Trials) -> None:
        try:
            reason = trials.run()
            status = "Stopped" if trials.stop.is_set() else "Failed" if reason else "Completed"
        except Exception as error:
            log.exception("tuning job %s", name)
            status, reason = "Failed", f"InternalServerError: sandbox fault: {error!r}"
        moment = now()
        members = {STATUS: status, **({"FailureReason": reason} if reason else {})}
        self._shelf.update(name, **members, HyperParameterTuningEndTime=moment, LastModifiedTime=moment)
        trials.done.set()


def check_request(params: Record) -> tuple[search.Range, ...]:
    """Refuse what this sandbox cannot honour, by name, and what AWS refuses; else the ranges."""
    for member in UNSERVED:
        if params.get(member):
            raise invalid(f"the sandbox does not serve {member}; see docs/sandbox.md")
    if "TrainingJobDefinition" not in params:
        raise invalid("a tuning job needs a TrainingJobDefinition")
    config, definition = params["HyperParameterTuningJobConfig"], params["TrainingJobDefinition"]
    for member in UNSERVED_IN_DEFINITION:
        if definition.get(member):
            raise invalid(f"the sandbox does not serve TrainingJobDefinition.{member}; see docs/sandbox.md")
    if "ResourceConfig" not in definition:
        raise invalid("TrainingJobDefinition needs a ResourceConfig")
    check_config(config, definition)
    ranges = search.read_ranges(config.get("ParameterRanges", {}))
    check_count(config, ranges)
    metric = config["HyperParameterTuningJobObjective"]["MetricName"]
    check(job_request(params[NAME], definition, {}, metric))
    return ranges


def check_config(config: Record, definition: Record) -> None:
    if config["Strategy"] not in STRATEGIES:
        raise invalid(
            f"the sandbox does not serve strategy {config['Strategy']!r}, only {', '.join(STRATEGIES)}; "
            "see docs/sandbox.md"
        )
    if config.get("TuningJobCompletionCriteria", {}).get("ConvergenceDetected"):
        raise invalid("the sandbox does not serve ConvergenceDetected; see docs/sandbox.md")
    objective = config.get("HyperParameterTuningJobObjective")
    defined = [entry["Name"] for entry in definition["AlgorithmSpecification"].get("MetricDefinitions", [])]
    if objective is None or objective["MetricName"] not in defined:
        found = objective and objective["MetricName"]
        raise invalid(
            "A metric is required for this hyperparameter tuning job objective. Provide a metric in the "
            f"metric definitions: {found!r} is none of {defined!r}."
        )


def check_count(config: Record, ranges: tuple[search.Range, ...]) -> None:
    """Apply the rules on the number of training jobs."""
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if config["Strategy"] != "Grid":
        if most is None:
            raise invalid(f"strategy {config['Strategy']!r} needs ResourceLimits.MaxNumberOfTrainingJobs")
        return
    size = len(search.grid(ranges))
    if most not in (None, size):
        raise invalid(
            f"MaxNumberOfTrainingJobs {most} must equal the number of combinations, {size}, with Grid"
        )
