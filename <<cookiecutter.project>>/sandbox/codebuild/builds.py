"""Builds: started, stopped, tried again, and their records."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING

from sandbox import launch
from sandbox.codebuild.course import Control, Course
from sandbox.codebuild.outputs import Site
from sandbox.codebuild.projects import check_artifacts, check_cache, check_environment, check_source
from sandbox.codebuild.records import PAGE, Record, arn, bad, missing, name_of, page
from sandbox.codebuild.variables import merge
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.codebuild.projects import Projects
    from sandbox.codebuild.reach import Reach
    from sandbox.codebuild.reports import Reports
    from sandbox.identity import Caller
    from sandbox.world import Call, World

# StartBuild's overrides, and the member of a project that each takes the place of
OVERRIDES = {
    "artifactsOverride": "artifacts",
    "cacheOverride": "cache",
    "encryptionKeyOverride": "encryptionKey",
    "logsConfigOverride": "logsConfig",
    "queuedTimeoutInMinutesOverride": "queuedTimeoutInMinutes",
    "secondaryArtifactsOverride": "secondaryArtifacts",
    "secondarySourcesOverride": "secondarySources",
    "secondarySourcesVersionOverride": "secondarySourceVersions",
    "serviceRoleOverride": "serviceRole",
    "sourceVersion": "sourceVersion",
    "timeoutInMinutesOverride": "timeoutInMinutes",
}
IN_SOURCE = {
    "buildspecOverride": "buildspec",
    "gitCloneDepthOverride": "gitCloneDepth",
    "sourceAuthOverride": "auth",
    "sourceLocationOverride": "location",
    "sourceTypeOverride": "type",
}
IN_ENVIRONMENT = {
    "computeTypeOverride": "computeType",
    "environmentTypeOverride": "type",
    "imageOverride": "image",
    "imagePullCredentialsTypeOverride": "imagePullCredentialsType",
    "privilegedModeOverride": "privilegedMode",
}
OTHERS = ("environmentVariablesOverride", "idempotencyToken", "projectName")
# of a project, what its build's record repeats
REPEATED = (
    "artifacts",
    "cache",
    "encryptionKey",
    "environment",
    "queuedTimeoutInMinutes",
    "secondaryArtifacts",
    "secondarySourceVersions",
    "secondarySources",
    "serviceRole",
    "source",
    "sourceVersion",
    "timeoutInMinutes",
    "vpcConfig",
)
REPORTED = (
    "location",
    "sha256sum",
    "md5sum",
    "artifactIdentifier",
    "overrideArtifactName",
    "encryptionDisabled",
)


class Builds:
    """The builds of an account."""

    def __init__(self, world: World, reach: Reach, projects: Projects, reports: Reports) -> None:
        self._world, self._projects = world, projects
        folder = world.jobs / "builds"
        self._site = Site(world, reach, launch.Launcher(mapped=True), reports, folder)
        self._builds: dict[str, Record] = {}
        self._controls: dict[str, Control] = {}
        self._started: dict[str, Record] = {}  # what RetryBuild starts again
        self._numbers: dict[str, int] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        self._lock = threading.RLock()
        self.operations: dict[str, Callable[[Call], Record]] = {
            "StartBuild": self.start,
            "StopBuild": self.stop,
            "RetryBuild": self.retry,
            "BatchGetBuilds": self.get,
            "ListBuilds": self.list,
            "ListBuildsForProject": self.list_of_project,
        }

    def start(self, call: Call) -> Record:
        return {"build": self._begin(call.params, call.caller)}

    def _begin(self, params: Record, caller: Caller) -> Record:
        project = overridden(self._projects.find(params["projectName"]), params)
        with self._lock:
            token = project["name"], params.get("idempotencyToken", "")
            if token[1] and token in self._tokens:
                return self._shown(self._tokens[token])
            self._limit(project)
            build = self._record(project, caller)
            self._builds[build["id"]] = build
            self._started[build["id"]] = params
            control = self._controls[build["id"]] = Control()
            if token[1]:
                self._tokens[token] = build["id"]
        course = Course(
            self._site, dict(build), project, control, lambda **members: self._update(build, members)
        )
        threading.Thread(target=course.run, name=build["id"], daemon=True).start()
        return self._shown(build["id"])

    def _update(self, build: Record, members: Record) -> None:
        with self._lock:
            build.update(members)

    def _limit(self, project: Record) -> None:
        most = max(0, project.get("concurrentBuildLimit", 0))  # -1 takes the limit away
        own = [build for build in self._builds.values() if build["projectName"] == project["name"]]
        if most and sum(not build["buildComplete"] for build in own) >= most:
            raise ServiceError(
                "AccountLimitExceededException",
                f"{project['name']} has a concurrentBuildLimit of {most}, and that many builds",
            )

    def _record(self, project: Record, caller: Caller) -> Record:
        name = project["name"]
        self._numbers[name] = number = self._numbers.get(name, 0) + 1
        identifier = str(uuid.uuid4())
        build_id = f"{name}:{identifier}"
        return {
            **{member: project[member] for member in REPEATED if project.get(member) is not None},
            "id": build_id,
            "arn": arn(self._world, "build", build_id),
            "buildNumber": number,
            "projectName": name,
            "startTime": self._world.clock.now(),
            "currentPhase": "SUBMITTED",
            "buildStatus": "IN_PROGRESS",
            "buildComplete": False,
            "initiator": initiator(caller),
            "phases": [],
            "logs": self._logs(project, identifier),
        }

    def _logs(self, project: Record, identifier: str) -> Record:
        asked = project.get("logsConfig", {}).get("cloudWatchLogs", {"status": "ENABLED"})
        if asked["status"] != "ENABLED":
            return {"cloudWatchLogs": asked}
        group = asked.get("groupName", f"/aws/codebuild/{project['name']}")
        stream = "/".join(filter(None, [asked.get("streamName", ""), identifier]))
        place = (
            f"arn:aws:logs:{self._world.region}:{self._world.account}:log-group:{group}:log-stream:{stream}"
        )
        return {
            "groupName": group,
            "streamName": stream,
            "cloudWatchLogsArn": place,
            "cloudWatchLogs": asked,
        }

    def stop(self, call: Call) -> Record:
        found = self._id(call.params["id"])
        self._controls[found].stop.set()
        return {"build": self._shown(found)}

    def retry(self, call: Call) -> Record:
        if "id" not in call.params:
            raise bad("id is required")
        found = self._id(call.params["id"])
        if not self._builds[found]["buildComplete"]:
            raise bad(f"Build {found} is still running; only a build that ended can be retried")
        return {"build": self._begin({**self._started[found], "idempotencyToken": ""}, call.caller)}

    def get(self, call: Call) -> Record:
        ids = [name_of(each) for each in call.params["ids"]]
        if len(ids) > PAGE:
            raise bad(f"Too many ids: {len(ids)}, at most {PAGE}")
        found = [self._shown(each) for each in ids if each in self._builds]
        return {"builds": found, "buildsNotFound": [each for each in ids if each not in self._builds]}

    def list(self, call: Call) -> Record:
        return page(_sorted([*self._builds], call.params), call.params, "ids")

    def list_of_project(self, call: Call) -> Record:
        name = self._projects.find(call.params["projectName"])["name"]
        own = [each for each, build in self._builds.items() if build["projectName"] == name]
        return page(_sorted(own, call.params), call.params, "ids")

    def end_of(self, found: str) -> threading.Event:
        """Set when a build is over."""
        return self._controls[found].done

    def _id(self, text: str) -> str:
        found = name_of(text)
        if found not in self._builds:
            raise missing(f"Build cannot be found: {text}")
        return found

    def _shown(self, found: str) -> Record:
        """A build as its callers see it: artifacts by what became of them."""
        with self._lock:
            build = dict(self._builds[found])
        build["artifacts"] = _reported(build["artifacts"])
        build["secondaryArtifacts"] = [_reported(each) for each in build.get("secondaryArtifacts", [])]
        return build


def _reported(target: Record) -> Record:
    return {name: target[name] for name in REPORTED if name in target}


def _sorted(ids: list[str], params: Record) -> list[str]:
    return ids if params.get("sortOrder") == "ASCENDING" else ids[::-1]


def overridden(project: Record, params: Record) -> Record:
    """A project with what StartBuild puts in its members' place; other overrides are refused by name."""
    known = {*OVERRIDES, *IN_SOURCE, *IN_ENVIRONMENT, *OTHERS}
    if unknown := sorted(set(params) - known):
        raise bad(f"the sandbox does not serve {', '.join(unknown)} of StartBuild; see docs/sandbox.md")
    found = {**project, **{OVERRIDES[name]: params[name] for name in OVERRIDES if name in params}}
    source = {**project["source"], **{IN_SOURCE[name]: params[name] for name in IN_SOURCE if name in params}}
    changed = {IN_ENVIRONMENT[name]: params[name] for name in IN_ENVIRONMENT if name in params}
    environment = {**project["environment"], **changed}
    environment["environmentVariables"] = merge(
        environment.get("environmentVariables", []), params.get("environmentVariablesOverride", [])
    )
    found |= {"source": source, "environment": environment}
    check_source(source)
    check_environment(environment)
    check_cache(found["cache"])
    check_artifacts(found)
    if source["type"] == "CODEPIPELINE" and not str(found.get("sourceVersion", "")).startswith(
        "arn:aws:s3:::"
    ):
        raise bad(f"{project['name']} takes its source from a pipeline; start that instead")
    return found


def initiator(caller: Caller) -> str:
    """Who started a build, as its record says it: a pipeline, a user, or a role and its session."""
    session = caller.session
    if session and session.opening.service == "codepipeline.amazonaws.com":
        return f"codepipeline/{session.name}"
    if session:
        return f"{session.role.name}/{session.name}"
    return caller.principal.arn.rpartition(":")[2].removeprefix("user/")
