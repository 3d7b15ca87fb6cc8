"""Templates write members with a capital, the APIs of the Code services without: one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ODD = {"BuildSpec": "buildspec"}


def lowered(value: Any, kept: Collection[str] = ()) -> Any:
    """A value of a template as the API takes it; what is below a member of `kept` has keys of its own."""
    if isinstance(value, list):
        return [lowered(member, kept) for member in value]
    if not isinstance(value, dict):
        return value
    return {
        ODD.get(name, name[:1].lower() + name[1:]): member if name in kept else lowered(member, kept)
        for name, member in value.items()
    }


def api_tags(tags: Any) -> list[dict[str, str]]:
    return [{"key": each["Key"], "value": each["Value"]} for each in tags or ()]


def asked(
    properties: Mapping[str, Any], names: Collection[str], kept: Collection[str] = ()
) -> dict[str, Any]:
    """The members of a request that a template's properties give."""
    found = {name: value for name, value in properties.items() if name in names}
    return dict(lowered(found, kept))
