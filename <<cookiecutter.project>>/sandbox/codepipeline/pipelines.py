"""Pipelines themselves: declared, changed, listed, tagged."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from sandbox.codepipeline import declaration
from sandbox.codepipeline.engine import Line
from sandbox.codepipeline.hands import SERVICE, arn_of
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.world import Call, World

Record = dict[str, Any]
MOST_PAGE = 100


class Pipelines:
    """The pipelines of an account; `begin` starts the execution that a new one begins with."""

    def __init__(self, world: World, begin: Callable[[Line, str], None]) -> None:
        self._world, self._begin = world, begin
        self.lines: dict[str, Line] = {}
        self.operations: dict[str, Callable[[Call], Record]] = {
            "CreatePipeline": self.create,
            "UpdatePipeline": self.update,
            "DeletePipeline": self.delete,
            "GetPipeline": self.get,
            "ListPipelines": self.list,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }

    def create(self, call: Call) -> Record:
        pipeline = copy.deepcopy(call.params["pipeline"])
        self._check(pipeline)
        if pipeline["name"] in self.lines:
            raise ServiceError(
                "PipelineNameInUseException",
                f"A pipeline with the name '{pipeline['name']}' already exists in account "
                f"'{self._world.account}'",
            )
        pipeline["version"], now = 1, self._world.clock.now()
        line = Line(pipeline, now, now, call.params.get("tags", []))
        self.lines[pipeline["name"]] = line
        self._begin(line, call.caller.principal.arn)  # as AWS does
        return {"pipeline": pipeline, "tags": line.tags}

    def update(self, call: Call) -> Record:
        pipeline = copy.deepcopy(call.params["pipeline"])
        line = self.find(pipeline["name"])
        self._check(pipeline)
        pipeline["version"] = line.pipeline["version"] + 1
        line.pipeline, line.updated = pipeline, self._world.clock.now()
        return {"pipeline": pipeline}

    def _check(self, pipeline: Record) -> None:
        declaration.check(pipeline)
        pipeline.setdefault("executionMode", "SUPERSEDED")
        try:
            source = arn_of(self._world, pipeline["name"])
            self._world.sts.require_trust(SERVICE, pipeline["roleArn"], self._world.account, source)
        except ServiceError:
            raise declaration.wrong(
                f"CodePipeline is not authorized to perform AssumeRole on role {pipeline['roleArn']}"
            ) from None

    def delete(self, call: Call) -> Record:
        line = self.lines.pop(call.params["name"], None)  # one that is gone is no error
        for execution in line.executions if line else ():
            if not execution.done.is_set():
                execution.abandon = True
                execution.stop.set()
        return {}

    def get(self, call: Call) -> Record:
        line = self.find(call.params["name"])
        if call.params.get("version") not in (None, line.pipeline["version"]):
            raise ServiceError(
                "PipelineVersionNotFoundException",
                f"the sandbox keeps one version of {call.params['name']}: {line.pipeline['version']}",
            )
        metadata = {"pipelineArn": self._arn(line), "created": line.created, "updated": line.updated}
        return {"pipeline": line.pipeline, "metadata": metadata}

    def list(self, call: Call) -> Record:
        shown = [
            {
                "name": line.pipeline["name"],
                "version": line.pipeline["version"],
                "pipelineType": "V2",
                "executionMode": line.pipeline["executionMode"],
                "created": line.created,
                "updated": line.updated,
            }
            for line in self.lines.values()
        ]
        return page(shown, call.params, "pipelines")

    def _arn(self, line: Line) -> str:
        return arn_of(self._world, line.pipeline["name"])

    def find(self, name: str) -> Line:
        if name not in self.lines:
            raise ServiceError(
                "PipelineNotFoundException",
                f"Account '{self._world.account}' does not have a pipeline with name '{name}'",
            )
        return self.lines[name]

    def _tagged(self, call: Call) -> Line:
        found = next(
            (each for each in self.lines.values() if self._arn(each) == call.params["resourceArn"]), None
        )
        if found is None:
            raise ServiceError("ResourceNotFoundException", f"no {call.params['resourceArn']}")
        return found

    def tag(self, call: Call) -> Record:
        line, new = self._tagged(call), call.params["tags"]
        keys = {tag["key"] for tag in new}
        line.tags = [*(tag for tag in line.tags if tag["key"] not in keys), *new]
        return {}

    def untag(self, call: Call) -> Record:
        line = self._tagged(call)
        line.tags = [tag for tag in line.tags if tag["key"] not in call.params["tagKeys"]]
        return {}

    def list_tags(self, call: Call) -> Record:
        return {"tags": self._tagged(call).tags}


def page(shown: list[Record], params: Record, member: str) -> Record:
    token = params.get("nextToken") or "0"
    if not token.isdigit():
        raise ServiceError("InvalidNextTokenException", f"Invalid nextToken {token!r}")
    start, size = int(token), int(params.get("maxResults") or MOST_PAGE)
    rest = {"nextToken": str(start + size)} if start + size < len(shown) else {}
    return {member: shown[start : start + size], **rest}
