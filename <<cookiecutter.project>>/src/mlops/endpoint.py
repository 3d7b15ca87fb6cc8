"""Move an endpoint to its pin: SageMaker model, endpoint config, guarded update, and the wait for it."""

from __future__ import annotations

import time
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

from mlops.aws import is_missing, pauses
from mlops.errors import MlopsError
from mlops.live import OWNER, describe_live, is_foreign, read_owner
from mlops.network import is_same
from mlops.target import VARIANT

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from mlops.live import Live
    from mlops.project import Project
    from mlops.serving import Rollout
    from mlops.target import Target

Act = Literal["nothing", "create", "update", "replace", "wait"]

WAIT_MINUTES = 300  # less than a hosted runner's six hours, so that the last word is ours
LONGEST_PAUSE = 15.0  # seconds between two looks at an endpoint
SPARE_MINUTES = 240  # what SageMaker may need to find and start instances, beyond the bakes
CAPTURE_PREFIX = "capture"


def ensure_model(sagemaker: SageMakerClient, target: Target) -> None:
    """Make the SageMaker model of the release unless it is there."""
    package, network = target.pin.artifact.package, target.pin.serving.network
    try:
        there = sagemaker.describe_model(ModelName=target.model)
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        sagemaker.create_model(
            ModelName=target.model,
            ExecutionRoleArn=target.project.serving_role(target.environment),
            Containers=[{"ModelPackageName": package}],
            Tags=target.tags,
            **({"VpcConfig": network.vpc_config} if network else {}),  # type: ignore[arg-type]
        )
        return
    container = there.get("PrimaryContainer") or (there.get("Containers") or [{}])[0]
    if container.get("ModelPackageName") != package:
        raise MlopsError(
            f"model {target.model!r} exists, but is not made from {package!r}; delete it, then deploy again"
        )
    if not is_same(there.get("VpcConfig"), network):
        raise MlopsError(
            f"model {target.model!r} exists, but its network is {there.get('VpcConfig')!r}, pinned is "
            f"{network.vpc_config if network else None!r}; delete it, then deploy again"
        )


def ensure_config(sagemaker: SageMakerClient, target: Target) -> None:
    """Make the endpoint config of the pin unless it is there."""
    try:
        there = sagemaker.describe_endpoint_config(EndpointConfigName=target.config)
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        sagemaker.create_endpoint_config(**endpoint_config(target))
        return
    variants = (*there["ProductionVariants"], *there.get("ShadowProductionVariants", []))
    served = [variant.get("ModelName") for variant in variants]
    if served != [target.model]:
        raise MlopsError(
            f"endpoint config {target.config!r} exists, but serves {served!r}; delete it, then deploy again"
        )


def endpoint_config(target: Target) -> dict[str, Any]:
    """The request of CreateEndpointConfig."""
    fleet, percent = target.pin.serving.serve, target.pin.serving.capture.percent
    variant = {
        "VariantName": VARIANT,
        "ModelName": target.model,
        "InstanceType": fleet.instance,
        "InitialInstanceCount": fleet.count,
        "InitialVariantWeight": 1.0,
    }
    request: dict[str, Any] = {
        "EndpointConfigName": target.config,
        "ProductionVariants": [variant],
        "Tags": target.tags,
    }
    if percent:
        request["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": percent,
            "DestinationS3Uri": f"s3://{target.project.data_bucket}/{CAPTURE_PREFIX}/{target.environment}",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
    return request


def refuse_foreign(sagemaker: SageMakerClient, project: Project, live: Live | None) -> None:
    """Raise when another project of the account has the endpoint: two may give theirs the same name."""
    if live and is_foreign(sagemaker, project, live):
        raise MlopsError(
            f"endpoint {live.endpoint!r} belongs to project {read_owner(sagemaker, live)!r} (tag {OWNER}), "
            f"not to {project.project!r}; give the model another name: mlops new NAME --from MODEL"
        )


def move_endpoint(
    sagemaker: SageMakerClient, target: Target, act: Act, alarms: list[str], minutes: float = WAIT_MINUTES
) -> None:
    """Create the endpoint, or point it at the config under the guard of the alarms."""
    if act == "update":
        sagemaker.update_endpoint(
            EndpointName=target.endpoint,
            EndpointConfigName=target.config,
            DeploymentConfig=deployment_config(target, alarms),  # type: ignore[arg-type]
        )
        return
    if act == "replace":
        sagemaker.delete_endpoint(EndpointName=target.endpoint)
        await_rest(sagemaker, target, minutes)
    sagemaker.create_endpoint(
        EndpointName=target.endpoint, EndpointConfigName=target.config, Tags=target.tags
    )


def deployment_config(target: Target, alarms: list[str]) -> dict[str, Any]:
    """How the new fleet takes over, and what sends the traffic back."""
    rollout, count = target.pin.serving.rollout, target.pin.serving.serve.count
    guard = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}
    bake = 60 * rollout.bake_minutes
    if rollout.strategy == "rolling":
        batch = {"Type": "CAPACITY_PERCENT", "Value": rollout.percent}
        policy = {"MaximumBatchSize": batch, "WaitIntervalInSeconds": bake, **limit(rollout)}
        return {"RollingUpdatePolicy": policy, **guard}
    policy = {"TrafficRoutingConfiguration": traffic_routing(rollout, count), **limit(rollout)}
    return {"BlueGreenUpdatePolicy": policy, **guard}


