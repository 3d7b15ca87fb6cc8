"""What a request for a training job may not ask, here or on AWS; said before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.errors import invalid
from sandbox.sagemaker import toolkit
from sandbox.sagemaker.metering import check_definitions

if TYPE_CHECKING:
    from sandbox.sagemaker.store import Record

UNSERVED = (
    "CheckpointConfig",
    "DebugRuleConfigurations",
    "TensorBoardOutputConfig",
    "ServerlessJobConfig",
)
MODES, KINDS = ("File", "FastFile"), ("S3Prefix", "ManifestFile")


def check(params: Record) -> None:
    """Refuse what this sandbox cannot honour, by name, and what AWS refuses."""
    algorithm = params["AlgorithmSpecification"]
    for member in UNSERVED:
        if params.get(member):
            raise invalid(f"the sandbox does not serve {member}; see docs/sandbox.md")
    if "TrainingImage" not in algorithm:
        raise invalid("the sandbox does not serve AlgorithmName: give TrainingImage; see docs/sandbox.md")
    if "ContainerEntrypoint" not in algorithm:
        toolkit.check(params)
    if params["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise invalid("the sandbox runs a job on one instance; see docs/sandbox.md")
    for channel in params.get("InputDataConfig", []):
        check_channel(channel, channel.get("InputMode", algorithm.get("TrainingInputMode", "File")))
    check_definitions(algorithm.get("MetricDefinitions", []))
    check_spot(params)


def check_channel(channel: Record, mode: str) -> None:
    source = channel["DataSource"].get("S3DataSource", {})
    kind, compression = source.get("S3DataType", ""), channel.get("CompressionType", "None")
    if mode not in MODES or kind not in KINDS or compression != "None":
        raise invalid(
            f"channel {channel['ChannelName']!r}: the sandbox serves {' and '.join(MODES)} mode, "
            f"{' and '.join(KINDS)}, no compression, not {(mode, kind, compression)!r}; see docs/sandbox.md"
        )


def check_spot(params: Record) -> None:
    """Apply AWS's rule: a spot job says how long it may wait, and only a spot job does."""
    stopping = params.get("StoppingCondition", {})
    run, wait = stopping.get("MaxRuntimeInSeconds", 86400), stopping.get("MaxWaitTimeInSeconds")
    if params.get("EnableManagedSpotTraining") and (wait is None or wait < run):
        raise invalid(
            f"Invalid MaxWaitTimeInSeconds {wait!r}. It must be present and be greater than or equal to "
            f"MaxRuntimeInSeconds ({run}) when EnableManagedSpotTraining is set to true"
        )
    if wait is not None and not params.get("EnableManagedSpotTraining"):
        raise invalid(
            f"MaxWaitTimeInSeconds {wait!r} is not supported unless EnableManagedSpotTraining is set to true"
        )
