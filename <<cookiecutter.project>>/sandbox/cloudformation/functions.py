"""Evaluates intrinsic functions. What depends on a resource that is not there yet stays a `Later`."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.errors import malformed, refused, unserved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

VARIABLE = re.compile(r"\$\{(!?)([^{}]+)\}")
SHORT = frozenset({"Ref", "Condition"})


@dataclass(frozen=True)
class Later:
    """A value that other resources decide: their logical ids, with the attribute or "" for Ref."""

    sources: frozenset[tuple[str, str]]


class NoValue:
    """AWS::NoValue: a property or member that is not to be."""


NO_VALUE = NoValue()


@dataclass(frozen=True)
class Scope:
    """What names mean. `reference` and `attribute` give a resource's values, or a Later."""

    values: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, bool]
    reference: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    exported: Callable[[str], Any]
    zones: Callable[[str], Sequence[str]]


def call_of(value: Any) -> tuple[str, Any] | None:
    """The name and operand of a function; None for any other value."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((name, operand),) = value.items()
    return (name, operand) if name in SHORT or str(name).startswith("Fn::") else None


def resolve(value: Any, scope: Scope) -> Any:
    """A value with all that can be known filled in."""
    if found := call_of(value):
        name, operand = found
        if name not in FUNCTIONS:
            raise unserved(f"function {name}")
        return FUNCTIONS[name](operand, scope)
    if isinstance(value, dict):
        return _kept({key: resolve(member, scope) for key, member in value.items()})
    if isinstance(value, list):
        found_members = (resolve(member, scope) for member in value)
        return [member for member in found_members if member is not NO_VALUE]
    return value


def _kept(members: dict[str, Any]) -> dict[str, Any]:
    return {key: member for key, member in members.items() if member is not NO_VALUE}


def later(*values: Any) -> Later | None:
    """What values wait for together; None where all are known."""
    sources = frozenset(source for value in values for source in sources_of(value))
    return Later(sources) if sources else None


def sources_of(value: Any) -> Iterable[tuple[str, str]]:
    """The resources that a resolved value still waits for."""
    if isinstance(value, Later):
        yield from value.sources
    elif isinstance(value, dict):
        for member in value.values():
            yield from sources_of(member)
    elif isinstance(value, list):
        for member in value:
            yield from sources_of(member)


def text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list) or value is NO_VALUE:
        raise malformed(f"a text was expected, found {value!r}")
    return str(value)


def named(operand: Any, name: str, scope: Scope) -> Any:
    if operand == "AWS::NoValue":
        return NO_VALUE
    return scope.values[operand] if operand in scope.values else scope.reference(operand)


def get_att(operand: Any) -> tuple[str, Any]:
    """The resource and attribute that Fn::GetAtt names, in either of its forms."""
    pair = operand.split(".", 1) if isinstance(operand, str) else operand
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise malformed(
            "every Fn::GetAtt object requires two non-empty parameters, a resource and an attribute"
        )
    return pair[0], pair[1]


def _get_att(operand: Any, scope: Scope) -> Any:
    logical, attribute = get_att(operand)
    return scope.attribute(logical, text(resolve(attribute, scope)))


def _operands(name: str, operand: Any, count: int) -> list[Any]:
    if not isinstance(operand, list) or len(operand) != count:
        raise malformed(f"every {name} object requires a list of {count} parameters")
    return operand


def _join(operand: Any, scope: Scope) -> Any:
    joint, members = (resolve(each, scope) for each in _operands("Fn::Join", operand, 2))
    if waiting := later(joint, members):
        return waiting
    if not isinstance(members, list):
        raise malformed("every Fn::Join object requires a delimiter and a list of texts")
    return text(joint).join(map(text, members))


def sub_parts(operand: Any) -> tuple[str, dict[str, Any]]:
    """The text of Fn::Sub and its own variables."""
    body, own = _operands("Fn::Sub", operand, 2) if isinstance(operand, list) else (operand, {})
    if not isinstance(body, str) or not isinstance(own, dict):
        raise malformed("every Fn::Sub object requires a text, or a text and a map of variables")
    return body, own


def _sub(operand: Any, scope: Scope) -> Any:
    body, own = sub_parts(operand)
    mine = {name: resolve(value, scope) for name, value in own.items()}
    found: dict[str, Any] = {}
    for literal, name in VARIABLE.findall(body):
        if not literal:
            found[name] = mine[name] if name in mine else _variable(name.strip(), scope)
    if waiting := later(*found.values()):
        return waiting
    return VARIABLE.sub(lambda each: f"${{{each[2]}}}" if each[1] else text(found[each[2]]), body)


def _variable(name: str, scope: Scope) -> Any:
    if name in scope.values or "." not in name:
        return named(name, "Fn::Sub", scope)
    return scope.attribute(*name.split(".", 1))


def _select(operand: Any, scope: Scope) -> Any:
    index, members = (resolve(each, scope) for each in _operands("Fn::Select", operand, 2))
    if waiting := later(index) or (members if isinstance(members, Later) else None):
        return waiting
    if not isinstance(members, list) or not text(index).isdecimal() or int(index) >= len(members):
        raise refused(f"Template error: Fn::Select cannot select nonexistent value at index {text(index)}")
    return members[int(index)]


def _split(operand: Any, scope: Scope) -> Any:
    joint, body = (resolve(each, scope) for each in _operands("Fn::Split", operand, 2))
    return later(joint, body) or text(body).split(text(joint))


def _if(operand: Any, scope: Scope) -> Any:
    condition, then, otherwise = _operands("Fn::If", operand, 3)
    if condition not in scope.conditions:
        raise malformed(f"Template references undefined condition {condition!r} in Fn::If")
    return resolve(then if scope.conditions[condition] else otherwise, scope)


def _find_in_map(operand: Any, scope: Scope) -> Any:
    name, first, second = (text(resolve(each, scope)) for each in _operands("Fn::FindInMap", operand, 3))
    try:
        return scope.mappings[name][first][second]
    except (KeyError, TypeError):
        raise refused(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None


def _base64(operand: Any, scope: Scope) -> Any:
    value = resolve(operand, scope)
    return later(value) or base64.b64encode(text(value).encode()).decode()


def _cidr(operand: Any, scope: Scope) -> Any:
    block, count, *bits = (resolve(each, scope) for each in operand)
    if waiting := later(block, count, *bits):
        return waiting
    try:
        network = ipaddress.ip_network(text(block))
        prefix = network.max_prefixlen - int(bits[0] if bits else 8)
        found = network.subnets(new_prefix=prefix)
        return [str(each) for each, _ in zip(found, range(int(count)), strict=False)]
    except ValueError as error:
        raise refused(f"Template error: Fn::Cidr: {error}") from None


def _import(operand: Any, scope: Scope) -> Any:
    name = resolve(operand, scope)
    return later(name) or scope.exported(text(name))


def _zones(operand: Any, scope: Scope) -> Any:
    return list(scope.zones(text(resolve(operand, scope)) or scope.values["AWS::Region"]))


FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": lambda operand, scope: named(operand, "Ref", scope),
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::GetAZs": _zones,
    "Fn::If": _if,
    "Fn::ImportValue": _import,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}
