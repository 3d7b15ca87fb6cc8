"""Which records a trail takes: its event selectors, basic or advanced, by CloudTrail's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.cloudtrail.records import Record

Selector = dict[str, Any]
# What a trail takes that nobody told anything: all management events.
DEFAULT: Selector = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
ACCESS = {"All": (True, False), "ReadOnly": (True,), "WriteOnly": (False,)}
FIELDS = (
    "eventCategory",
    "eventName",
    "eventSource",
    "eventType",
    "readOnly",
    "resources.ARN",
    "resources.type",
)
WAYS: dict[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}


def selects(selectors: Sequence[Selector], record: Record) -> bool:
    """Whether any selector takes a record."""
    return any(
        _advanced(each, record) if "FieldSelectors" in each else _basic(each, record) for each in selectors
    )


def _basic(selector: Selector, record: Record) -> bool:
    if record["readOnly"] not in ACCESS[selector.get("ReadWriteType", "All")]:
        return False
    if record["managementEvent"]:
        excluded = selector.get("ExcludeManagementEventSources", [])
        return bool(selector.get("IncludeManagementEvents", True)) and record["eventSource"] not in excluded
    return any(
        arn.startswith(start)
        for wanted in selector.get("DataResources", [])
        for start in wanted.get("Values", [])
        for arn in _arns(record, wanted["Type"])
    )


def _arns(record: Record, kind: str) -> list[str]:
    """The ARNs of a kind that a record concerns; a listing concerns all of a bucket's objects."""
    found = record.get("resources", [])
    return [each.get("ARN") or each["ARNPrefix"] for each in found if each["type"] == kind]


def _advanced(selector: Selector, record: Record) -> bool:
    fields = {each["Field"]: each for each in selector["FieldSelectors"]}
    kinds = fields.get("resources.type", {}).get("Equals", [])
    return all(_holds(each, _values(record, name, kinds)) for name, each in fields.items())


def _values(record: Record, name: str, kinds: list[str]) -> list[str]:
    if name == "resources.type":
        return [each["type"] for each in record.get("resources", [])]
    if name == "resources.ARN":
        return [arn for kind in kinds for arn in _arns(record, kind)]
    value = record[name]
    return [str(value).lower() if isinstance(value, bool) else value]


def _holds(field: dict[str, Any], values: list[str]) -> bool:
    """Any of what is wanted, and none of what is not."""
    wanted = [(way, text) for way in WAYS for text in field.get(way, [])]
    refused = [(way, text) for way in WAYS for text in field.get(f"Not{way}", [])]
    if wanted and not any(WAYS[way](value, text) for way, text in wanted for value in values):
        return False
    return not any(WAYS[way](value, text) for way, text in refused for value in values)


def check(basic: Sequence[Selector], advanced: Sequence[Selector]) -> None:
    """Refuse selectors that would select nothing sensible, or that the sandbox would ignore."""
    if bool(basic) == bool(advanced):
        raise _invalid("Exactly one of EventSelectors and AdvancedEventSelectors must be given.")
    for selector in advanced:
        fields = {each["Field"]: each for each in selector["FieldSelectors"]}
        if unknown := sorted(set(fields) - set(FIELDS)):
            raise _invalid(f"the sandbox selects by {', '.join(FIELDS)}, not by {', '.join(unknown)}")
        category = fields.get("eventCategory", {}).get("Equals", [])
        if category not in (["Management"], ["Data"]):
            raise _invalid(f"eventCategory must equal Management or Data; found {category!r}")
        if category == ["Data"] and len(fields.get("resources.type", {}).get("Equals", [])) != 1:
            raise _invalid("A selector of data events must equal one resources.type.")


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidEventSelectorsException", message)
