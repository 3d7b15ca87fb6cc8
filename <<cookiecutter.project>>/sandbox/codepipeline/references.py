"""Variables of a pipeline: `#{namespace.name}` in the configurations of actions and rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PATTERN = re.compile(r"#\{(?P<namespace>[A-Za-z0-9@_-]+)\.(?P<name>[A-Za-z0-9@_-]+)\}")


class UnresolvedError(Exception):
    """A variable that nothing has given a value."""


def references(text: str) -> list[tuple[str, str]]:
    """The variables that a text names."""
    return [(found["namespace"], found["name"]) for found in PATTERN.finditer(text)]


def resolve(text: str, values: Mapping[str, Mapping[str, str]]) -> str:
    """Put values for variables; raises for one that has none."""

    def value(found: re.Match[str]) -> str:
        try:
            return values[found["namespace"]][found["name"]]
        except KeyError:
            known = ", ".join(sorted(values.get(found["namespace"], {}))) or "none"
            raise UnresolvedError(f"no value for {found[0]}; {found['namespace']} has {known}") from None

    return PATTERN.sub(value, text)


def resolve_known(text: str, values: Mapping[str, Mapping[str, str]]) -> str:
    """Put values for the variables that have one."""
    return PATTERN.sub(lambda found: values.get(found["namespace"], {}).get(found["name"], found[0]), text)


def resolve_all(configuration: Mapping[str, str], values: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """A configuration with every variable's value in its place."""
    return {key: resolve(text, values) for key, text in configuration.items()}