def traffic_routing(rollout: Rollout, count: int) -> dict[str, Any]:
    """Blue/green traffic shifting. A share of one instance is the whole instance: then all at once."""
    bake = 60 * rollout.bake_minutes
    if rollout.strategy == "all-at-once" or count == 1:
        return {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": bake}
    name = "CanarySize" if rollout.strategy == "canary" else "LinearStepSize"
    size = {"Type": "CAPACITY_PERCENT", "Value": rollout.percent}
    return {"Type": rollout.strategy.upper(), name: size, "WaitIntervalInSeconds": bake}


def limit(rollout: Rollout) -> dict[str, int]:
    """After how many seconds SageMaker gives up: all the bakes, and some hours for the instances."""
    bakes = -(-100 // rollout.percent) if rollout.strategy in {"linear", "rolling"} else 2
    return {
        "MaximumExecutionTimeoutInSeconds": min(28_800, 60 * (bakes * rollout.bake_minutes + SPARE_MINUTES))
    }


def await_rest(sagemaker: SageMakerClient, target: Target, minutes: float = WAIT_MINUTES) -> Live | None:
    """Wait until SageMaker is done with the endpoint; its state then."""
    deadline = time.monotonic() + 60 * minutes
    pause = pauses(LONGEST_PAUSE)
    while True:
        live = describe_live(sagemaker, target.endpoint)
        if live is None or not live.is_moving:
            return live
        left = deadline - time.monotonic()
        if left <= 0:
            raise MlopsError(describe_wait(live, target, minutes))
        time.sleep(min(next(pause), left))


def describe_wait(live: Live, target: Target, minutes: float) -> str:
    """What an endpoint does that outlasts our patience, and what to type."""
    since = f" since {live.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if live.since else ""
    return (
        f"endpoint {live.endpoint!r} is {live.status}{since}, and was waited for {minutes:g} minutes; "
        f"SageMaker goes on without us. See why: aws logs tail /aws/sagemaker/Endpoints/{live.endpoint}; "
        f"wait again: mlops deploy {target.environment} {target.pin.model}"
    )


def confirm(live: Live | None, target: Target) -> None:
    """Raise unless the endpoint serves the pin."""
    if live is None:
        raise MlopsError(
            f"endpoint {target.endpoint!r} was deleted while it was deployed; run the same command again"
        )
    if live.status != "InService" or live.config != target.config:
        reason = f": {' '.join(live.reason.split())}" if live.reason else ""
        raise MlopsError(
            f"endpoint {target.endpoint!r} is {live.status} with config {live.config!r}{reason}. "
            "Git pins what did not stay: revert the pin, or mend the release and pin the next one; "
            "was it chance, run the same command again"
        )
