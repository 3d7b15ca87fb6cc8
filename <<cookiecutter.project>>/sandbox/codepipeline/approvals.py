"""Manual approvals: a token, a week, one answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.codepipeline.acting import ActionError
from sandbox.codepipeline.records import new_id

if TYPE_CHECKING:
    from sandbox.codepipeline.acting import Actor
    from sandbox.codepipeline.hands import Hands
    from sandbox.codepipeline.records import ActionRun, Execution

WEEK_MINUTES = 7 * 24 * 60


def ask(actor: Actor, hands: Hands, execution: Execution, run: ActionRun) -> None:
    """Notify, and wait for a person; nobody's answer is a refusal."""
    run.token = new_id()
    topic = run.configuration.get("NotificationArn")
    if topic:
        hands.client("sns").publish(
            TopicArn=topic,
            Subject=f"APPROVAL NEEDED: AWS CodePipeline {execution.pipeline['name'][:50]}",
            Message=json.dumps(message(actor, execution, run)),
        )
    actor.wait(execution, run, run.answered, WEEK_MINUTES)
    if not run.is_approved:
        raise ActionError("JobFailed", f"Rejected by {run.by}: {run.summary}")


def message(actor: Actor, execution: Execution, run: ActionRun) -> dict[str, object]:
    """What approvers are told.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html
    """
    name, region = execution.pipeline["name"], actor.world.region
    expires = actor.world.clock.time() + (run.action.get("timeoutInMinutes") or WEEK_MINUTES) * 60
    console = f"https://console.aws.amazon.com/codesuite/codepipeline/pipelines/{name}/view?region={region}"
    return {
        "region": region,
        "consoleLink": console,
        "approval": {
            "pipelineName": name,
            "stageName": run.stage,
            "actionName": run.name,
            "token": run.token,
            "expires": expires,
            "externalEntityLink": run.configuration.get("ExternalEntityLink", ""),
            "approvalReviewLink": console,
            "customData": run.configuration.get("CustomData", ""),
        },
    }
