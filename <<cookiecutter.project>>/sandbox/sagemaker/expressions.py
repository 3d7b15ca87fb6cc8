"""The expressions of a pipeline definition: Get, Std:Join, Std:JsonGet, and paths into what they find."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]")
NAME_MEMBERS = ("OutputName", "InputName", "ChannelName", "MetricName", "Name")


class ExpressionError(Exception):
    """A reference that leads nowhere; the text becomes a step's FailureReason."""


@dataclass(frozen=True)
class Scope:
    """What expressions of one execution can reach."""

    parameters: dict[str, Any]
    execution: dict[str, Any]
    step: Callable[[str], dict[str, Any]]
    property_file: Callable[[str, str], Any]


def resolve(value: Any, scope: Scope) -> Any:
    """Replace every expression in a document by its value."""
    if isinstance(value, list):
        return [resolve(member, scope) for member in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Get"}:
        return get(value["Get"], scope)
    if set(value) == {"Std:Join"}:
        join = value["Std:Join"]
        return join["On"].join(text(resolve(part, scope)) for part in join["Values"])
    if set(value) == {"Std:JsonGet"}:
        return json_get(value["Std:JsonGet"], scope)
    return {key: resolve(member, scope) for key, member in value.items()}


def get(reference: str, scope: Scope) -> Any:
    """Follow a reference: Parameters.X, Execution.X, Steps.X.<path>."""
    kind, _, rest = reference.partition(".")
    if kind == "Parameters" and rest in scope.parameters:
        return scope.parameters[rest]
    if kind == "Execution" and rest in scope.execution:
        return scope.execution[rest]
    if kind == "Steps":
        step, _, path = rest.partition(".")
        return follow(scope.step(step), path, reference)
    raise ExpressionError(f"{reference!r} names nothing in this execution")


def json_get(arguments: dict[str, Any], scope: Scope) -> Any:
    """Read one value of a property file."""
    reference = property_file(arguments)
    return follow(
        scope.property_file(*reference), arguments["Path"], f"{'.'.join(reference)}: {arguments['Path']}"
    )


def property_file(arguments: dict[str, Any]) -> tuple[str, str]:
    """The step and the file that a Std:JsonGet reads."""
    reference = arguments.get("PropertyFile", {})
    found = re.fullmatch(r"Steps\.([^.]+)\.PropertyFiles\.(.+)", reference.get("Get", ""))
    if found is None:
        raise ExpressionError(f"Std:JsonGet needs a PropertyFile of a step, not {arguments!r}")
    return found[1], found[2]


def follow(document: Any, path: str, said: str) -> Any:
    """Walk a path such as Outputs['train'].S3Output.S3Uri; a list of named members can be indexed by name."""
    for name, index, key in TOKEN.findall(path):
        document = _member(document, name or key, int(index) if index else None, said)
    return document


def _member(document: Any, name: str, index: int | None, said: str) -> Any:
    if isinstance(document, list) and index is not None and index < len(document):
        return document[index]
    if isinstance(document, list):
        for member in document:
            if isinstance(member, dict) and name in [member.get(label) for label in NAME_MEMBERS]:
                return member
    if isinstance(document, dict) and name in document:
        return document[name]
    raise ExpressionError(f"{said!r}: there is no {name or index!r}")


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def references(value: Any) -> Iterator[str]:
    """Every Get in a document, the ones inside functions included."""
    if isinstance(value, dict):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: bool(left == right),
    "GreaterThan": lambda left, right: bool(left > right),
    "GreaterThanOrEqualTo": lambda left, right: bool(left >= right),
    "LessThan": lambda left, right: bool(left < right),
    "LessThanOrEqualTo": lambda left, right: bool(left <= right),
}
CONDITIONS = frozenset({*COMPARISONS, "In", "Not", "Or"})


def holds(condition: dict[str, Any], scope: Scope) -> bool:
    """Evaluate one condition."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Expression"], scope)
    if kind == "Or":
        return any(holds(part, scope) for part in condition["Conditions"])
    if kind == "In":
        return resolve(condition["QueryValue"], scope) in resolve(condition["Values"], scope)
    left, right = resolve(condition["LeftValue"], scope), resolve(condition["RightValue"], scope)
    try:
        return COMPARISONS[kind](left, right)
    except TypeError:
        raise ExpressionError(f"{kind} cannot compare {left!r} with {right!r}") from None
