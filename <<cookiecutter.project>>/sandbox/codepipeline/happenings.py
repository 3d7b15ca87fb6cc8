"""What CodePipeline tells EventBridge of an execution: that it began, goes on, and how it ended."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.codepipeline.records import Execution
    from sandbox.world import World

STARTED, RESUMED = "STARTED", "RESUMED"


def execution_event(world: World, execution: Execution, state: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html"""
    name, now = execution.pipeline["name"], world.clock.now()
    trigger = {"trigger-type": execution.trigger.kind, "trigger-detail": execution.trigger.detail}
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "CodePipeline Pipeline Execution State Change",
        "source": "aws.codepipeline",
        "account": world.account,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": world.region,
        "resources": [f"arn:aws:codepipeline:{world.region}:{world.account}:{name}"],
        "detail": {
            "pipeline": name,
            "execution-id": execution.id,
            "start-time": execution.started.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "execution-trigger": trigger,
            "state": state.upper(),
            "version": float(execution.pipeline["version"]),
        },
    }
