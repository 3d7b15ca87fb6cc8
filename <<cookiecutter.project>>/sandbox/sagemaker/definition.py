"""Reads and checks a pipeline definition, so that a faulty one is refused before anything runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.errors import invalid
from sandbox.sagemaker import caching, retries
from sandbox.sagemaker.expressions import CONDITIONS, references

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
VERSION = "2020-12-01"
STEP_TYPES = ("Processing", "Training", "Tuning", "Condition", "Fail")
READERS = {"String": str, "Integer": int, "Float": float}
VARIABLES = frozenset(
    {
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "StartDateTime",
        "CurrentDateTime",
    }
)


@dataclass(frozen=True)
class Definition:
    """A definition that passed the checks."""

    parameters: tuple[Json, ...]
    steps: tuple[Json, ...]
    experiment: Json

    def by_name(self) -> dict[str, Json]:
        return {step["Name"]: step for step in walk(self.steps)}


def parse(text: str) -> Definition:
    """Parse and check a definition."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise invalid(f"Unable to parse pipeline definition: {error}") from None
    if not isinstance(document, dict) or document.get("Version") != VERSION or not document.get("Steps"):
        raise invalid(
            f"Unable to parse pipeline definition: it needs Version {VERSION!r} and at least one step."
        )
    definition = Definition(
        tuple(document.get("Parameters") or ()),
        tuple(document["Steps"]),
        document.get("PipelineExperimentConfig") or {},
    )
    steps = list(walk(definition.steps))
    names = [step.get("Name") for step in steps]
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise invalid(f"Step names must be unique; {', '.join(map(repr, twice))} is used more than once.")
    for step in steps:
        _check_step(step)
        _check_references(step, definition)
    return definition


def walk(steps: Any) -> Iterator[Json]:
    """Every step, those in branches included."""
    for step in steps:
        yield step
        if step.get("Type") == "Condition":
            yield from walk(step["Arguments"].get("IfSteps", []))
            yield from walk(step["Arguments"].get("ElseSteps", []))


def _check_step(step: Json) -> None:
    said = f"step {step.get('Name')!r}"
    if step.get("Type") not in STEP_TYPES:
        raise invalid(
            f"{said}: the sandbox does not serve steps of type {step.get('Type')!r}, only "
            f"{', '.join(STEP_TYPES)}; see docs/sandbox.md"
        )
    caching.check(step, said)
    retries.check(step.get("RetryPolicies") or (), said)
    if step["Type"] == "Condition":
        for condition in step["Arguments"]["Conditions"]:
            _check_condition(condition, said)


def _check_condition(condition: Json, said: str) -> None:
    if condition.get("Type") not in CONDITIONS:
        raise invalid(
            f"{said}: unknown condition {condition.get('Type')!r}; known: {', '.join(sorted(CONDITIONS))}"
        )
    for part in [
        *condition.get("Conditions", []),
        *([condition["Expression"]] if "Expression" in condition else []),
    ]:
        _check_condition(part, said)


def _check_references(step: Json, definition: Definition) -> None:
    known = {
        "Parameters": {parameter["Name"] for parameter in definition.parameters},
        "Steps": set(definition.by_name()),
        "Execution": VARIABLES,
    }
    for reference in own_references(step):
        kind, _, rest = reference.partition(".")
        if kind not in known or rest.split(".")[0] not in known[kind]:
            raise invalid(
                f"step {step['Name']!r} refers to {reference!r}, which the definition does not have."
            )
    for name in step.get("DependsOn") or []:
        if name not in known["Steps"]:
            raise invalid(f"step {step['Name']!r} depends on {name!r}, which the definition does not have.")


def own_references(step: Json) -> list[str]:
    """References of a step itself; its branches' steps have their own."""
    arguments = step.get("Arguments", {})
    own = {"Conditions": arguments["Conditions"]} if step["Type"] == "Condition" else arguments
    return list(references(own))


def dependencies(step: Json) -> set[str]:
    """The steps that must have succeeded before this one starts."""
    named = {reference.split(".")[1] for reference in own_references(step) if reference.startswith("Steps.")}
    return named | set(step.get("DependsOn") or [])


def bind(definition: Definition, given: dict[str, str]) -> Json:
    """Give every parameter its value: the caller's, else the default."""
    known = {parameter["Name"]: parameter for parameter in definition.parameters}
    if unknown := sorted(set(given) - set(known)):
        raise invalid(
            f"Parameters {unknown} are not declared in the pipeline definition; it has {sorted(known)}."
        )
    missing = sorted(name for name, said in known.items() if name not in given and "DefaultValue" not in said)
    if missing:
        raise invalid(f"Parameters {missing} have no default value, so StartPipelineExecution must give one.")
    return {name: _value(said, given.get(name, said.get("DefaultValue"))) for name, said in known.items()}


def _value(parameter: Json, value: Any) -> Any:
    name, kind = parameter["Name"], parameter["Type"]
    try:
        read: Any = (
            value == "true"
            if kind == "Boolean" and isinstance(value, str)
            else READERS.get(kind, bool)(value)
        )
    except ValueError:
        raise invalid(f"Parameter {name!r} is of type {kind}, which {value!r} is not.") from None
    if "EnumValues" in parameter and read not in parameter["EnumValues"]:
        raise invalid(f"Parameter {name!r} is {read!r}; allowed: {parameter['EnumValues']!r}.")
    return read
