"""Processing jobs: S3 in, a command, S3 out."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from sandbox import disk, objects
from sandbox.errors import ServiceError, invalid
from sandbox.sagemaker import jobs, networks
from sandbox.sagemaker.store import Record, Shelf, page, pick, select
from sandbox.world import Call, World, now

if TYPE_CHECKING:
    from sandbox.sagemaker.tags import Tags

log = logging.getLogger("sandbox")
ROOT = "/opt/ml/"
KEPT = [
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingJobName",
    "ProcessingResources",
    "StoppingCondition",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "ExperimentConfig",
]
SUMMARY = [
    "ProcessingJobName",
    "ProcessingJobArn",
    "CreationTime",
    "ProcessingEndTime",
    "LastModifiedTime",
    "ProcessingJobStatus",
    "FailureReason",
    "ExitMessage",
]


class Processing:
    """Runs processing jobs and remembers them."""

    def __init__(self, world: World, tags: Tags) -> None:
        self._world = world
        self._tags = tags
        self._controls: dict[str, jobs.Control] = {}
        self._shelf = Shelf(
            lambda name: invalid(f"Could not find requested job with name: {name}"),
            lambda name: ServiceError(
                "ResourceInUse",
                "Processing job names must be unique within an AWS account and region, and a processing job "
                f"with this name already exists ({world.arn('processing-job', name)})",
            ),
        )

    def create(self, call: Call) -> dict[str, Any]:
        params = call.params
        check(params)
        self._world.check_role(params["RoleArn"])
        networks.require(self._world, params["RoleArn"], vpc_config(params))
        name, moment = params["ProcessingJobName"], now()
        arn = self._world.arn("processing-job", name)
        control = jobs.Control()
        self._shelf.add(
            name,
            {
                **pick(params, *KEPT),
                "ProcessingJobArn": arn,
                "ProcessingJobStatus": "InProgress",
                "CreationTime": moment,
                "LastModifiedTime": moment,
            },
        )
        self._tags.put(arn, params.get("Tags"))
        self._controls[name] = control
        threading.Thread(target=self._run, args=(name, params, control), name=name, daemon=True).start()
        return {"ProcessingJobArn": arn}

    def describe(self, call: Call) -> dict[str, Any]:
        return self._shelf.get(call.params["ProcessingJobName"])

    def list(self, call: Call) -> dict[str, Any]:
        found = select(self._shelf.all(), call.params, "ProcessingJobName", "ProcessingJobStatus")
        return page(found, call.params, "ProcessingJobSummaries", lambda job: pick(job, *SUMMARY))

    def stop(self, call: Call) -> dict[str, Any]:
        name = call.params["ProcessingJobName"]
        status = self._shelf.get(name)["ProcessingJobStatus"]
        if status not in ("InProgress", "Stopping"):
            raise invalid(f"The request was rejected because the processing job is in status {status}.")
        self._shelf.update(name, ProcessingJobStatus="Stopping", LastModifiedTime=now())
        self._controls[name].stop.set()
        return {}

    def wait(self, name: str) -> Record:
        """Wait for a job's end and read it."""
        self._controls[name].done.wait()
        return self._shelf.get(name)

    def _run(self, name: str, params: Record, control: jobs.Control) -> None:
        try:
            with disk.volume(jobs.home(self._world, "processing", name)):
                last = self._follow(name, params, control)
        except Exception as error:
            log.exception("processing job %s", name)
            last = {"ProcessingJobStatus": "Failed", "FailureReason": jobs.reason_of(error)}
        moment = now()
        self._shelf.update(name, **last, ProcessingEndTime=moment, LastModifiedTime=moment)
        control.done.set()

    def _follow(self, name: str, params: Record, control: jobs.Control) -> Record:
        work = self._work(name, params)
        jobs.check_capacity(self._world, work.instance)
        site = jobs.Site(self._world, work)
        site.write_config()
        outputs = params.get("ProcessingOutputConfig", {}).get("Outputs", [])
        for output in outputs:
            (site.ml / below(output["S3Output"]["LocalPath"])).mkdir(parents=True, exist_ok=True)
        site.bring_inputs()
        self._shelf.update(name, ProcessingStartTime=now())
        ended = site.run(control)
        message = site.text(site.ml / "output/message").strip()[: jobs.MOST_REASON]
        last = {**verdict(ended, work.seconds), "ExitMessage": message or None}
        if last["ProcessingJobStatus"] == "Completed":
            for output in outputs:
                target = output["S3Output"]
                objects.upload(site.s3, site.ml / below(target["LocalPath"]), target["S3Uri"])
        return last

    def _work(self, name: str, params: Record) -> jobs.Work:
        cluster, app = params["ProcessingResources"]["ClusterConfig"], params["AppSpecification"]
        description = {**pick(params, *KEPT), "ProcessingJobArn": self._world.arn("processing-job", name)}
        return jobs.Work(
            kind="processing",
            name=name,
            image=app["ImageUri"],
            role=params["RoleArn"],
            arguments=(*app["ContainerEntrypoint"], *app.get("ContainerArguments", [])),
            environment=params.get("Environment", {}),
            inputs={
                below(entry["S3Input"]["LocalPath"]): objects.Source(
                    entry["S3Input"]["S3Uri"], entry["S3Input"]["S3DataType"]
                )
                for entry in params.get("ProcessingInputs", [])
            },
            seconds=params.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400),
            log_group="/aws/sagemaker/ProcessingJobs",
            instance=cluster["InstanceType"],
            config={
                "config/processingjobconfig.json": description,
                "config/resourceconfig.json": jobs.resource_config(cluster["InstanceType"]),
            },
            vpc=vpc_config(params),
        )


