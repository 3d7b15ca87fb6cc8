"""What a template says once its parameters are known: which resources it has, and under which names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.foundation.stacks import Stack
    from mlops.foundation.templates import Resource

REFERENCE = re.compile(r"\$\{([^!}][^}]*)\}")


class UnknownValueError(Exception):
    """Only CloudFormation can tell: the attribute of a resource, an import, a function not read here."""


@dataclass(frozen=True)
class Scope:
    """A template's conditions, and the values of its parameters and pseudo parameters."""

    conditions: Mapping[str, Any]
    values: Mapping[str, str]

    def value(self, given: Any) -> str:
        """The text that an expression comes to; UnknownValueError where that needs a resource."""
        if not isinstance(given, dict):
            return str(given)
        ((function, operand),) = given.items()
        if function == "Ref":
            return self.look_up(operand)
        if function == "Fn::Sub":
            return self.substitute(operand)
        if function == "Fn::If":
            name, if_true, if_false = operand
            return self.value(if_true if self.holds(name) else if_false)
        if function == "Fn::Join":
            return str(operand[0]).join(self.value(part) for part in operand[1])
        raise UnknownValueError(function)

    def look_up(self, name: str) -> str:
        """The value of a parameter."""
        if name not in self.values:
            raise UnknownValueError(name)
        return self.values[name]

    def substitute(self, operand: Any) -> str:
        """Fn::Sub, with or without a map of its own."""
        text, own = operand if isinstance(operand, list) else (operand, {})
        named = {name: self.value(given) for name, given in own.items()}
        return REFERENCE.sub(
            lambda found: named[found[1]] if found[1] in named else self.look_up(found[1]), str(text)
        )

    def holds(self, name: str) -> bool:
        """Whether a condition is met."""
        return self.judge(self.conditions[name])

    def judge(self, given: Any) -> bool:
        """Whether a condition's expression is true."""
        ((function, operands),) = given.items()
        if function == "Condition":
            return self.holds(operands)
        if function == "Fn::Equals":
            return self.value(operands[0]) == self.value(operands[1])
        if function == "Fn::Not":
            return not self.judge(operands[0])
        if function in ("Fn::And", "Fn::Or"):
            verdicts = [self.judge(each) for each in operands]
            return all(verdicts) if function == "Fn::And" else any(verdicts)
        raise UnknownValueError(function)


def scope_of(stack: Stack, parameters: Mapping[str, str]) -> Scope:
    """The scope of a stack whose parameters all have values."""
    pseudo = {
        "AWS::AccountId": stack.account,
        "AWS::Region": stack.region,
        "AWS::StackName": stack.name,
        "AWS::Partition": partition(stack.region),
    }
    return Scope(stack.template.document.get("Conditions") or {}, {**pseudo, **parameters})


def partition(region: str) -> str:
    """The part of AWS that a region lies in, as ARNs name it."""
    found = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for prefix, name in found.items() if region.startswith(prefix)), "aws")


def full_parameters(stack: Stack, earlier: Mapping[str, str]) -> dict[str, str]:
    """Every parameter's value: as given now, as the stack has it, else its default."""
    declared = stack.template.parameters
    return {
        name: stack.parameters.get(name, earlier.get(name, parameter.default or ""))
        for name, parameter in declared.items()
    }


def wanted_resources(stack: Stack, earlier: Mapping[str, str]) -> list[Resource]:
    """The resources that a stack is to have; one whose condition cannot be told here counts."""
    scope = scope_of(stack, full_parameters(stack, earlier))
    return [each for each in stack.template.resources.values() if not is_left_out(scope, each.condition)]


def is_left_out(scope: Scope, condition: str | None) -> bool:
    """Whether a condition is certainly not met."""
    try:
        return condition is not None and not scope.holds(condition)
    except UnknownValueError:
        return False


def in_words(stack: Stack, text: str) -> str:
    """A text of a template with its parameters filled in, as far as they are known."""
    try:
        return scope_of(stack, full_parameters(stack, {})).substitute(text)
    except UnknownValueError:
        return text


def own_name(stack: Stack, resource: Resource, key: str, earlier: Mapping[str, str]) -> str | None:
    """The name that a template gives a resource by a property; None where only CloudFormation can tell."""
    properties = stack.template.document["Resources"][resource.name].get("Properties") or {}
    if key not in properties:
        return None
    try:
        return scope_of(stack, full_parameters(stack, earlier)).value(properties[key])
    except UnknownValueError:
        return None
