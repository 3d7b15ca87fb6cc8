"""What a type takes: properties that it lacks are refused by name, texts become the numbers they stand for.

A schema is str, int, float, bool, dict (any document), [schema] (a list), {name: schema} (a structure), or
{"*": schema} (a map with keys of the template's own).
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.errors import refused
from sandbox.cloudformation.functions import Later, text

Schema = Any
EVERY = "*"
NAMES = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Number",
}


def fit(schema: Schema, value: Any, kind: str, path: str = "") -> Any:
    """A value as its schema says; `kind` and `path` are for the refusal. A Later fits anywhere."""
    if isinstance(value, Later):
        return value
    if isinstance(schema, list):
        if not isinstance(value, list):
            raise _unfit(kind, path, "JSONArray", value)
        return [fit(schema[0], member, kind, f"{path}[{index}]") for index, member in enumerate(value)]
    if isinstance(schema, dict):
        return _structure(schema, value, kind, path)
    if schema is dict:
        return _document(value, kind, path)
    return _scalar(schema, value, kind, path)


def _structure(schema: dict[str, Schema], value: Any, kind: str, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unfit(kind, path, "JSONObject", value)
    if EVERY in schema:
        return {str(key): fit(schema[EVERY], each, kind, _join(path, key)) for key, each in value.items()}
    if unknown := sorted(_join(path, key) for key in set(value) - set(schema)):
        raise refused(f"the sandbox's {kind} has no {', '.join(unknown)}; see docs/sandbox.md")
    return {key: fit(schema[key], member, kind, _join(path, key)) for key, member in value.items()}


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _document(value: Any, kind: str, path: str) -> Any:
    """A document, which may be given as its text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise _unfit(kind, path, "JSONObject", value) from None
    return value


def _scalar(schema: Any, value: Any, kind: str, path: str) -> Any:
    if isinstance(value, dict | list):
        raise _unfit(kind, path, NAMES[schema], value)
    said = text(value)
    if schema is bool:
        if said.lower() not in ("true", "false"):
            raise _unfit(kind, path, "Boolean", value)
        return said.lower() == "true"
    try:
        return schema(said)
    except ValueError:
        raise _unfit(kind, path, NAMES[schema], value) from None


def _unfit(kind: str, path: str, expected: str, value: Any) -> Exception:
    found = NAMES.get(type(value), type(value).__name__)
    return refused(
        f"Properties validation failed for {kind}: {path}: expected type: {expected}, found: {found}"
    )