def vpc_config(params: Record) -> dict[str, list[str]] | None:
    """The VPC of a processing job, which lies a level deeper than that of others."""
    found: dict[str, list[str]] | None = params.get("NetworkConfig", {}).get("VpcConfig")
    return found


def below(path: str) -> str:
    """A container path relative to /opt/ml, which is the part that is the job's own."""
    return path.removeprefix(ROOT).strip("/")


def check(params: Record) -> None:
    """Refuse what this sandbox cannot honour, by name."""
    app, cluster = params["AppSpecification"], params["ProcessingResources"]["ClusterConfig"]
    if "ContainerEntrypoint" not in app:
        raise invalid("the sandbox needs AppSpecification.ContainerEntrypoint; see docs/sandbox.md")
    if cluster["InstanceCount"] != 1:
        raise invalid("the sandbox runs a job on one instance; see docs/sandbox.md")
    for entry in params.get("ProcessingInputs", []):
        check_input(entry)
    for output in params.get("ProcessingOutputConfig", {}).get("Outputs", []):
        check_output(output)


def check_input(entry: Record) -> None:
    source = entry.get("S3Input")
    if source is None:
        raise invalid(f"input {entry['InputName']!r}: the sandbox serves S3Input only; see docs/sandbox.md")
    kind = source["S3DataType"]
    found = (source.get("S3InputMode", "File"), source.get("S3CompressionType", "None"))
    if kind not in ("S3Prefix", "ManifestFile") or found != ("File", "None"):
        raise invalid(
            f"input {entry['InputName']!r}: the sandbox serves S3Prefix and ManifestFile, File mode, no "
            f"compression, not {(kind, *found)!r}; see docs/sandbox.md"
        )
    check_local(source.get("LocalPath", ""), entry["InputName"])


def check_output(output: Record) -> None:
    target = output.get("S3Output")
    if target is None or target.get("S3UploadMode", "EndOfJob") != "EndOfJob":
        raise invalid(
            f"output {output['OutputName']!r}: the sandbox serves S3Output at EndOfJob; see docs/sandbox.md"
        )
    check_local(target.get("LocalPath", ""), output["OutputName"])


def check_local(path: str, name: str) -> None:
    if not path.startswith(f"{ROOT}processing/") or ".." in path.split("/"):
        raise invalid(f"LocalPath {path!r} of {name!r} must start with /opt/ml/processing/")


def verdict(ended: jobs.Ended, seconds: int) -> Record:
    """Decide a job's final status from how its process ended."""
    if ended.timed_out:
        reason = f"ClientError: the job ran longer than MaxRuntimeInSeconds ({seconds})"
        return {"ProcessingJobStatus": "Failed", "FailureReason": reason}
    if ended.stopped:
        return {"ProcessingJobStatus": "Stopped"}
    if ended.code == 0:
        return {"ProcessingJobStatus": "Completed"}
    return {
        "ProcessingJobStatus": "Failed",
        "FailureReason": (
            f"AlgorithmError: {ended.last_line[: jobs.MOST_REASON - 60]}, exit code: {ended.code}"
        ),
    }
