"""AWS::Events: rules with their targets, connections and the destinations that they open."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox.cloudformation.errors import ResourceError, already_exists
from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes

if TYPE_CHECKING:
    from collections.abc import Callable

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
        _refuse_existing(lambda: client.describe_rule(Name=name, **_bus(making)), name)
        made = client.put_rule(**_rule(making, name), Tags=making.get("Tags", []))
        making.id = f"{bus}|{name}" if bus else name
        making.attributes = {"Arn": made["RuleArn"]}

    def delete(self, making: Making) -> None:
        client, name, bus = making.client("events"), _name(making), _bus(making)
        targets = client.list_targets_by_rule(Rule=name, **bus)["Targets"]
        if targets:
            client.remove_targets(Rule=name, Ids=[each["Id"] for each in targets], **bus)
        client.delete_rule(Name=name, **bus)


def _refuse_existing(describe: Callable[[], Any], name: str) -> None:
    """EventBridge's create and put calls take what exists."""
    try:
        describe()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return
    raise already_exists(name)


MEMBERS: Any = [{"IsValueSecret": bool, "Key": str, "Value": str}]
CONNECTION = ("AuthorizationType", "AuthParameters", "Description")


def _connection(making: Making, name: str) -> dict[str, Any]:
    return {"Name": name, **{key: making.get(key) for key in CONNECTION if key in making.properties}}


def set_connection(making: Making, before: Properties) -> None:
    making.client("events").update_connection(**_connection(making, making.id))
    if making.get("AuthParameters") != before.get("AuthParameters"):  # which moto leaves as they were
        making.client("secretsmanager").put_secret_value(
            SecretId=making.attributes["SecretArn"], SecretString=_secret(making.get("AuthParameters"))
        )


def _secret(found: dict[str, Any]) -> str:
    """The secret of a connection as EventBridge keeps it."""
    members: dict[str, Any] = {}
    for name, value in found.items():
        members |= {_snake(name): value} if name == "InvocationHttpParameters" else value
    return json.dumps({_snake(name): value for name, value in members.items()})


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Connection(Kind):
    name = "AWS::Events::Connection"
    schema = {
        "AuthorizationType": str,
        "AuthParameters": {
            "ApiKeyAuthParameters": {"ApiKeyName": str, "ApiKeyValue": str},
            "BasicAuthParameters": {"Password": str, "Username": str},
            "InvocationHttpParameters": {
                "BodyParameters": MEMBERS,
                "HeaderParameters": MEMBERS,
                "QueryStringParameters": MEMBERS,
            },
        },
        "Description": str,
        "Name": str,
    }
    required = frozenset({"AuthorizationType", "AuthParameters"})
    fixed = frozenset({"Name"})
    born = frozenset(CONNECTION)
    named_by = "Name"
    attributes = frozenset({"Arn", "SecretArn"})
    setters = dict.fromkeys(CONNECTION, set_connection)

    def make(self, making: Making) -> None:
        client, name = making.client("events"), making.named("Name")
        _refuse_existing(lambda: client.describe_connection(Name=name), name)
        making.attributes = {"Arn": client.create_connection(**_connection(making, name))["ConnectionArn"]}
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        found = making.client("events").describe_connection(Name=making.id)
        return {"Arn": found["ConnectionArn"], "SecretArn": found["SecretArn"]}

    def delete(self, making: Making) -> None:
        making.client("events").delete_connection(Name=making.id)


DESTINATION: dict[str, Any] = {
    "ConnectionArn": str,
    "Description": str,
    "HttpMethod": str,
    "InvocationEndpoint": str,
    "InvocationRateLimitPerSecond": int,
}


def _destination(making: Making, name: str) -> dict[str, Any]:
    return {"Name": name, **{key: making.get(key) for key in DESTINATION if key in making.properties}}


def set_destination(making: Making, before: Properties) -> None:
    making.client("events").update_api_destination(**_destination(making, making.id))


class ApiDestination(Kind):
    name = "AWS::Events::ApiDestination"
    schema = {**DESTINATION, "Name": str}
    required = frozenset({"ConnectionArn", "HttpMethod", "InvocationEndpoint"})
    fixed = frozenset({"Name"})
    born = frozenset(DESTINATION)
    named_by = "Name"
    attributes = frozenset({"Arn"})
    setters = dict.fromkeys(DESTINATION, set_destination)

    def make(self, making: Making) -> None:
        client, name = making.client("events"), making.named("Name")
        _refuse_existing(lambda: client.describe_api_destination(Name=name), name)
        made = client.create_api_destination(**_destination(making, name))
        making.id, making.attributes = name, {"Arn": made["ApiDestinationArn"]}

    def delete(self, making: Making) -> None:
        making.client("events").delete_api_destination(Name=making.id)


KINDS = (Rule(), Connection(), ApiDestination())
