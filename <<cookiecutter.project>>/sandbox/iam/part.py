"""What a call needs: one part for each action on each resource, with the condition keys that only it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Params = Mapping[str, Any]
Keys = dict[str, Sequence[str]]
ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")


@dataclass(frozen=True)
class Part:
    """One action on one resource; `account` is empty where the ARN names none, as a bucket's."""

    action: str
    resource: str
    account: str
    context: Keys = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a call was made: names without an account or region mean these."""

    account: str
    region: str

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def part(self, action: str, resource: str, keys: Keys | None = None) -> Part:
        """A part on a resource given as ARN or "*"; an ARN without account belongs to whoever owns it."""
        pieces = resource.split(":", 5)
        account = pieces[4] if len(pieces) > 4 else self.account
        return Part(action, resource, account, keys or {})


def passed_roles(params: Any, service: str, place: Place) -> list[Part]:
    """A part of iam:PassRole for each role that a request hands to a service."""
    passed: Keys = {"iam:PassedToService": [f"{service}.amazonaws.com"]}
    return [place.part("iam:PassRole", role, passed) for role in sorted(set(_roles(params)))]


def _roles(value: Any, name: str = "") -> Iterable[str]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _roles(member, key)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _roles(member, name)
    elif isinstance(value, str) and name.lower().endswith("rolearn") and ROLE.fullmatch(value):
        yield value


def tag_keys(tags: Any) -> Keys:
    """The keys that tags of a request become; tags come as pairs or as a mapping."""
    found = dict(tags) if isinstance(tags, Mapping) else {}
    if isinstance(tags, list):
        found = {_member(tag, "key"): _member(tag, "value") for tag in tags if isinstance(tag, Mapping)}
    if not found:
        return {}
    keys: Keys = {f"aws:RequestTag/{key}": [value] for key, value in found.items()}
    return keys | {"aws:TagKeys": sorted(found)}


def _member(tag: Mapping[str, Any], name: str) -> str:
    return next((str(value) for key, value in tag.items() if key.lower() in (name, f"tag{name}")), "")


def record(value: Any) -> Params:
    """A structure of a request; requests are decided before their parameters are known to be sound."""
    return value if isinstance(value, Mapping) else {}


def records(value: Any) -> list[Params]:
    """A list of structures of a request."""
    return [record(item) for item in value] if isinstance(value, list) else []


def given(keys: Mapping[str, Any]) -> Keys:
    """Condition keys of the values that a request has, as texts."""
    return {key: texts(value) for key, value in keys.items() if value not in (None, [], "")}


def texts(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [text for member in value for text in texts(member)]
    return [str(value).lower() if isinstance(value, bool) else str(value)]
