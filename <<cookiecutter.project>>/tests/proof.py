"""What could be taken from the policies of infra/*.yml without the record, or a probe, telling.

Each action is taken away, each resource widened, each condition and denial left out; each time something must
change: a recorded call is refused, or a probe that must be refused is not.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from sandbox.iam.wildcards import ArnGlob
from tests.granted import (
    changed,
    concerns,
    documents,
    leaves,
    listed,
    may,
    may_by,
    recorded,
    statements,
    written,
)
from tests.probes import foreign, unlike

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from sandbox.kinds import Kind
    from tests.granted import Place

GIVEN = written(documents())
ALLOWED = [kind for kind in recorded() if kind.allowed]
Row = tuple[str, str, str]
Settings = tuple[str, ...]


def is_needed(place: Place, number: int, action: str, left: list[str]) -> bool:
    """Whether some recorded call is refused once a statement lacks an action."""
    without = {**GIVEN, place: changed(place, number, Action=left)}
    return any(concerns(place, kind) and not may(kind, without) for kind in calls_of(action))


def calls_of(action: str) -> list[Kind]:
    return [kind for kind in ALLOWED if fnmatch.fnmatchcase(kind.action.lower(), action.lower())]


def unrecorded(settings: Settings) -> Iterator[Row]:
    """Actions without which all that was recorded still works."""
    for place, number, statement in statements("Allow", settings):
        actions = listed(statement["Action"])
        for action in actions:
            if not is_needed(place, number, action, [each for each in actions if each != action]):
                yield str(place), name_of(statement), action


def name_of(statement: Mapping[str, Any]) -> str:
    return str(statement.get("Sid", ""))


def calls_by(place: Place, statement: dict[str, Any], resource: str) -> list[Kind]:
    """The recorded calls that a statement lets be made on one of its resources."""
    glob = ArnGlob(resource, variables=False, complete=True)
    calls = [kind for action in listed(statement["Action"]) for kind in calls_of(action)]
    return [
        kind
        for kind in calls
        if concerns(place, kind) and glob.matches(kind.resource, {}) and may_by(kind, place, GIVEN[place])
    ]


def tells(place: Place, probe: Kind, wider: str) -> bool:
    """Whether a probe is refused as the document is, and would not be if it were wider."""
    return concerns(place, probe) and not may_by(probe, place, GIVEN[place]) and may_by(probe, place, wider)


def unbound(settings: Settings) -> Iterator[Row]:
    """Resources that could as well be everything."""
    for place, number, statement in statements("Allow", settings):
        wider = changed(place, number, Resource="*")
        for resource in listed(statement.get("Resource", "*")):
            calls = calls_by(place, statement, resource)
            probes = (probe for kind in calls for probe in foreign(kind))
            if resource != "*" and not any(tells(place, probe, wider) for probe in probes):
                yield str(place), name_of(statement), resource


def unconditional(settings: Settings) -> Iterator[Row]:
    """Conditions that could as well not be there."""
    for place, number, statement in statements("Allow", settings):
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys:
                rest = {name: value for name, value in keys.items() if name != key}
                conditions = {**statement["Condition"], operator: rest}
                wider = changed(place, number, Condition={k: v for k, v in conditions.items() if v})
                calls = [
                    kind
                    for each in listed(statement.get("Resource", "*"))
                    for kind in calls_by(place, statement, each)
                ]
                probes = (probe for kind in calls for probe in unlike(kind, key))
                if not any(tells(place, probe, wider) for probe in probes):
                    yield str(place), name_of(statement), f"{operator} {key}"


def harmless(settings: Settings, rails: Collection[Kind]) -> Iterator[Row]:
    """Denials without which no guard rail gives way, whatever else is allowed beside them."""
    for place, number, statement in statements("Deny", settings):
        without = changed(place, number)
        if not any(gives_way(place, probe, without) for probe in rails):
            yield str(place), name_of(statement), str(statement["Action"])


def gives_way(place: Place, probe: Kind, without: str) -> bool:
    """Whether a document alone refuses a probe, and does not once a denial is out of it."""
    told = concerns(place, probe) and not leaves(probe, place, GIVEN[place])
    return told and leaves(probe, place, without)


def within_reach(settings: Settings, layer: str, ways: tuple[str, ...], but: Collection[str]) -> list[str]:
    """What each document of a layer gives of another's: each by itself, so that none hides another."""
    return [
        f"{place}: {probe.line()}"
        for place, text in GIVEN.items()
        for kind in ALLOWED
        if place.layer == layer and place.on in settings
        if concerns(place, kind) and kind.action not in but
        for probe in foreign(kind, ways)
        if may_by(probe, place, text)
    ]


def hold(found: list[Row], reasons: dict[Row, str], what: str) -> None:
    """Each row found has its reason, and each reason about a document that is there a row."""
    bare = [" / ".join(row) for row in found if not excused(row, reasons)]
    assert not bare, f"{what}:\n" + "\n".join(bare)
    here = [row for row in reasons if any(fnmatch.fnmatchcase(str(place), row[0]) for place in GIVEN)]
    idle = [row for row in here if not any(excused(each, [row]) for each in found)]
    assert not idle, f"no longer needed in the table: {idle}"


def excused(row: Row, reasons: Iterable[Row]) -> bool:
    return any(all(map(fnmatch.fnmatchcase, row, pattern)) for pattern in reasons)
