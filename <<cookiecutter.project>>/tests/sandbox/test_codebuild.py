"""CodeBuild: the phases of a buildspec, as processes, with what CodeBuild says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox.building import context, exported, log, run, statuses

if TYPE_CHECKING:
    from tests.sandbox.conftest import Sandbox

WHOLE = """
version: 0.2
env:
  shell: bash
  variables: {GREETING: hello}
  exported-variables: [ANSWER, WHERE]
phases:
  install:
    runtime-versions: {python: "3.12"}
    commands: [mkdir deep, cd deep]
  build:
    commands:
      - ANSWER="$GREETING from $CODEBUILD_BUILD_NUMBER"
      - WHERE=$(basename "$PWD"); echo "succeeding $CODEBUILD_BUILD_SUCCEEDING"
  post_build:
    commands: [echo "$ANSWER in $WHERE"]
"""


def test_a_build_runs_its_phases_in_one_environment(sandbox: Sandbox, unique: str) -> None:
    build = run(sandbox, unique, WHOLE)
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    assert exported(build) == {"ANSWER": "hello from 1", "WHERE": "deep"}
    said = log(sandbox, build)
    assert "hello from 1 in deep" in said, said
    assert "succeeding 1" in said
    assert "Phase complete: BUILD State: SUCCEEDED" in said


def test_a_failing_command_ends_its_phase_after_finally_and_runs_post_build(
    sandbox: Sandbox, unique: str
) -> None:
    build = run(
        sandbox,
        unique,
        """
version: 0.2
phases:
  build:
    commands: [echo first, exit 3, echo never]
    finally: [echo at last]
  post_build:
    commands: [echo "succeeding $CODEBUILD_BUILD_SUCCEEDING"]
""",
    )
    assert build["buildStatus"] == "FAILED"
    assert statuses(build)["POST_BUILD"] == "SUCCEEDED"
    assert context(build, "BUILD") == {
        "statusCode": "COMMAND_EXECUTION_ERROR",
        "message": "Error while executing command: exit 3. Reason: exit status 3",
    }
    said = log(sandbox, build)
    assert "\nat last" in said
    assert "\nsucceeding 0" in said
    assert "\nnever" not in said
