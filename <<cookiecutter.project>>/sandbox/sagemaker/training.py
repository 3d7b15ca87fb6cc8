"""Training jobs: channels in, /opt/ml/model out as model.tar.gz."""

from __future__ import annotations

import functools
import logging
import tarfile
import threading
from typing import TYPE_CHECKING, Any

from sandbox import disk, objects
from sandbox.errors import ServiceError, invalid
from sandbox.sagemaker import jobs, networks, toolkit
from sandbox.sagemaker.metering import Meter
from sandbox.sagemaker.store import Record, Shelf, page, pick, select
from sandbox.sagemaker.training_checks import check
from sandbox.world import Call, World, now

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.sagemaker.tags import Tags

log = logging.getLogger("sandbox")
KEPT = [
    "TrainingJobName",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "VpcConfig",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "ExperimentConfig",
    "Environment",
    "RetryStrategy",
    "ProfilerConfig",
    "DebugHookConfig",
    "RemoteDebugConfig",
]
SUMMARY = [
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
]


class Training:
    """Runs training jobs and remembers them."""

    def __init__(self, world: World, tags: Tags) -> None:
        self._world = world
        self._tags = tags
        self._controls: dict[str, jobs.Control] = {}
        self._meters: dict[str, Meter] = {}
        self._shelf = Shelf(
            lambda name: invalid("Requested resource not found."),
            lambda name: ServiceError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with "
                f"this name already exists ({world.arn('training-job', name)})",
            ),
        )

    def create(self, call: Call) -> dict[str, Any]:
        return {"TrainingJobArn": self.begin(call.params)}

    def begin(self, params: Record, **members: Any) -> str:
        """Check a job and start it; `members` are what only a service that starts jobs can say of one."""
        check(params)
        self._world.check_role(params["RoleArn"])
        networks.require(self._world, params["RoleArn"], params.get("VpcConfig"))
        name, moment = params["TrainingJobName"], now()
        arn = self._world.arn("training-job", name)
        control = jobs.Control()
        self._shelf.add(
            name,
            {
                **pick(params, *KEPT),
                "TrainingJobArn": arn,
                "TrainingJobStatus": "InProgress",
                "SecondaryStatus": "Starting",
                "SecondaryStatusTransitions": [_transition("Starting")],
                "CreationTime": moment,
                "LastModifiedTime": moment,
                **members,
            },
        )
        self._tags.put(arn, params.get("Tags"))
        self._controls[name] = control
        self._meters[name] = self._meter(params)
        threading.Thread(target=self._run, args=(name, params, control), name=name, daemon=True).start()
        return arn

    def _meter(self, params: Record) -> Meter:
        def cloudwatch() -> Any:
            keys = self._world.assume(params["RoleArn"])
            return self._world.client("cloudwatch", keys)

        definitions = params["AlgorithmSpecification"].get("MetricDefinitions", [])
        return Meter(params["TrainingJobName"], definitions, functools.cache(cloudwatch), self._world.clock)

    def describe(self, call: Call) -> dict[str, Any]:
        return self._shelf.get(call.params["TrainingJobName"])

    def list(self, call: Call) -> dict[str, Any]:
        found = select(self._shelf.all(), call.params, "TrainingJobName", "TrainingJobStatus")
        return page(found, call.params, "TrainingJobSummaries", lambda job: pick(job, *SUMMARY))

    def stop(self, call: Call) -> dict[str, Any]:
        self.end(call.params["TrainingJobName"])
        return {}

    def end(self, name: str) -> None:
        """Ask a running job to stop."""
        job = self._shelf.get(name)
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            raise invalid(
                f"The request was rejected because the training job is in status {job['TrainingJobStatus']}."
            )
        self._enter(name, "Stopping", TrainingJobStatus="Stopping")
        self._controls[name].stop.set()

    def read(self, name: str) -> Record:
        return self._shelf.get(name)

    def series(self, name: str, metric: str) -> tuple[float, ...]:
        """The values of a metric that a job has printed so far."""
        return tuple(value for _, value in self._meters[name].series.get(metric, []))

    def is_over(self, name: str) -> bool:
        return self._controls[name].done.is_set()

    def wait(self, name: str) -> Record:
        """Wait for a job's end and read it."""
        self._controls[name].done.wait()
        return self._shelf.get(name)

    def _run(self, name: str, params: Record, control: jobs.Control) -> None:
        try:
            with disk.volume(jobs.home(self._world, "training", name)):
                last = self._follow(name, params, control)
        except Exception as error:
            log.exception("training job %s", name)
            last = {"TrainingJobStatus": "Failed", "FailureReason": jobs.reason_of(error)}
        ended = {"TrainingEndTime": now(), **last}
        secondary = ended.pop("SecondaryStatus", ended["TrainingJobStatus"])
        started = self._shelf.get(name).get("TrainingStartTime", ended["TrainingEndTime"])
        seconds = max(1, round((ended["TrainingEndTime"] - started).total_seconds()))
        self._enter(name, secondary, **ended, TrainingTimeInSeconds=seconds, BillableTimeInSeconds=seconds)
        control.done.set()

    def _follow(self, name: str, params: Record, control: jobs.Control) -> Record:
        jobs.check_capacity(self._world, params["ResourceConfig"].get("InstanceType", ""))
        site = jobs.Site(self._world, self._work(name, params))
        meter = self._meters[name]
        meter.watch(site.log)
        self._enter(name, "Downloading")
        site.write_config()
        site.bring_inputs()
        self._enter(name, "Training", TrainingStartTime=now())
        ended = site.run(control, meter)
        last = verdict(ended, site.text(site.ml / "output/failure"))
        last["FinalMetricDataList"] = meter.final() or None
        if last["TrainingJobStatus"] != "Failed":
            self._enter(name, "Uploading")
            last["ModelArtifacts"] = {"S3ModelArtifacts": upload(site, params["OutputDataConfig"], name)}
        return last

    def _work(self, name: str, params: Record) -> jobs.Work:
        algorithm, channels = params["AlgorithmSpecification"], params.get("InputDataConfig", [])
        instance = params["ResourceConfig"].get("InstanceType", "")
        mode = algorithm.get("TrainingInputMode", "File")
        return jobs.Work(
            kind="training",
            name=name,
            image=algorithm["TrainingImage"],
            role=params["RoleArn"],
            arguments=(
                *algorithm.get("ContainerEntrypoint", toolkit.COMMAND),
                *algorithm.get("ContainerArguments", []),
            ),
            environment={
                "TRAINING_JOB_NAME": name,
                "TRAINING_JOB_ARN": self._world.arn("training-job", name),
                **params.get("Environment", {}),
            },
            inputs={
                **{f"input/data/{channel['ChannelName']}": source(channel, mode) for channel in channels},
                **toolkit.inputs(params),
            },
            seconds=params.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400),
            log_group="/aws/sagemaker/TrainingJobs",
            instance=instance,
            config={
                "input/config/hyperparameters.json": params.get("HyperParameters", {}),
                "input/config/resourceconfig.json": jobs.resource_config(instance),
                "input/config/inputdataconfig.json": {
                    channel["ChannelName"]: {**CHANNEL, "TrainingInputMode": source(channel, mode).mode}
                    for channel in channels
                },
            },
            vpc=params.get("VpcConfig"),
        )

    def _enter(self, name: str, secondary: str, **members: Any) -> None:
        with self._shelf.lock:
            job = self._shelf.get(name)
            *before, current = job["SecondaryStatusTransitions"]
            if current["Status"] != secondary:
                before, current = [*before, {**current, "EndTime": now()}], _transition(secondary)
            self._shelf.update(
                name,
                SecondaryStatus=secondary,
                SecondaryStatusTransitions=[*before, current],
                LastModifiedTime=now(),
                **members,
            )


