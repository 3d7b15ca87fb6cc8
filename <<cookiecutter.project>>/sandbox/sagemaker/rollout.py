"""A DeploymentConfig as stages of traffic; refuses what SageMaker refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.errors import invalid

if TYPE_CHECKING:
    from sandbox.sagemaker.store import Record

# Least and most percent of a fleet's capacity that one step may take.
CANARY, LINEAR, ROLLING = (1, 50), (10, 50), (5, 50)


@dataclass(frozen=True)
class Stage:
    """The new fleet takes `share` percent of the requests and is watched for `bake` seconds."""

    share: int
    bake: float


@dataclass(frozen=True)
class Rollout:
    """How an update shifts traffic, and which alarms take it back."""

    kind: str = "ALL_AT_ONCE"
    stages: tuple[Stage, ...] = (Stage(100, 0),)
    termination_wait: float = 0
    limit: float | None = None
    alarms: tuple[str, ...] = ()


def read_rollout(deployment: Record | None, count: int) -> Rollout:
    """Read a deployment configuration for fleets of `count` instances."""
    if not deployment:
        return Rollout()
    alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    names = tuple(alarm["AlarmName"] for alarm in alarms if "AlarmName" in alarm)
    if "BlueGreenUpdatePolicy" in deployment and "RollingUpdatePolicy" in deployment:
        raise invalid("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    if "RollingUpdatePolicy" in deployment:
        return _read_rolling(deployment["RollingUpdatePolicy"], count, names)
    if "BlueGreenUpdatePolicy" in deployment:
        return _read_blue_green(deployment["BlueGreenUpdatePolicy"], count, names)
    return Rollout(alarms=names)


def _read_rolling(policy: Record, count: int, alarms: tuple[str, ...]) -> Rollout:
    if "RollbackMaximumBatchSize" in policy:
        _percent("RollbackMaximumBatchSize", policy["RollbackMaximumBatchSize"], count, (5, 100))
    step = _percent("MaximumBatchSize", policy["MaximumBatchSize"], count, ROLLING)
    stages = _steps(step, policy["WaitIntervalInSeconds"])
    return _in_time(Rollout("ROLLING", stages, 0, policy.get("MaximumExecutionTimeoutInSeconds"), alarms))


def _read_blue_green(policy: Record, count: int, alarms: tuple[str, ...]) -> Rollout:
    routing = policy["TrafficRoutingConfiguration"]
    kind, wait = routing["Type"], routing["WaitIntervalInSeconds"]
    sizes = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
    for owner, member in sizes.items():
        if (member in routing) != (kind == owner):
            must = "must" if kind == owner else "must not"
            raise invalid(f"{member} {must} be specified for traffic routing type {kind}.")
    if kind == "CANARY":
        share = _percent("CanarySize", routing["CanarySize"], count, CANARY)
        stages: tuple[Stage, ...] = (Stage(share, wait), Stage(100, wait))
    elif kind == "LINEAR":
        stages = _steps(_percent("LinearStepSize", routing["LinearStepSize"], count, LINEAR), wait)
    else:
        stages = (Stage(100, wait),)
    wait_after, limit = (
        policy.get("TerminationWaitInSeconds", 0),
        policy.get("MaximumExecutionTimeoutInSeconds"),
    )
    return _in_time(Rollout(kind, stages, wait_after, limit, alarms))


def _steps(step: int, wait: float) -> tuple[Stage, ...]:
    return tuple(Stage(min(100, share), wait) for share in range(step, 100 + step, step))


def _percent(member: str, size: Record, count: int, allowed: tuple[int, int]) -> int:
    """A capacity size as percent of the fleet."""
    least, most = allowed
    value = size["Value"]
    percent = value if size["Type"] == "CAPACITY_PERCENT" else 100 * value / count
    if not least <= percent <= most:
        said = f"{value} %" if size["Type"] == "CAPACITY_PERCENT" else f"{value} of {count} instances"
        raise invalid(
            f"{member} must be between {least}% and {most}% of the variant's total instance count, "
            f"not {said}."
        )
    return int(percent)


def _in_time(rollout: Rollout) -> Rollout:
    """Refuse a limit that the waits alone would exceed."""
    waits = sum(stage.bake for stage in rollout.stages) + rollout.termination_wait
    if rollout.limit is not None and rollout.limit <= waits:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds ({rollout.limit}) must be larger than the total waiting time "
            f"of the deployment ({waits} s in WaitIntervalInSeconds and TerminationWaitInSeconds)."
        )
    return rollout
