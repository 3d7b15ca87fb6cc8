"""Conditions of a template: which of its resources a stack is to have, given its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping


# libyaml's reads ten times as fast, where it is
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]
    """Reads short forms as the long ones: !Ref A is {Ref: A}, !Not [x] is {Fn::Not: [x]}."""


def _construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    return {name: node.value}


_Loader.add_multi_constructor("!", _construct)


def load(template: str) -> Any:
    """A template with every function in its long form; raises yaml.YAMLError."""
    return yaml.load(template, _Loader)  # noqa: S506  # a SafeLoader that knows CloudFormation's tags


class UnknownFunctionError(Exception):
    """A function that conditions are not evaluated with here."""


def is_left_out(document: Any, resource: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    """Whether a resource's condition is certainly false; where it cannot be told, the resource counts."""
    name = resource.get("Condition")
    try:
        return name is not None and not _holds({"Condition": name}, document, known)
    except (UnknownFunctionError, KeyError, TypeError, ValueError):
        return False


def _holds(condition: Any, document: Any, known: Mapping[str, str]) -> bool:
    ((function, operands),) = condition.items()
    if function == "Condition":
        return _holds(document["Conditions"][operands], document, known)
    if function == "Fn::Equals":
        first, second = (_value(each, document, known) for each in operands)
        return first == second
    results = [_holds(each, document, known) for each in operands]
    if function == "Fn::Not":
        return not results[0]
    if function in ("Fn::And", "Fn::Or"):
        return all(results) if function == "Fn::And" else any(results)
    raise UnknownFunctionError(function)


def _value(operand: Any, document: Any, known: Mapping[str, str]) -> str:
    if not isinstance(operand, dict):
        return str(operand)
    ((function, name),) = operand.items()
    if function != "Ref":
        raise UnknownFunctionError(function)
    return known[name] if name in known else str(document["Parameters"][name]["Default"])
