"""Conditions of a stage: the rules of one moment, and what engages when one of them is not met."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.codepipeline.references import UnresolvedError, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[dict[str, Any]], tuple[bool, str]]


@dataclass(frozen=True)
class Verdict:
    """What the conditions of one moment came to; `result` is what engages, empty where they are met.

    `status` is empty where `result` says it all: while rules still run, and where somebody set them aside.
    """

    result: str
    summary: str
    rules: tuple[tuple[str, bool, str], ...]  # name, met, why
    status: str = ""


MET = Verdict("", "", ())
RUNNING = Verdict("", "", (), "InProgress")
ASIDE = Verdict("", "somebody set the conditions aside", (), "Overridden")


def judge(conditions: list[dict[str, Any]], check: Check) -> Verdict:
    """Judge all rules: one that is not met engages its condition's result."""
    told: list[tuple[str, bool, str]] = []
    result = summary = ""
    for condition in conditions:
        for rule in condition.get("rules", []):
            met, why = check(rule)
            told.append((rule["name"], met, why))
            if not met and not result:
                result, summary = condition.get("result", "FAIL"), f"{rule['name']}: {why}"
    return Verdict(result, summary, tuple(told))


def check_variable(
    configuration: Mapping[str, str], values: Mapping[str, Mapping[str, str]]
) -> tuple[bool, str]:
    """The rule VariableCheck.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-VariableCheck.html
    """
    try:
        found, wanted = (resolve(configuration[name], values) for name in ("Variable", "Value"))
    except UnresolvedError as error:
        return False, str(error)
    operator = configuration["Operator"]
    met = {
        "EQ": lambda: found == wanted,
        "NE": lambda: found != wanted,
        "CONTAINS": lambda: wanted in found,
        "MATCHES": lambda: _matches(wanted, found),
    }[operator]()
    return met, f"{configuration['Variable']} is {found!r}: {'' if met else 'not '}{operator} {wanted!r}"


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False
