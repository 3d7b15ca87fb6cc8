"""The operations on pipelines, their versions and their executions."""

from __future__ import annotations

import functools
import secrets
import threading
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError, invalid
from sandbox.sagemaker import definition
from sandbox.sagemaker.execution import LETTERS, Execution, JobKind
from sandbox.sagemaker.registry import created_by
from sandbox.sagemaker.store import Record, Shelf, page, pick, select
from sandbox.world import Call, World, now

if TYPE_CHECKING:
    from sandbox.sagemaker.tags import Tags

PIPELINE = [
    "PipelineName",
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "PipelineArn",
    "PipelineStatus",
    "CreationTime",
    "LastModifiedTime",
    "CreatedBy",
    "LastModifiedBy",
    "LastRunTime",
    "ParallelismConfiguration",
]
SUMMARY = [
    "PipelineArn",
    "PipelineName",
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "CreationTime",
    "LastModifiedTime",
    "LastExecutionTime",
]
EXECUTION = [
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionDisplayName",
    "PipelineExecutionStatus",
    "PipelineExecutionDescription",
    "FailureReason",
    "CreationTime",
    "LastModifiedTime",
    "CreatedBy",
    "LastModifiedBy",
    "ParallelismConfiguration",
    "PipelineVersionId",
    "PipelineExperimentConfig",
]
VERSION = ["PipelineVersionId", "CreationTime", "PipelineVersionDisplayName", "PipelineVersionDescription"]
MOST_PARALLEL = 50
EXECUTION_SUMMARY = [
    "PipelineExecutionArn",
    "StartTime",
    "PipelineExecutionStatus",
    "PipelineExecutionDescription",
    "PipelineExecutionDisplayName",
    "PipelineExecutionFailureReason",
]


