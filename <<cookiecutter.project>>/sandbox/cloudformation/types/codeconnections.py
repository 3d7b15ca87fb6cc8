"""AWS::CodeConnections: connections to the forge, pending until somebody authorises them; under two names."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes


class Connection(Kind):
    name = "AWS::CodeConnections::Connection"
    service: ClassVar[str] = "codeconnections"
    schema = {"ConnectionName": str, "ProviderType": str, "Tags": TAGS}
    required = frozenset({"ConnectionName"})
    fixed = frozenset({"ConnectionName", "ProviderType"})
    born = frozenset({"Tags"})
    tags = "Tags"
    attributes = frozenset({"ConnectionArn", "ConnectionStatus", "OwnerAccountId"})

    def make(self, making: Making) -> None:
        made = making.client(self.service).create_connection(
            ConnectionName=making.get("ConnectionName"),
            ProviderType=making.get("ProviderType", "GitHub"),
            Tags=making.get("Tags", []),
        )
        making.id = made["ConnectionArn"]

    def describe(self, making: Making) -> dict[str, Any]:
        found = making.client(self.service).get_connection(ConnectionArn=making.id)["Connection"]
        return {name: found[name] for name in self.attributes}

    def delete(self, making: Making) -> None:
        making.client(self.service).delete_connection(ConnectionArn=making.id)


def _tag(service: str, making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client = making.client(service)
    if put:
        client.tag_resource(ResourceArn=making.id, Tags=put)
    if removed:
        client.untag_resource(ResourceArn=making.id, TagKeys=removed)


class New(Connection):
    setters = {"Tags": lambda making, before: _tag("codeconnections", making, before)}


class Old(Connection):
    name = "AWS::CodeStarConnections::Connection"
    service = "codestar-connections"
    setters = {"Tags": lambda making, before: _tag("codestar-connections", making, before)}


KINDS = (New(), Old())
