"""The end of a check as a status of its commit: `python -m mlops.tell EXECUTION`.

CodePipeline tells GitHub nothing, and main's ruleset requires a status named `check`. EventBridge starts a
build of main's own files when an execution of the check pipeline ends; what it says it reads from the
pipeline itself, so that a second run says the same.
https://docs.github.com/en/rest/commits/statuses
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops import codebuild_job
from mlops.aws import describe_failure
from mlops.cli import fail
from mlops.errors import AwsError, MlopsError, UsageError
from mlops.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.project import Project

CONTEXT = "check"  # as .github/rulesets/main.json requires it
SOURCE, CHECK = "Source", "Check"  # the actions of infra/pipeline.yml
STATES = {"InProgress": "pending", "Succeeded": "success", "Failed": "failure"}
STOPPED = "error"  # somebody ended it: it is neither good nor bad
LONGEST = 140  # characters of a status's description


@dataclass(frozen=True)
class Status:
    """What a commit is told."""

    commit: str
    state: str
    description: str
    url: str


def read_status(actions: Sequence[Mapping[str, Any]], pipeline: str, execution: str, region: str) -> Status:
    """What an execution's actions come to; raises for one that came to no commit."""
    latest = {each["actionName"]: each for each in reversed(actions)}  # AWS lists the newest first
    source, check = latest.get(SOURCE), latest.get(CHECK)
    if source is None:
        raise UsageError(f"{pipeline} has no execution {execution!r}, or none with a source. See its history")
    if source["status"] != "Succeeded":
        raise MlopsError(f"{execution} of {pipeline} came to no commit: {read_error(source)}")
    commit = source["output"]["executionResult"]["externalExecutionId"]
    ended = check["status"] if check else "Stopped"
    said = read_error(check) if check and ended == "Failed" else f"{pipeline}: {ended}"
    page = f"https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/{pipeline}"
    url = f"{page}/executions/{execution}/visualization?region={region}"
    return Status(commit, STATES.get(ended, STOPPED), shorten(said), url)


def read_error(action: Mapping[str, Any]) -> str:
    """Why an action failed, in AWS's own words."""
    result = action.get("output", {}).get("executionResult", {})
    details = result.get("errorDetails", {})
    said = details.get("message") or result.get("externalExecutionSummary") or action["status"]
    return " ".join(str(said).split())


def shorten(text: str) -> str:
    """A text that fits into a status."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def read_actions(client: Any, pipeline: str, execution: str) -> list[Mapping[str, Any]]:
    """What the actions of an execution did, the newest first."""
    try:
        pages = client.get_paginator("list_action_executions").paginate(
            pipelineName=pipeline, filter={"pipelineExecutionId": execution}
        )
        return [each for page in pages for each in page["actionExecutionDetails"]]
    except Exception as error:
        said = describe_failure(error)
        if said is None:
            raise
        raise AwsError(f"{pipeline}: {said}") from None


def tell(project: Project, execution: str) -> str:
    """Write the status of the commit that an execution checked; what was written, in words."""
    from mlops.github_forge import connect

    if not execution:
        raise UsageError("EXECUTION names no execution of the check pipeline: make tell EXECUTION=…")
    if (project.forge, project.ci) != ("github", "codepipeline"):
        raise UsageError(
            f"project.yml: forge {project.forge!r} with ci {project.ci!r} tells itself how checks end; "
            "only 'github' with 'codepipeline' has to be told"
        )
    pipeline = f"{project.project}-check"
    actions = read_actions(codebuild_job.client(project.region, "codepipeline"), pipeline, execution)
    status = read_status(actions, pipeline, execution, project.region)
    hub = connect(project.repository)
    hub.write_status(status.commit, status.state, CONTEXT, status.description, status.url)
    return f"{status.commit[:12]}: {CONTEXT} is {status.state}: {status.description}"


def main() -> int:
    """Tell it; an expected failure is one line on standard error."""
    try:
        said = tell(open_workspace().project, (*sys.argv[1:2], "")[0])
    except MlopsError as error:
        return fail(str(error), error.exit_code)
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
