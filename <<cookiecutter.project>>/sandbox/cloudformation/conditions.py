"""Conditions and rules of a template: what parameters alone decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.errors import malformed, refused, unserved
from sandbox.cloudformation.functions import Scope, call_of, resolve, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.cloudformation.template import Template


def evaluate(template: Template, values: Mapping[str, Any]) -> dict[str, bool]:
    """Whether each condition of a template holds."""
    judge = _Judge(template, values)
    return {name: judge.holds({"Condition": name}) for name in template.conditions}


def check_rules(template: Template, values: Mapping[str, Any]) -> None:
    """Refuse parameters of which a rule's assertion is false."""
    judge = _Judge(template, values)
    for name, rule in template.rules.items():
        if "RuleCondition" in rule and not judge.holds(rule["RuleCondition"]):
            continue
        for each in rule.get("Assertions") or ():
            if not judge.holds(each["Assert"]):
                said = each.get("AssertDescription", "an assertion is false")
                raise refused(f"Template error: rule {name} is not fulfilled: {said}")


class _Judge:
    """Evaluates boolean functions; each condition once, and none by way of itself."""

    def __init__(self, template: Template, values: Mapping[str, Any]) -> None:
        self._conditions = template.conditions
        self._known: dict[str, bool] = {}
        self._open: list[str] = []
        self._scope = Scope(values, template.mappings, {}, _no_resource, _no_attribute, _no_import, _no_zones)

    def holds(self, value: Any) -> bool:
        name, operand = call_of(value) or ("", value)
        if name == "Condition":
            return self._named(operand)
        if name not in OPERATORS:
            raise malformed(f"a condition must be one of {', '.join(OPERATORS)}; found {value!r}")
        if not isinstance(operand, list):
            raise malformed(f"every {name} object requires a list")
        return OPERATORS[name](self, operand)

    def value(self, operand: Any) -> Any:
        return resolve(operand, self._scope)

    def _named(self, name: str) -> bool:
        if name not in self._conditions:
            raise malformed(f"Unresolved condition dependency {name} in the Conditions block of the template")
        if name in self._open:
            raise malformed(f"Circular dependency between conditions: {', '.join(self._open)}")
        if name not in self._known:
            self._open.append(name)
            self._known[name] = self.holds(self._conditions[name])
            self._open.pop()
        return self._known[name]


def _equals(judge: _Judge, operands: list[Any]) -> bool:
    if len(operands) != 2:
        raise malformed("every Fn::Equals object requires a list of 2 parameters")
    first, second = (judge.value(each) for each in operands)
    if isinstance(first, list) or isinstance(second, list):
        return bool(first == second)
    return text(first) == text(second)


def _members(judge: _Judge, operands: list[Any]) -> tuple[list[str], list[str]]:
    first, second = (judge.value(each) for each in operands)
    return [text(each) for each in _listed(first)], [text(each) for each in _listed(second)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _contains(judge: _Judge, operands: list[Any]) -> bool:
    members, (sought, *_) = _members(judge, operands)
    return sought in members


def _each_in(judge: _Judge, operands: list[Any]) -> bool:
    members, allowed = _members(judge, operands)
    return set(members) <= set(allowed)


def _each_equals(judge: _Judge, operands: list[Any]) -> bool:
    members, (value, *_) = _members(judge, operands)
    return all(member == value for member in members)


OPERATORS: dict[str, Callable[[_Judge, list[Any]], bool]] = {
    "Fn::And": lambda judge, operands: all(judge.holds(each) for each in operands),
    "Fn::Or": lambda judge, operands: any(judge.holds(each) for each in operands),
    "Fn::Not": lambda judge, operands: not judge.holds(operands[0]),
    "Fn::Equals": _equals,
    "Fn::Contains": _contains,
    "Fn::EachMemberIn": _each_in,
    "Fn::EachMemberEquals": _each_equals,
}


def _no_resource(name: str) -> Any:
    raise malformed(f"Unresolved dependencies [{name}]. Cannot reference resources in the Conditions block")


def _no_attribute(name: str, attribute: str) -> Any:
    raise _no_resource(f"{name}.{attribute}")


def _no_import(name: str) -> Any:
    raise unserved(f"Fn::ImportValue in conditions, as of {name}")


def _no_zones(region: str) -> Sequence[str]:
    raise unserved(f"Fn::GetAZs in conditions, as of {region}")
