"""Parameters of a template: what is given, kept from before or by default, and whether it is allowed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.errors import malformed, refused, unserved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.cloudformation.template import Template

LISTS = ("CommaDelimitedList", "List<Number>", "List<String>")
KINDS = ("String", "Number", *LISTS)
HIDDEN = "****"
MEMBERS = frozenset(
    {
        "AllowedPattern",
        "AllowedValues",
        "ConstraintDescription",
        "Default",
        "Description",
        "MaxLength",
        "MaxValue",
        "MinLength",
        "MinValue",
        "NoEcho",
        "Type",
    }
)


def choose(
    template: Template, given: Iterable[Mapping[str, Any]], before: Mapping[str, str] | None
) -> dict[str, str]:
    """The value of each parameter, as text; `before` are those of the stack, for UsePreviousValue."""
    _check_declared(template)
    asked = {each["ParameterKey"]: each for each in given}
    if unknown := [name for name in asked if name not in template.parameters]:
        raise refused(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    found: dict[str, str] = {}
    for name, declared in template.parameters.items():
        value = _value(name, declared, asked.get(name, {}), before)
        if value is not None:
            found[name] = value
    if missing := [name for name in template.parameters if name not in found]:
        raise refused(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in found.items():
        _check(name, template.parameters[name], value)
    return found


def _value(
    name: str, declared: Mapping[str, Any], asked: Mapping[str, Any], before: Mapping[str, str] | None
) -> str | None:
    if asked.get("UsePreviousValue"):
        if "ParameterValue" in asked:
            raise refused(
                f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and value"
            )
        if before is None or name not in before:
            raise refused(
                f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true "
                "for a parameter key not in the previous template"
            )
        return before[name]
    if "ParameterValue" in asked:
        return str(asked["ParameterValue"])
    default = declared.get("Default")
    if default is None:
        return None
    return str(default).lower() if isinstance(default, bool) else str(default)


def _check_declared(template: Template) -> None:
    for name, declared in template.parameters.items():
        kind = declared.get("Type")
        if kind is None:
            raise malformed(f"Every Parameters object must contain a Type member; {name} has none")
        if kind not in KINDS:
            raise unserved(f"parameters of type {kind!r}, as {name} is; it has {', '.join(KINDS)}")
        if unknown := sorted(set(declared) - MEMBERS):
            raise malformed(f"Invalid template parameter property {', '.join(unknown)!r} of {name}")


def _check(name: str, declared: Mapping[str, Any], value: str) -> None:
    members = split(value) if declared["Type"] in LISTS else [value]
    for each in members:
        fault = _fault(declared, each)
        if fault and declared.get("ConstraintDescription"):
            said = f"failed to satisfy constraint: {declared['ConstraintDescription']}"
            raise refused(f"Parameter {name} {said}")
        if fault:
            raise refused(f"Parameter {name!r} {fault}")


def _fault(declared: Mapping[str, Any], value: str) -> str:
    """Why a value is not allowed; empty when it is."""
    allowed = declared.get("AllowedValues")
    if allowed is not None and value not in [_plain(each) for each in allowed]:
        return f"must be one of AllowedValues: {value!r} is none of {', '.join(map(_plain, allowed))}"
    if "Number" in declared["Type"]:
        return _number_fault(declared, value)
    pattern = declared.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(str(pattern), value):
        return f"must match pattern {pattern}: {value!r} does not"
    if len(value) < int(declared.get("MinLength", 0)):
        return f"must contain at least {declared['MinLength']} characters"
    if len(value) > int(declared.get("MaxLength", 4096)):
        return f"must contain at most {declared.get('MaxLength', 4096)} characters"
    return ""


def _number_fault(declared: Mapping[str, Any], value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return f"must be a number: {value!r} is none"
    if "MinValue" in declared and number < float(declared["MinValue"]):
        return f"must be a number not less than {declared['MinValue']}"
    if "MaxValue" in declared and number > float(declared["MaxValue"]):
        return f"must be a number not greater than {declared['MaxValue']}"
    return ""


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def split(value: str) -> list[str]:
    return [each.strip() for each in value.split(",")]


def typed(template: Template, chosen: Mapping[str, str]) -> dict[str, Any]:
    """What Ref gives of each parameter: a text, or a list of texts."""
    lists = {name for name, declared in template.parameters.items() if declared["Type"] in LISTS}
    return {name: split(value) if name in lists else value for name, value in chosen.items()}


def shown(template: Template, chosen: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters as they are described: those with NoEcho hidden."""
    return [
        {"ParameterKey": name, "ParameterValue": HIDDEN if _is_hidden(template, name) else value}
        for name, value in chosen.items()
    ]


def _is_hidden(template: Template, name: str) -> bool:
    return str(template.parameters[name].get("NoEcho", "")).lower() == "true"
