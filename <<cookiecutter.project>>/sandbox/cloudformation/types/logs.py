"""AWS::Logs: log groups, metric filters, and who else may write."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.errors import already_exists
from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes


def set_retention(making: Making, before: Properties) -> None:
    client, days = making.client("logs"), making.get("RetentionInDays")
    if days is None:
        client.delete_retention_policy(logGroupName=making.id)
    else:
        client.put_retention_policy(logGroupName=making.id, retentionInDays=days)


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client, arn = making.client("logs"), making.place.arn("logs", f"log-group:{making.id}")
    if put:
        client.tag_resource(resourceArn=arn, tags={each["Key"]: each["Value"] for each in put})
    if removed:
        client.untag_resource(resourceArn=arn, tagKeys=removed)


class LogGroup(Kind):
    name = "AWS::Logs::LogGroup"
    schema = {"KmsKeyId": str, "LogGroupName": str, "RetentionInDays": int, "Tags": TAGS}
    fixed = frozenset({"KmsKeyId", "LogGroupName"})  # moto associates no key with a group that is there
    born = frozenset({"Tags"})
    named_by = "LogGroupName"
    tags = "Tags"
    attributes = frozenset({"Arn"})
    setters = {"RetentionInDays": set_retention, "Tags": set_tags}

    def make(self, making: Making) -> None:
        name, key = making.named("LogGroupName", 512), making.get("KmsKeyId")
        tags = {each["Key"]: each["Value"] for each in making.get("Tags") or ()}
        asked: dict[str, Any] = {**({"tags": tags} if tags else {}), **({"kmsKeyId": key} if key else {})}
        making.client("logs").create_log_group(logGroupName=name, **asked)
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Arn": making.place.arn("logs", f"log-group:{making.id}:*")}

    def delete(self, making: Making) -> None:
        making.client("logs").delete_log_group(logGroupName=making.id)


TRANSFORMATIONS: Any = [
    {
        "DefaultValue": float,
        "MetricName": str,
        "MetricNamespace": str,
        "MetricValue": str,
        "Unit": str,
    }
]


def set_filter(making: Making, before: Properties) -> None:
    changed = [
        {name[0].lower() + name[1:]: value for name, value in each.items()}
        for each in making.get("MetricTransformations")
    ]
    making.client("logs").put_metric_filter(
        logGroupName=making.get("LogGroupName"),
        filterName=making.id,
        filterPattern=making.get("FilterPattern"),
        metricTransformations=changed,
    )


class MetricFilter(Kind):
    name = "AWS::Logs::MetricFilter"
    schema = {
        "FilterName": str,
        "FilterPattern": str,
        "LogGroupName": str,
        "MetricTransformations": TRANSFORMATIONS,
    }
    required = frozenset({"FilterPattern", "LogGroupName", "MetricTransformations"})
    fixed = frozenset({"FilterName", "LogGroupName"})
    named_by = "FilterName"
    by_setter = True
    setters = {"FilterPattern": set_filter, "MetricTransformations": set_filter}

    def make(self, making: Making) -> None:
        name, group = making.named("FilterName", 512), making.get("LogGroupName")
        found = making.client("logs").describe_metric_filters(logGroupName=group, filterNamePrefix=name)
        if name in [each["filterName"] for each in found["metricFilters"]]:
            raise already_exists(name)
        making.id = name

    def delete(self, making: Making) -> None:
        group = making.get("LogGroupName")
        making.client("logs").delete_metric_filter(logGroupName=group, filterName=making.id)


def set_document(making: Making, before: Properties) -> None:
    document = making.get("PolicyDocument")
    making.client("logs").put_resource_policy(policyName=making.id, policyDocument=json.dumps(document))


class ResourcePolicy(Kind):
    name = "AWS::Logs::ResourcePolicy"
    schema = {"PolicyDocument": dict, "PolicyName": str}
    required = frozenset(schema)
    fixed = frozenset({"PolicyName"})
    named_by = "PolicyName"
    by_setter = True
    setters = {"PolicyDocument": set_document}

    def make(self, making: Making) -> None:
        name = str(making.get("PolicyName"))
        found = making.client("logs").describe_resource_policies()["resourcePolicies"]
        if name in [each["policyName"] for each in found]:
            raise already_exists(name)
        making.id = name

    def delete(self, making: Making) -> None:
        making.client("logs").delete_resource_policy(policyName=making.id)


KINDS = (LogGroup(), MetricFilter(), ResourcePolicy())
