"""What a template says, held against what a call set: by value; by form where only CloudFormation knows it.

A part that main leaves open (a number of the repository, a key's id) is fixed by its first use: see Bindings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.foundation.stacks import describe_wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REFERENCE = re.compile(r"\$\{(?P<mark>!?)(?P<name>[^}]*)\}")
# What nobody can know offline; no wildcard, no list
OPEN = r"[\w+=,.@:/ -]+"
NOTHING = object()  # AWS::NoValue: the member is not there
FUNCTIONS = ("Ref", "Condition")


class UnreadableError(Exception):
    """An expression that is not understood here: nothing equals it."""


@dataclass(frozen=True)
class Open:
    """A part of a text whose value main leaves open."""

    name: str


Parts = tuple["str | Open", ...]


@dataclass
class Bindings:
    """The values of what main leaves open, as they were used first."""

    known: dict[str, str] = field(default_factory=dict)

    def agree(self, found: Mapping[str, str]) -> bool:
        """Whether values are the known ones, where they are known."""
        return all(self.known.get(name, value) == value for name, value in found.items())

    def learn(self, found: Mapping[str, str]) -> None:
        """Keep values."""
        self.known.update(found)


@dataclass(frozen=True)
class Scope:
    """One stack: its template, and its parameters as far as project.yml says them."""

    name: str
    template: Mapping[str, Any]
    values: Mapping[str, str]

    def section(self, name: str) -> Mapping[str, Any]:
        """A section of the template; empty where it has none."""
        found = self.template.get(name)
        return found if isinstance(found, dict) else {}

    def resources(self, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
        """(logical id, properties) of the resources of a type that are certainly, or perhaps, there."""
        found = []
        for logical, resource in self.section("Resources").items():
            if isinstance(resource, dict) and resource.get("Type") == kind:
                there = [self.judge(resource["Condition"])] if "Condition" in resource else [True]
                if there != [False]:
                    found.append((logical, resource.get("Properties") or {}))
        return found

    def judge(self, condition: Any) -> bool | None:
        """Whether a condition holds; None where that depends on what is open."""
        if isinstance(condition, str):
            return self.judge(self.section("Conditions").get(condition))
        name, asked = single(condition)
        if name == "Condition":
            return self.judge(asked)
        if name == "Fn::Equals":
            left, right = (self.text(side) for side in asked)
            return left == right if left is not None and right is not None else None
        if name == "Fn::Not":
            inner = self.judge(asked[0])
            return None if inner is None else not inner
        if name in ("Fn::And", "Fn::Or"):
            return combine(name, [self.judge(one) for one in asked])
        return None

    def text(self, value: Any) -> str | None:
        """A value that is a text without open parts."""
        try:
            parts = self.parts(value)
        except UnreadableError:
            return None
        return "".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else None

    def parts(self, value: Any) -> Parts:
        """A text, in parts."""
        if isinstance(value, bool):
            return ("true" if value else "false",)
        if isinstance(value, str | int | float):
            return (str(value),)
        name, asked = single(value)
        if name == "Ref":
            return self.refer(asked)
        if name == "Fn::GetAtt":
            whole = asked if isinstance(asked, str) else ".".join(map(str, asked))
            return self.attribute(*whole.partition(".")[::2])
        if name == "Fn::Sub":
            return self.substitute(asked)
        if name == "Fn::Join":
            return self.join(*asked)
        if name == "Fn::If":
            return self.parts(self.choose(asked))
        if name == "Fn::ImportValue":
            return (Open(f"export {self.text(asked)}"),)
        raise UnreadableError(name)

    def refer(self, name: str) -> Parts:
        """A parameter, or what stands for a resource."""
        if name in self.values:
            return (self.values[name],)
        if name in ("AWS::StackName", "AWS::StackId"):
            return (Open(f"{self.name} {name}"),)
        if name in self.section("Parameters"):
            return (Open(f"parameter {name}"),)
        resource = self.section("Resources").get(name)
        if resource is None:
            raise UnreadableError(name)
        key = NAMES.get(str(resource.get("Type")))
        named = (resource.get("Properties") or {}).get(key) if key else None
        return (Open(f"{self.name} {name}"),) if named is None else self.parts(named)

    def attribute(self, logical: str, attribute: str) -> Parts:
        """An attribute of a resource: an ARN where its form is known."""
        resource = self.section("Resources").get(logical) or {}
        form = ARNS.get(str(resource.get("Type"))) if attribute == "Arn" else None
        name = self.refer(logical)
        if form is None or not all(isinstance(part, str) for part in name):
            return (Open(f"{self.name} {logical}.{attribute}"),)
        return (form.format(**{key.replace("AWS::", ""): value for key, value in self.values.items()
                               if key.startswith("AWS::")}, name="".join(map(str, name))),)  # fmt: skip

    def substitute(self, asked: Any) -> Parts:
        """Fn::Sub."""
        text, own = asked if isinstance(asked, list) else (asked, {})
        found: list[str | Open] = []
        end = 0
        for match in REFERENCE.finditer(text):
            found.append(text[end : match.start()])
            end = match.end()
            name = match["name"]
            if match["mark"]:
                found.append("${" + name + "}")
            elif name in own:
                found += self.parts(own[name])
            else:
                found += self.attribute(*name.partition(".")[::2]) if "." in name else self.refer(name)
        return (*found, text[end:])

    def join(self, between: str, items: Any) -> Parts:
        """Fn::Join of a list that stands there."""
        if not isinstance(items, list):
            raise UnreadableError("Fn::Join")
        found: list[str | Open] = []
        for place, item in enumerate(items):
            found += [between, *self.parts(item)] if place else self.parts(item)
        return tuple(found)

    def choose(self, asked: Any) -> Any:
        """Fn::If, where its condition is known."""
        condition, yes, no = asked
        holds = self.judge(condition)
        if holds is None:
            raise UnreadableError(f"condition {condition!r}")
        return yes if holds else no

    def rules(self, name: str) -> Mapping[str, Any]:
        """What the template allows a parameter to be."""
        found = self.section("Parameters").get(name.removeprefix("parameter "))
        return found if isinstance(found, dict) and name.startswith("parameter ") else {}


# The property by which a resource is named, where `Ref` is that name
NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::IAM::Role": "RoleName",
    "AWS::CloudTrail::Trail": "TrailName",
}
ARNS = {
    "AWS::S3::Bucket": "arn:{Partition}:s3:::{name}",
    "AWS::IAM::Role": "arn:{Partition}:iam::{AccountId}:role/{name}",
}


def single(value: Any) -> tuple[str, Any]:
    """A function and what it is asked."""
    if isinstance(value, dict) and len(value) == 1:
        name, asked = next(iter(value.items()))
        if name in FUNCTIONS or str(name).startswith("Fn::"):
            return str(name), asked
    raise UnreadableError(repr(value)[:60])


def is_function(value: Any) -> bool:
    """Whether a value is computed."""
    try:
        single(value)
    except UnreadableError:
        return False
    return True


def combine(name: str, verdicts: Iterable[bool | None]) -> bool | None:
    """Fn::And and Fn::Or of three values."""
    found = list(verdicts)
    decisive = name == "Fn::Or"
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def match(scope: Scope, wanted: Any, found: Any) -> dict[str, str] | None:
    """The values of open parts with which a template equals what was set; None where it never does."""
    values: dict[str, str] = {}
    try:
        return values if equals(scope, wanted, found, values) else None
    except (UnreadableError, TypeError, ValueError):
        return None


def equals(scope: Scope, wanted: Any, found: Any, values: dict[str, str]) -> bool:
    """Compare; what is open is kept in `values`."""
    wanted = resolve(scope, wanted)
    if isinstance(wanted, dict) and not is_function(wanted):
        members = {key: value for key, value in wanted.items() if resolve(scope, value) is not NOTHING}
        return (
            isinstance(found, dict)
            and set(members) == set(found)
            and all(equals(scope, value, found[key], values) for key, value in members.items())
        )
    if isinstance(wanted, list) or isinstance(found, list):
        mine = [one for one in as_list(wanted) if resolve(scope, one) is not NOTHING]
        theirs = as_list(found)
        return len(mine) == len(theirs) and all(
            equals(scope, one, other, values) for one, other in zip(mine, theirs, strict=True)
        )
    return equals_text(scope, scope.parts(wanted), text_of(found), values)


def resolve(scope: Scope, value: Any) -> Any:
    """A value whose choices are made."""
    while is_function(value):
        name, asked = single(value)
        if (name, asked) == ("Ref", "AWS::NoValue"):
            return NOTHING
        if name != "Fn::If":
            return value
        value = scope.choose(asked)
    return value


def as_list(value: Any) -> list[Any]:
    """IAM takes one value where it takes a list."""
    return value if isinstance(value, list) else [value]


def text_of(value: Any) -> str:
    """A scalar as a template writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise UnreadableError(repr(value)[:60])


def equals_text(scope: Scope, parts: Parts, found: str, values: dict[str, str]) -> bool:
    """A text against its parts."""
    names = list(dict.fromkeys(part.name for part in parts if isinstance(part, Open)))
    groups = {name: f"g{place}" for place, name in enumerate(names)}
    seen: set[str] = set()
    pattern = ""
    for part in parts:
        if isinstance(part, str):
            pattern += re.escape(part)
        elif part.name in values:
            pattern += re.escape(values[part.name])
        elif part.name in seen:
            pattern += f"(?P={groups[part.name]})"
        else:
            seen.add(part.name)
            pattern += f"(?P<{groups[part.name]}>{OPEN})"
    fits = re.fullmatch(pattern, found)
    if fits is None:
        return False
    learnt = {name: fits[groups[name]] for name in seen}
    values.update(learnt)
    return not any(describe_wrong(scope.rules(name), value) for name, value in learnt.items())