CHANNEL = {"S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}


def _transition(status: str) -> Record:
    return {"Status": status, "StartTime": now(), "StatusMessage": MESSAGES.get(status, status)}


MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "MaxRuntimeExceeded": "Training job ran longer than MaxRuntimeInSeconds",
}


def source(channel: Record, mode: str) -> objects.Source:
    """Where a channel's objects come from, and how the job sees them."""
    data = channel["DataSource"]["S3DataSource"]
    return objects.Source(data["S3Uri"], data["S3DataType"], channel.get("InputMode", mode))


def verdict(ended: jobs.Ended, failure: str) -> Record:
    """Decide a job's final status from how its process ended."""
    if ended.timed_out:
        return {"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}
    if ended.stopped:
        return {"TrainingJobStatus": "Stopped"}
    if ended.code == 0:
        return {"TrainingJobStatus": "Completed"}
    said = failure.strip() or ended.last_line
    return {
        "TrainingJobStatus": "Failed",
        "FailureReason": f"AlgorithmError: {said[: jobs.MOST_REASON - 60]}, exit code: {ended.code}",
    }


def upload(site: jobs.Site, output: Record, name: str) -> str:
    """Pack /opt/ml/model (and output/data, if anything is there) below the job's output path."""
    base = f"{output['S3OutputPath'].rstrip('/')}/{name}/output"
    if output.get("CompressionType", "GZIP") == "NONE":
        objects.upload(site.s3, site.ml / "model", f"{base}/model")
        return f"{base}/model"
    objects.upload(site.s3, pack(site.ml / "model", site.home / "model.tar.gz"), f"{base}/model.tar.gz")
    if any((site.ml / "output/data").iterdir()):
        objects.upload(
            site.s3, pack(site.ml / "output/data", site.home / "output.tar.gz"), f"{base}/output.tar.gz"
        )
    return f"{base}/model.tar.gz"


def pack(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return archive
