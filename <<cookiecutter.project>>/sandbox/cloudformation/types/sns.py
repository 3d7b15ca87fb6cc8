"""AWS::SNS: topics, their policies and subscriptions."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from sandbox.cloudformation.errors import already_exists
from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes

SWITCHED = ("FilterPolicyScope", "RawMessageDelivery")


def set_attribute(name: str) -> Any:
    def put(making: Making, before: Properties) -> None:
        making.client("sns").set_topic_attributes(
            TopicArn=making.id, AttributeName=name, AttributeValue=making.get(name, "")
        )

    return put


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    if put:
        making.client("sns").tag_resource(ResourceArn=making.id, Tags=put)
    if removed:
        making.client("sns").untag_resource(ResourceArn=making.id, TagKeys=removed)


class Topic(Kind):
    name = "AWS::SNS::Topic"
    schema = {"DisplayName": str, "KmsMasterKeyId": str, "Tags": TAGS, "TopicName": str}
    fixed = frozenset({"TopicName"})
    born = frozenset({"DisplayName", "KmsMasterKeyId", "Tags"})
    named_by = "TopicName"
    tags = "Tags"
    attributes = frozenset({"TopicArn", "TopicName"})
    setters = {
        "DisplayName": set_attribute("DisplayName"),
        "KmsMasterKeyId": set_attribute("KmsMasterKeyId"),
        "Tags": set_tags,
    }

    def make(self, making: Making) -> None:
        client, name = making.client("sns"), making.named("TopicName", 256)
        arn = making.place.arn("sns", name)
        if _exists(client, arn):
            raise already_exists(arn)
        asked = {key: making.get(key) for key in ("DisplayName", "KmsMasterKeyId") if making.get(key)}
        made = client.create_topic(Name=name, Attributes=asked, Tags=making.get("Tags", []))
        making.id = made["TopicArn"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"TopicArn": making.id, "TopicName": making.id.rpartition(":")[2]}

    def delete(self, making: Making) -> None:
        making.client("sns").delete_topic(TopicArn=making.id)


def _exists(client: Any, arn: str) -> bool:
    try:
        client.get_topic_attributes(TopicArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFound":
            raise
        return False
    return True


def set_policy(making: Making, before: Properties) -> None:
    policy, now = json.dumps(making.get("PolicyDocument")), making.get("Topics")
    for arn in now:
        making.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    _reset(making, [arn for arn in before.get("Topics") or () if arn not in now])


def _reset(making: Making, topics: list[str]) -> None:
    """Give topics back the policy of a new one: their account's own."""
    for arn in topics:
        owner = {"StringEquals": {"AWS:SourceOwner": making.place.account}}
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes", "SNS:SetTopicAttributes"],
            "Resource": arn,
            "Condition": owner,
        }
        policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
        making.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy)
        )


class TopicPolicy(Kind):
    name = "AWS::SNS::TopicPolicy"
    schema = {"PolicyDocument": dict, "Topics": [str]}
    required = frozenset(schema)
    by_setter = True
    setters = {"PolicyDocument": set_policy, "Topics": set_policy}

    def make(self, making: Making) -> None:
        making.id = making.named("", 128)

    def delete(self, making: Making) -> None:
        _reset(making, making.get("Topics", []))


def set_subscription(making: Making, before: Properties) -> None:
    client = making.client("sns")
    policy = making.get("FilterPolicy")
    if policy is not None or "FilterPolicy" in before:
        _set(client, making.id, "FilterPolicy", json.dumps(policy or {}))
    for name in SWITCHED:
        if name in making.properties or name in before:
            value = making.get(name, "MessageAttributes" if name == "FilterPolicyScope" else False)
            _set(client, making.id, name, str(value).lower() if isinstance(value, bool) else value)


def _set(client: Any, arn: str, name: str, value: str) -> None:
    client.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)


class Subscription(Kind):
    name = "AWS::SNS::Subscription"
    schema = {
        "Endpoint": str,
        "FilterPolicy": dict,
        "FilterPolicyScope": str,
        "Protocol": str,
        "RawMessageDelivery": bool,
        "TopicArn": str,
    }
    required = frozenset({"Protocol", "TopicArn"})
    fixed = frozenset({"Endpoint", "Protocol", "TopicArn"})
    attributes = frozenset({"Arn"})
    setters = dict.fromkeys(("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery"), set_subscription)

    def make(self, making: Making) -> None:
        asked = {key: making.get(key) for key in ("TopicArn", "Protocol", "Endpoint") if making.get(key)}
        made = making.client("sns").subscribe(ReturnSubscriptionArn=True, **asked)
        making.id = made["SubscriptionArn"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Arn": making.id}

    def delete(self, making: Making) -> None:
        making.client("sns").unsubscribe(SubscriptionArn=making.id)


KINDS = (Topic(), TopicPolicy(), Subscription())
