"""Inputs of workflow_dispatch and workflow_call: defaults, types, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge.runs import values
from sandbox.forge.runs.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES = ("string", "boolean", "number", "choice", "environment")
EMPTY = {"boolean": False, "number": 0}


def resolve_inputs(declared: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every declared input with its value; WorkflowError carries the text of GitHub's answer."""
    known: dict[str, Any] = declared if isinstance(declared, dict) else {}
    unexpected = [name for name in given if name not in known]
    if unexpected:
        raise WorkflowError(f"Unexpected inputs provided: {values.as_json(unexpected)}")
    return {name: _resolve(name, spec or {}, given) for name, spec in known.items()}


def _resolve(name: str, spec: dict[str, Any], given: Mapping[str, Any]) -> Any:
    kind = str(spec.get("type", "string"))
    if kind not in TYPES:
        raise WorkflowError(f"input {name!r} has type {kind!r}. Allowed: {', '.join(TYPES)}")
    value = given.get(name)
    if value in (None, ""):
        if spec.get("required") and "default" not in spec:
            raise WorkflowError(f"Required input '{name}' not provided")
        value = spec.get("default", EMPTY.get(kind, ""))
    return _typed(name, kind, spec, value)


def _typed(name: str, kind: str, spec: dict[str, Any], value: Any) -> Any:
    text = values.as_text(value)
    if kind == "boolean":
        if text not in ("true", "false"):
            raise WorkflowError(f"Provided value '{text}' for input '{name}' is not a boolean")
        return text == "true"
    if kind == "number":
        if (found := values.as_number(value)) != found:
            raise WorkflowError(f"Provided value '{text}' for input '{name}' is not a number")
        return found
    if kind == "choice" and text not in (
        options := [values.as_text(item) for item in spec.get("options", [])]
    ):
        raise WorkflowError(
            f"Provided value '{text}' for input '{name}' not in the list of allowed values: {options}"
        )
    return text
