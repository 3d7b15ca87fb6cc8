"""A rehearsal's jobs as AWS runs them: builds and pipelines, started by hand or by what was merged."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sandbox.stage import REFUSED, console, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.rehearsal.codecommit import OnCodecommit
    from sandbox.stage import Stage

PATIENCE = 300.0  # seconds for a build; a training job is not waited for by any
LOOK = 0.2
OVER = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")
PIPELINES = ("train",)  # what has no build of its own to start


class ByPipelines:
    """See `sandbox.rehearsal.play.Engine`; the forge's part is missing. `stage` is the administrator's."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def _name(self, job: str) -> str:
        return f"{self._stage.names['project']}-{job}"

    def start(self, job: str, **inputs: str) -> None:
        if job not in PIPELINES:
            self._build(job, inputs)
            return
        variables = [f"name={name.upper()},value={value}" for name, value in inputs.items()]
        with self.following(job):
            self._stage.aws(
                *("codepipeline", "start-pipeline-execution", "--name", self._name(job)),
                *(["--variables", *variables] if variables else []),
            )

    def _build(self, job: str, inputs: dict[str, str], fails: bool = False) -> None:
        """Start a build by hand, and wait for its end."""
        variables = [f"name={name.upper()},value={value}" for name, value in inputs.items()]
        started = self._stage.aws(
            *("codebuild", "start-build", "--project-name", self._name(job), "--query", "build.id"),
            *(["--environment-variables-override", *variables] if variables else []),
        )
        self._await_build(started.strip(), fails)

    @contextmanager
    def following(self, job: str) -> Iterator[None]:
        pipeline = self._name(job)
        known = {each["pipelineExecutionId"] for each in self._executions(pipeline)}
        yield
        fresh = until(lambda: self._ended(pipeline, known), f"an end of {pipeline}")
        self._show_execution(pipeline, fresh[0])

    def _executions(self, pipeline: str) -> list[dict[str, Any]]:
        """A pipeline's executions, the newest first."""
        found = self._stage.client("codepipeline").list_pipeline_executions(pipelineName=pipeline)
        return list(found["pipelineExecutionSummaries"])

    def _ended(self, pipeline: str, known: set[str]) -> list[dict[str, Any]]:
        """The new executions once all are over."""
        fresh = [each for each in self._executions(pipeline) if each["pipelineExecutionId"] not in known]
        return fresh if all(each["status"] in OVER for each in fresh) else []

    def _show_execution(self, pipeline: str, execution: dict[str, Any]) -> None:
        """An execution's actions in a line; the log of its last build when it did not end well."""
        asked = {"pipelineExecutionId": execution["pipelineExecutionId"]}
        listed = self._stage.client("codepipeline").list_action_executions(
            pipelineName=pipeline, filter=asked
        )
        actions = listed["actionExecutionDetails"][::-1]
        words = [f"{each['actionName']} {each['status']}" for each in actions]
        console.print(f"  {pipeline}: {', '.join(words)}", style="dim", markup=False)
        if execution["status"] != "Succeeded":
            build = actions[-1].get("output", {}).get("executionResult", {}).get("externalExecutionId")
            log = self._read_log(self._read_build(build)) if build else str(actions)
            raise SystemExit(f"{log}\nan execution of {pipeline} ended as {execution['status']!r}; see above")

    def _read_build(self, build: str) -> dict[str, Any]:
        (found,) = self._stage.client("codebuild").batch_get_builds(ids=[build])["builds"]
        return dict(found)

    def _await_build(self, build: str, fails: bool) -> None:
        """Wait for a build's end; its log when it failed, as it should or not."""

        def ended() -> dict[str, Any]:
            found = self._read_build(build)
            return found if found["buildStatus"] != "IN_PROGRESS" else {}

        found = until(ended, f"an end of {build}")
        project, status = found["projectName"], found["buildStatus"]
        console.print(f"  {project}: {status}", style="dim", markup=False)
        if (status == "SUCCEEDED") == fails:
            raise SystemExit(f"{self._read_log(found)}\n{build} ended as {status!r}; see above")
        if fails:
            show(said(self._read_log(found)))

    def _read_log(self, build: dict[str, Any]) -> str:
        """What a build printed."""
        place = build["logs"]
        client = self._stage.client("logs")
        events = client.get_log_events(
            logGroupName=place["groupName"], logStreamName=place["streamName"], startFromHead=True
        )["events"]
        return "\n".join(event["message"].rstrip() for event in events)

    def audit(self, begun: str) -> None:
        """As every night: a build, which fails because it has findings. Then once here, to ask for more."""
        self._build("audit", {}, fails=True)
        self._stage.mlops("audit", "--fetch", "--since", begun, lines=1, ends=REFUSED)


class ByBuilds(ByPipelines):
    """See `sandbox.rehearsal.play.Engine`; on CodeCommit."""

    def __init__(self, stage: Stage, forge: OnCodecommit) -> None:
        super().__init__(stage)
        self._forge = forge

    def await_check(self, number: int, fails: bool = False) -> None:
        """The check is a build that EventBridge starts for each pull request."""
        (target,) = self._forge.contributors["ada"].read(number)["pullRequestTargets"]
        build = until(lambda: self._find_check(target["sourceCommit"]), f"a check of #{number}")
        self._await_build(build, fails)

    def _find_check(self, commit: str) -> str:
        """The build that checks a commit; empty before there is one."""
        client = self._stage.client("codebuild")
        ids = client.list_builds_for_project(projectName=self._name("check"))["ids"]
        builds = client.batch_get_builds(ids=ids)["builds"] if ids else []
        return next((each["id"] for each in builds if each.get("sourceVersion") == commit), "")


def until(look: Callable[[], Any], what: str) -> Any:
    """Look until there is something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(LOOK)
    raise SystemExit(f"there was not {what} within {PATIENCE:.0f} s")


def said(log: str) -> str:
    """What commands printed, without what CodeBuild says around them."""
    return "\n".join(line for line in log.splitlines() if line and not line.startswith("[Container]"))
