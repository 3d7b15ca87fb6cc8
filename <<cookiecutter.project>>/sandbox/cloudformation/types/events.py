"""AWS::Events: rules with their targets, connections and the destinations that they open."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from sandbox.cloudformation.errors import ResourceError, already_exists
from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes

TARGET: Any = {
    "Arn": str,
    "DeadLetterConfig": {"Arn": str},
    "HttpParameters": {
        "HeaderParameters": {"*": str},
        "PathParameterValues": [str],
        "QueryStringParameters": {"*": str},
    },
    "Id": str,
    "Input": str,
    "InputPath": str,
    "InputTransformer": {"InputPathsMap": {"*": str}, "InputTemplate": str},
    "RetryPolicy": {"MaximumEventAgeInSeconds": int, "MaximumRetryAttempts": int},
    "RoleArn": str,
}
RULE = ("Description", "RoleArn", "ScheduleExpression", "State")


def _bus(making: Making) -> dict[str, str]:
    bus = making.get("EventBusName")
    return {"EventBusName": bus} if bus else {}


def _rule(making: Making, name: str) -> dict[str, Any]:
    found = {key: making.get(key) for key in RULE if key in making.properties}
    if "EventPattern" in making.properties:
        found["EventPattern"] = json.dumps(making.get("EventPattern"))
    return {"Name": name, **_bus(making), **found}


def _name(making: Making) -> str:
    return making.id.rpartition("|")[2]


def set_rule(making: Making, before: Properties) -> None:
    making.client("events").put_rule(**_rule(making, _name(making)))


def set_targets(making: Making, before: Properties) -> None:
    client, targets = making.client("events"), making.get("Targets") or []
    if targets:
        _check(client.put_targets(Rule=_name(making), Targets=targets, **_bus(making)))
    kept = {each["Id"] for each in targets}
    gone = [each["Id"] for each in before.get("Targets") or () if each["Id"] not in kept]
    if gone:
        _check(client.remove_targets(Rule=_name(making), Ids=gone, **_bus(making)))


def _check(answer: dict[str, Any]) -> None:
    """Raise what the service says of single targets."""
    for each in answer.get("FailedEntries") or ():
        raise ResourceError("InvalidRequest", f"{each.get('TargetId')}: {each.get('ErrorMessage')}")


def set_rule_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client, arn = making.client("events"), making.attributes["Arn"]
    if put:
        client.tag_resource(ResourceARN=arn, Tags=put)
    if removed:
        client.untag_resource(ResourceARN=arn, TagKeys=removed)


class Rule(Kind):
    name = "AWS::Events::Rule"
    schema = {
        "Description": str,
        "EventBusName": str,
        "EventPattern": dict,
        "Name": str,
        "RoleArn": str,
        "ScheduleExpression": str,
        "State": str,
        "Tags": TAGS,
        "Targets": [TARGET],
    }
    fixed = frozenset({"EventBusName", "Name"})
    born = frozenset({*RULE, "EventPattern", "Tags"})
    named_by = "Name"
    tags = "Tags"
    attributes = frozenset({"Arn"})
    setters = {
        **dict.fromkeys((*RULE, "EventPattern"), set_rule),
        "Targets": set_targets,
        "Tags": set_rule_tags,
    }

    def make(self, making: Making) -> None:
        client, name, bus = making.client("events"), making.named("Name"), making.get("EventBusName")
        if _exists(client, name, _bus(making)):
            raise already_exists(name)
        made = client.put_rule(**_rule(making, name), Tags=making.get("Tags", []))
        making.id = f"{bus}|{name}" if bus else name
        making.attributes = {"Arn": made["RuleArn"]}

    def delete(self, making: Making) -> None:
        client, name, bus = making.client("events"), _name(making), _bus(making)
        targets = client.list_targets_by_rule(Rule=name, **bus)["Targets"]
        if targets:
            client.remove_targets(Rule=name, Ids=[each["Id"] for each in targets], **bus)
        client.delete_rule(Name=name, **bus)


def _exists(client: Any, name: str, bus: dict[str, str]) -> bool:
    try:
        client.describe_rule(Name=name, **bus)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return False
    return True


KINDS = (Rule(),)
