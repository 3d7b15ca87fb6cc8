"""Where a push's diff begins, for training on CodePipeline: `python -m mlops.since [BEFORE]`.

The connection to GitHub names no commit before a push, and a push whose run failed would never be looked at
again. So the diff begins at the last commit that the pipeline succeeded with, whatever came since: pushes of
many commits, runs that failed. BEFORE, what an event says, counts where the pipeline has no such run, as at
first, and after a year, for which AWS keeps executions; without it everything is new. A run of training that
exists is not started again, so that too wide a diff costs nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mlops import codebuild_job, git
from mlops.aws import describe_failure
from mlops.cli import fail
from mlops.errors import AwsError, MlopsError
from mlops.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SOURCE = "Source"  # the action of infra/pipeline.yml that fetches main
UNKNOWN = ("", "-")
NOTHING = "0" * 40  # as forges say it of a branch's first push


def succeeded(client: Any, pipeline: str) -> Iterator[str]:
    """The commits that a pipeline's executions succeeded with, the newest first."""
    pages = client.get_paginator("list_pipeline_executions").paginate(pipelineName=pipeline)
    for page in pages:
        for execution in page["pipelineExecutionSummaries"]:
            if execution["status"] == "Succeeded":
                yield from (
                    each["revisionId"]
                    for each in execution.get("sourceRevisions", [])
                    if each["actionName"] == SOURCE
                )


def choose(root: Path, commits: Iterable[str], before: str) -> str:
    """The first commit that HEAD grew from; a rewritten main has left those before it behind."""
    grown = (commit for commit in commits if git.is_ancestor(root, commit, "HEAD"))
    return next(grown, NOTHING if before in UNKNOWN else before)


def find(before: str) -> str:
    """The commit that the diff of this build begins at."""
    workspace = open_workspace()
    project = workspace.project
    try:
        client = codebuild_job.client(project.region, "codepipeline")
        found = succeeded(client, f"{project.project}-train")
        return choose(workspace.root, found, before)
    except MlopsError:
        raise
    except Exception as error:
        said = describe_failure(error)
        if said is None:
            raise
        raise AwsError(f"{project.project}-train: {said}") from None


def main() -> int:
    """Print the commit; an expected failure is one line on standard error."""
    try:
        found = find((*sys.argv[1:2], "")[0])
    except MlopsError as error:
        return fail(str(error), error.exit_code)
    sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
