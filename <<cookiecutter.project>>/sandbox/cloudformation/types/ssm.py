"""AWS::SSM: parameters."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.kinds import Kind, Making, Properties

SETTINGS = ("AllowedPattern", "DataType", "Description", "Tier", "Type", "Value")


def set_parameter(making: Making, before: Properties) -> None:
    found = {key: making.get(key) for key in SETTINGS if key in making.properties}
    making.client("ssm").put_parameter(Name=making.id, Overwrite=True, **found)


def set_tags(making: Making, before: Properties) -> None:
    old, new = before.get("Tags") or {}, making.get("Tags") or {}
    put = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
    removed = [key for key in old if key not in new]
    client, where = making.client("ssm"), {"ResourceType": "Parameter", "ResourceId": making.id}
    if put:
        client.add_tags_to_resource(**where, Tags=put)
    if removed:
        client.remove_tags_from_resource(**where, TagKeys=removed)


class Parameter(Kind):
    name = "AWS::SSM::Parameter"
    schema = {"Name": str, **dict.fromkeys(SETTINGS, str), "Tags": {"*": str}}
    required = frozenset({"Type", "Value"})
    fixed = frozenset({"Name"})
    born = frozenset({*SETTINGS, "Tags"})
    named_by = "Name"
    tags = "Tags"
    attributes = frozenset({"Type", "Value"})
    setters = {**dict.fromkeys(SETTINGS, set_parameter), "Tags": set_tags}

    def make(self, making: Making) -> None:
        name = making.named("Name", 1011)
        found = {key: making.get(key) for key in SETTINGS if key in making.properties}
        tags = [{"Key": key, "Value": value} for key, value in (making.get("Tags") or {}).items()]
        making.client("ssm").put_parameter(Name=name, Tags=tags, **found)
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Type": making.get("Type"), "Value": making.get("Value")}

    def delete(self, making: Making) -> None:
        making.client("ssm").delete_parameter(Name=making.id)


KINDS = (Parameter(),)