class Pipelines:
    """Pipelines by name; each update of a definition is a version that can still be started."""

    def __init__(self, world: World, tags: Tags, kinds: dict[str, JobKind]) -> None:
        self._world = world
        self._tags = tags
        self._kinds = kinds
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[str, str] = {}
        self._shelf = Shelf(
            lambda name: ServiceError(
                "ResourceNotFound", f"Pipeline '{world.arn('pipeline', name)}' does not exist."
            ),
            lambda name: invalid(
                "Pipeline names must be unique within an AWS account and region. "
                f"Pipeline with name ({name}) already exists."
            ),
        )

    def create(self, call: Call) -> dict[str, Any]:
        params, moment = call.params, now()
        text = definition_text(params)
        definition.parse(text)
        self._world.check_role(params["RoleArn"])
        name = params["PipelineName"]
        arn = self._world.arn("pipeline", name)
        kept = pick(
            params,
            "PipelineName",
            "PipelineDisplayName",
            "PipelineDescription",
            "RoleArn",
            "ParallelismConfiguration",
        )
        self._shelf.add(
            name,
            {
                "PipelineDisplayName": name,
                **kept,
                "PipelineArn": arn,
                "PipelineStatus": "Active",
                "CreationTime": moment,
                "LastModifiedTime": moment,
                "CreatedBy": created_by(call),
                "Versions": [{"PipelineVersionId": 1, "CreationTime": moment, "Definition": text}],
            },
        )
        self._tags.put(arn, params.get("Tags"))
        return {"PipelineArn": arn}

    def update(self, call: Call) -> dict[str, Any]:
        params, name = call.params, _name(call.params["PipelineName"])
        if "RoleArn" in params:
            self._world.check_role(params["RoleArn"])
        with self._shelf.lock:
            pipeline = self._shelf.get(name)
            versions = pipeline["Versions"]
            if "PipelineDefinition" in params:
                definition.parse(params["PipelineDefinition"])
                number = len(versions) + 1
                added = {
                    "PipelineVersionId": number,
                    "CreationTime": now(),
                    "Definition": params["PipelineDefinition"],
                }
                versions = [*versions, added]
            changed = pick(
                params, "PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration"
            )
            self._shelf.update(
                name, **changed, Versions=versions, LastModifiedTime=now(), LastModifiedBy=created_by(call)
            )
        return {"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": len(versions)}

    def describe(self, call: Call) -> dict[str, Any]:
        pipeline = self._shelf.get(_name(call.params["PipelineName"]))
        version = self._version(pipeline, call.params.get("PipelineVersionId"))
        return {**pick(pipeline, *PIPELINE), "PipelineDefinition": version["Definition"]}

    def delete(self, call: Call) -> dict[str, Any]:
        pipeline = self._shelf.remove(_name(call.params["PipelineName"]))
        return {"PipelineArn": pipeline["PipelineArn"]}

    def list(self, call: Call) -> dict[str, Any]:
        params = call.params
        prefix = params.get("PipelineNamePrefix", "")
        found = [
            {**pipeline, "LastExecutionTime": pipeline.get("LastRunTime")}
            for pipeline in self._shelf.all()
            if pipeline["PipelineName"].startswith(prefix)
        ]
        chosen = select(found, params, "PipelineName")
        return page(chosen, params, "PipelineSummaries", lambda pipeline: pick(pipeline, *SUMMARY))

    def list_versions(self, call: Call) -> dict[str, Any]:
        pipeline = self._shelf.get(_name(call.params["PipelineName"]))
        found = select(pipeline["Versions"], call.params, "PipelineVersionId")
        return page(
            found,
            call.params,
            "PipelineVersionSummaries",
            lambda version: {
                "PipelineArn": pipeline["PipelineArn"],
                **pick(version, *VERSION),
                **self._last_execution(pipeline, version["PipelineVersionId"]),
            },
        )

    def _last_execution(self, pipeline: Record, version: int) -> Record:
        for execution in self._executions_of(pipeline):
            if execution.record["PipelineVersionId"] == version:
                return {"LastExecutionPipelineExecutionArn": execution.record["PipelineExecutionArn"]}
        return {}

    def start(self, call: Call) -> dict[str, Any]:
        params, name = call.params, _name(call.params["PipelineName"])
        if "SelectiveExecutionConfig" in params:
            raise invalid("the sandbox does not serve SelectiveExecutionConfig; see docs/sandbox.md")
        pipeline = self._shelf.get(name)
        with self._shelf.lock:
            token = f"{name}/{params.get('ClientRequestToken')}"
            if token not in self._tokens:
                self._tokens[token] = self._begin(pipeline, call)
        self._shelf.update(name, LastRunTime=now())
        return {"PipelineExecutionArn": self._tokens[token]}

    def _begin(self, pipeline: Record, call: Call) -> str:
        params, moment = call.params, now()
        version = self._version(pipeline, params.get("PipelineVersionId"))
        parsed = definition.parse(version["Definition"])
        given = {entry["Name"]: entry["Value"] for entry in params.get("PipelineParameters", [])}
        bound = definition.bind(parsed, given)
        execution_id = "".join(secrets.choice(LETTERS) for _ in range(12))
        arn = f"{pipeline['PipelineArn']}/execution/{execution_id}"
        parallel = params.get("ParallelismConfiguration") or pipeline.get("ParallelismConfiguration") or {}
        record = {
            "PipelineExecutionDisplayName": f"execution-{int(moment.timestamp() * 1000)}",
            **pick(params, "PipelineExecutionDisplayName", "PipelineExecutionDescription"),
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineExecutionArn": arn,
            "PipelineExecutionStatus": "Executing",
            "CreationTime": moment,
            "LastModifiedTime": moment,
            "CreatedBy": created_by(call),
            "PipelineVersionId": version["PipelineVersionId"],
            "Definition": version["Definition"],
            "ParallelismConfiguration": parallel or None,
        }
        most = parallel.get("MaxParallelExecutionSteps", MOST_PARALLEL)
        earlier = functools.partial(self._executions_of, pipeline)
        execution = Execution(
            self._world, record, parsed, bound, pipeline["RoleArn"], self._kinds, earlier, most
        )
        self._executions[arn] = execution
        _start(execution)
        return arn

    def _executions_of(self, pipeline: Record) -> tuple[Execution, ...]:
        """A pipeline's executions, the newest first; those of a deleted namesake are not among them."""
        return tuple(
            execution
            for execution in reversed(tuple(self._executions.values()))
            if execution.record["PipelineArn"] == pipeline["PipelineArn"]
            and execution.record["CreationTime"] >= pipeline["CreationTime"]
        )

    def _execution(self, call: Call) -> Execution:
        arn = call.params["PipelineExecutionArn"]
        if arn not in self._executions:
            raise ServiceError("ResourceNotFound", f"PipelineExecution '{arn}' does not exist.")
        return self._executions[arn]

    def stop(self, call: Call) -> dict[str, Any]:
        execution = self._execution(call)
        status = execution.record["PipelineExecutionStatus"]
        if status not in ("Executing", "Stopping"):
            raise invalid(f"Only executions in Executing status can be stopped; this one is {status}.")
        execution.stop()
        return {"PipelineExecutionArn": execution.record["PipelineExecutionArn"]}

    def retry(self, call: Call) -> dict[str, Any]:
        execution, params = self._execution(call), call.params
        arn = str(execution.record["PipelineExecutionArn"])
        with self._shelf.lock:
            token = f"{arn}/{params['ClientRequestToken']}"
            if token in self._tokens:
                return {"PipelineExecutionArn": arn}
            status = execution.record["PipelineExecutionStatus"]
            if status not in ("Failed", "Stopped"):
                raise invalid(
                    f"Only executions that failed or were stopped can be retried; this one is {status}."
                )
            self._tokens[token] = arn
            execution.retry(params.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps"))
        _start(execution)
        return {"PipelineExecutionArn": arn}

    def describe_execution(self, call: Call) -> dict[str, Any]:
        execution = self._execution(call)
        with execution.lock:
            return pick(execution.record, *EXECUTION)

    def describe_definition(self, call: Call) -> dict[str, Any]:
        record = self._execution(call).record
        return {"PipelineDefinition": record["Definition"], "CreationTime": record["CreationTime"]}

    def list_executions(self, call: Call) -> dict[str, Any]:
        arn = self._shelf.get(_name(call.params["PipelineName"]))["PipelineArn"]
        found = [
            {
                **execution.record,
                "StartTime": execution.record["CreationTime"],
                "PipelineExecutionFailureReason": execution.record.get("FailureReason"),
            }
            for execution in self._executions.values()
            if execution.record["PipelineArn"] == arn
        ]
        chosen = select(found, call.params, "PipelineExecutionArn", "PipelineExecutionStatus")
        return page(
            chosen,
            call.params,
            "PipelineExecutionSummaries",
            lambda execution: pick(execution, *EXECUTION_SUMMARY),
        )

    def list_steps(self, call: Call) -> dict[str, Any]:
        execution = self._execution(call)
        with execution.lock:
            steps = [dict(step) for step in execution.steps.values()]
        steps.sort(key=lambda step: step["StartTime"], reverse=call.params.get("SortOrder") != "Ascending")
        return page(steps, call.params, "PipelineExecutionSteps", dict)

    def list_parameters(self, call: Call) -> dict[str, Any]:
        bound = self._execution(call).parameters
        found = [{"Name": name, "Value": str(value)} for name, value in bound.items()]
        return page(found, call.params, "PipelineParameters", dict)

    def update_version(self, call: Call) -> dict[str, Any]:
        params = call.params
        with self._shelf.lock:
            pipeline = self._shelf.get(_name(params["PipelineArn"]))
            wanted = self._version(pipeline, params["PipelineVersionId"])["PipelineVersionId"]
            said = pick(params, "PipelineVersionDisplayName", "PipelineVersionDescription")
            versions = [
                {**version, **said} if version["PipelineVersionId"] == wanted else version
                for version in pipeline["Versions"]
            ]
            self._shelf.update(pipeline["PipelineName"], Versions=versions)
        return {"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": wanted}

    @staticmethod
    def _version(pipeline: Record, number: int | None) -> Record:
        versions = pipeline["Versions"]
        if number is None:
            return dict(versions[-1])
        if not 1 <= number <= len(versions):
            raise ServiceError(
                "ResourceNotFound",
                f"Pipeline '{pipeline['PipelineArn']}' has no version {number}; it has {len(versions)}.",
            )
        return dict(versions[number - 1])


def _start(execution: Execution) -> None:
    threading.Thread(target=execution.run, name=f"execution-{execution.id}", daemon=True).start()


def definition_text(params: Record) -> str:
    if "PipelineDefinition" not in params:
        raise invalid(
            "the sandbox does not serve PipelineDefinitionS3Location: give PipelineDefinition; "
            "see docs/sandbox.md"
        )
    return str(params["PipelineDefinition"])


def _name(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]
