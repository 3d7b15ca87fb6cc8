"""A template as it is written: read from YAML or JSON, its structure checked, nothing evaluated."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.cloudformation.errors import malformed, refused, unserved

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 51_200  # bytes of a template in a request; one in S3 may have LONGEST_STORED
LONGEST_STORED = 2**20
MOST_RESOURCES, MOST_PARAMETERS, MOST_OUTPUTS = 500, 200, 200
SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
    }
)
MEMBERS = frozenset(
    {"Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdateReplacePolicy"}
)
POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Delete", "Retain"),
}
# libyaml's reads ten times as fast, where it is
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]
    """Reads short forms as the long ones: !Ref A is {Ref: A}, !Not [x] is {Fn::Not: [x]}."""

    # a policy's Version is a text that looks like a date
    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's own name
        first: [each for each in known if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, known in _Safe.yaml_implicit_resolvers.items()
    }


def _construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    return {name: node.value}


_Loader.add_multi_constructor("!", _construct)


@functools.lru_cache(maxsize=64)
def load(text: str) -> Any:
    """A document, which nobody changes, with every function in its long form; raises yaml.YAMLError."""
    return yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader that knows CloudFormation's tags


@dataclass(frozen=True)
class Template:
    """The sections of a template; those that it lacks are empty."""

    text: str
    description: str
    metadata: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, Any]]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    rules: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]


@functools.lru_cache(maxsize=64)
def read(text: str) -> Template:
    """Read a template; refuses what CloudFormation would, and by name what only the sandbox lacks."""
    try:
        document = load(text)
    except yaml.YAMLError as error:
        raise malformed(f"YAML not well-formed. {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise malformed("unsupported structure.")
    if "Transform" in document:
        raise unserved(f"transforms: {document['Transform']!r}")
    if unknown := sorted(map(str, set(document) - SECTIONS)):
        raise refused(f"Invalid template property or properties [{', '.join(unknown)}]")
    sections = {name: _section(document, name) for name in SECTIONS - {"AWSTemplateFormatVersion"}}
    found = Template(text, str(sections.pop("Description") or ""), **_lowered(sections))
    _check(found)
    return found


def _section(document: dict[str, Any], name: str) -> Any:
    value = document.get(name) or ({} if name != "Description" else "")
    if name != "Description" and not isinstance(value, dict):
        raise malformed(f"[/{name}] {type(value).__name__} is not a map")
    return value


def _lowered(sections: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in sections.items()}


def _check(template: Template) -> None:
    if not template.resources:
        raise malformed("At least one Resources member must be defined.")
    for what, found, most in (
        ("resources", template.resources, MOST_RESOURCES),
        ("parameters", template.parameters, MOST_PARAMETERS),
        ("outputs", template.outputs, MOST_OUTPUTS),
    ):
        if len(found) > most:
            raise malformed(f"Number of {what}, {len(found)}, is greater than maximum allowed, {most}")
    for section in ("parameters", "resources", "outputs"):
        for name, body in getattr(template, section).items():
            _check_named(section.capitalize(), name, body)
    for name, body in template.resources.items():
        _check_resource(name, body)
    for name, body in template.outputs.items():
        if "Value" not in body:
            raise malformed(f"Output {name} is malformed. Every Outputs member must contain a Value object")


def _check_named(section: str, name: Any, body: Any) -> None:
    if not (str(name).isascii() and str(name).isalnum()):
        raise malformed(f"{section} name {name!r} is non alphanumeric.")
    if not isinstance(body, dict):
        raise malformed(f"[/{section}/{name}] Every {section} member must be an object.")


def _check_resource(name: str, body: Mapping[str, Any]) -> None:
    if not isinstance(body.get("Type"), str):
        raise malformed(f"[/Resources/{name}] Every Resources object must contain a Type member.")
    if unknown := sorted(set(body) - MEMBERS):
        raise unserved(f"{', '.join(unknown)} of resources, as {name} has")
    if not isinstance(body.get("Properties") or {}, dict):
        raise malformed(f"[/Resources/{name}/Properties] is not a map")
    for member, allowed in POLICIES.items():
        if member in body and body[member] not in allowed:
            raise malformed(
                f"Unrecognized {member} {body[member]!r} for resource {name}; allowed: {', '.join(allowed)}"
            )


def properties_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that a resource sets, not evaluated."""
    return dict(body.get("Properties") or {})
