"""Build projects: what a build does, in which place, as whom."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from sandbox.codebuild import sources
from sandbox.codebuild.records import PAGE, Record, arn, bad, missing, name_of, page, taken
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.world import Call, World

SERVICE = "codebuild.amazonaws.com"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}")
# what a project may ask for that nothing here would do
UNSERVED = ("fileSystemLocations", "buildBatchConfig", "autoRetryLimit")
SOURCES = ("CODECOMMIT", "CODEPIPELINE", "GITHUB", "NO_SOURCE", "S3")
CACHES = ("LOCAL_CUSTOM_CACHE", "LOCAL_SOURCE_CACHE")
LINUX = ("LINUX_CONTAINER", "ARM_CONTAINER", "LINUX_LAMBDA_CONTAINER", "ARM_LAMBDA_CONTAINER")
DEFAULTS: Record = {
    "timeoutInMinutes": 60,
    "queuedTimeoutInMinutes": 480,
    "cache": {"type": "NO_CACHE"},
    "secondarySources": [],
    "secondaryArtifacts": [],
    "tags": [],
}


class Projects:
    """The projects of an account."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._projects: dict[str, Record] = {}
        self.lock = threading.RLock()
        self.operations: dict[str, Callable[[Call], Record]] = {
            "CreateProject": self.create,
            "UpdateProject": self.update,
            "DeleteProject": self.delete,
            "BatchGetProjects": self.get,
            "ListProjects": self.list,
        }

    def find(self, name: str) -> Record:
        """A project by name or ARN."""
        found = self._projects.get(name_of(name))
        if found is None:
            raise missing(f"Project cannot be found: {arn(self._world, 'project', name_of(name))}")
        return found

    def create(self, call: Call) -> Record:
        params = call.params
        if not NAME.fullmatch(params["name"]):
            raise bad(f"Invalid project name: {params['name']!r}")
        now = self._world.clock.now()
        record = {**DEFAULTS, **params, "created": now, "lastModified": now}
        record["arn"] = arn(self._world, "project", params["name"])
        record["badge"] = {"badgeEnabled": bool(record.pop("badgeEnabled", False))}
        self._check(record)
        with self.lock:
            if params["name"] in self._projects:
                raise taken(f"Project already exists: {record['arn']}")
            self._projects[params["name"]] = record
        return {"project": record}

    def update(self, call: Call) -> Record:
        with self.lock:
            name = name_of(call.params["name"])
            changes = {
                key: value for key, value in call.params.items() if key not in ("name", "badgeEnabled")
            }
            record = {**self.find(name), **changes, "lastModified": self._world.clock.now()}
            self._check(record)
            self._projects[name] = record
        return {"project": record}

    def delete(self, call: Call) -> Record:
        with self.lock:
            self._projects.pop(name_of(call.params["name"]), None)  # one that is gone is no error
        return {}

    def get(self, call: Call) -> Record:
        names = call.params["names"]
        if len(names) > PAGE:
            raise bad(f"Too many names: {len(names)}, at most {PAGE}")
        found = [self._projects[name_of(name)] for name in names if name_of(name) in self._projects]
        return {
            "projects": found,
            "projectsNotFound": [name for name in names if name_of(name) not in self._projects],
        }

    def list(self, call: Call) -> Record:
        by = {"CREATED_TIME": "created", "LAST_MODIFIED_TIME": "lastModified"}
        key = by.get(call.params.get("sortBy", ""), "name")
        down = call.params.get("sortOrder") == "DESCENDING"
        chosen = sorted(self._projects.values(), key=lambda record: record[key], reverse=down)
        return page([record["name"] for record in chosen], call.params, "projects")

    def _check(self, record: Record) -> None:
        """Refuse what is wrong, and by name what nothing here would do."""
        for member in UNSERVED:
            if record.get(member):
                raise bad(f"the sandbox does not serve {member} of a project; see docs/sandbox.md")
        check_source(record["source"])
        check_environment(record["environment"])
        check_cache(record["cache"])
        check_artifacts(record)
        if record.get("logsConfig", {}).get("s3Logs", {}).get("status") == "ENABLED":
            raise bad("the sandbox does not serve s3Logs of a project; see docs/sandbox.md")
        if not 5 <= record["timeoutInMinutes"] <= 2160:
            raise bad(f"timeoutInMinutes is {record['timeoutInMinutes']}; allowed: 5 to 2160")
        try:
            self._world.sts.require_trust(SERVICE, record["serviceRole"], self._world.account, record["arn"])
        except ServiceError:
            raise bad(
                f"CodeBuild is not authorized to perform: sts:AssumeRole on {record['serviceRole']}"
            ) from None


def check_source(source: Record) -> None:
    kind, location = source["type"], str(source.get("location", ""))
    if kind not in SOURCES:
        raise bad(f"the sandbox builds no {kind} source; it has {', '.join(SOURCES)}")
    forms = {"GITHUB": sources.GITHUB, "CODECOMMIT": sources.CODECOMMIT, "S3": sources.OBJECT}
    if kind in forms and not forms[kind].fullmatch(location):
        raise bad(f"Invalid project source: location {location!r} is not of the form {forms[kind].pattern}")
    if kind == "NO_SOURCE" and not source.get("buildspec"):
        raise bad("buildspec is required when source type is NO_SOURCE")
    if kind == "GITHUB" and source.get("auth", {}).get("type") != "CODECONNECTIONS":
        raise bad(
            "the sandbox clones GITHUB sources through a connection: "
            "auth: {type: CODECONNECTIONS, resource: ARN}; see docs/sandbox.md"
        )


def check_environment(environment: Record) -> None:
    if environment["type"] not in LINUX:
        raise bad(f"the sandbox builds on no {environment['type']}; it has {', '.join(LINUX)}")
    if environment.get("privilegedMode"):
        raise bad("the sandbox has no privilegedMode: it has no Docker; see docs/sandbox.md")
    names = [variable["name"] for variable in environment.get("environmentVariables", [])]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise bad(f"environment variables twice: {', '.join(twice)}")


def check_cache(cache: Record) -> None:
    if cache["type"] == "S3" and not cache.get("location"):
        raise bad("Invalid cache: location is required for type S3")
    if unknown := sorted(set(cache.get("modes", [])) - set(CACHES)):
        raise bad(f"the sandbox has no cache mode {', '.join(unknown)}; it has {', '.join(CACHES)}")


def check_artifacts(record: Record) -> None:
    by_pipeline = record["source"]["type"] == "CODEPIPELINE", record["artifacts"]["type"] == "CODEPIPELINE"
    if any(by_pipeline) and not all(by_pipeline):
        raise bad("source and artifacts must both be of type CODEPIPELINE, or neither")
    for target in (record["artifacts"], *record["secondaryArtifacts"]):
        if target["type"] == "S3" and not target.get("location"):
            raise bad("Invalid artifacts: location is required for type S3")
