"""AWS::CloudWatch: alarms and dashboards."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from sandbox.cloudformation.errors import already_exists
from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes

DIMENSIONS: Any = [{"Name": str, "Value": str}]
SETTINGS: dict[str, Any] = {
    "ActionsEnabled": bool,
    "AlarmActions": [str],
    "AlarmDescription": str,
    "ComparisonOperator": str,
    "DatapointsToAlarm": int,
    "Dimensions": DIMENSIONS,
    "EvaluationPeriods": int,
    "ExtendedStatistic": str,
    "InsufficientDataActions": [str],
    "MetricName": str,
    "Metrics": [
        {
            "Expression": str,
            "Id": str,
            "Label": str,
            "MetricStat": {
                "Metric": {"Dimensions": DIMENSIONS, "MetricName": str, "Namespace": str},
                "Period": int,
                "Stat": str,
                "Unit": str,
            },
            "Period": int,
            "ReturnData": bool,
        }
    ],
    "Namespace": str,
    "OKActions": [str],
    "Period": int,
    "Statistic": str,
    "Threshold": float,
    "TreatMissingData": str,
    "Unit": str,
}


def set_alarm(making: Making, before: Properties) -> None:
    found = {key: making.get(key) for key in SETTINGS if key in making.properties}
    making.client("cloudwatch").put_metric_alarm(AlarmName=making.id, **found)


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client, arn = making.client("cloudwatch"), making.place.arn("cloudwatch", f"alarm:{making.id}")
    if put:
        client.tag_resource(ResourceARN=arn, Tags=put)
    if removed:
        client.untag_resource(ResourceARN=arn, TagKeys=removed)


class Alarm(Kind):
    name = "AWS::CloudWatch::Alarm"
    schema = {"AlarmName": str, **SETTINGS, "Tags": TAGS}
    required = frozenset({"ComparisonOperator", "EvaluationPeriods"})
    fixed = frozenset({"AlarmName"})
    named_by = "AlarmName"
    tags = "Tags"
    attributes = frozenset({"Arn"})
    by_setter = True
    setters = {**dict.fromkeys(SETTINGS, set_alarm), "Tags": set_tags}

    def make(self, making: Making) -> None:
        name = making.named("AlarmName", 255)
        if making.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]:
            raise already_exists(name)
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Arn": making.place.arn("cloudwatch", f"alarm:{making.id}")}

    def delete(self, making: Making) -> None:
        making.client("cloudwatch").delete_alarms(AlarmNames=[making.id])


def set_body(making: Making, before: Properties) -> None:
    body = json.dumps(making.get("DashboardBody"))
    making.client("cloudwatch").put_dashboard(DashboardName=making.id, DashboardBody=body)


class Dashboard(Kind):
    name = "AWS::CloudWatch::Dashboard"
    schema = {"DashboardBody": dict, "DashboardName": str}
    required = frozenset({"DashboardBody"})
    fixed = frozenset({"DashboardName"})
    named_by = "DashboardName"
    by_setter = True
    setters = {"DashboardBody": set_body}

    def make(self, making: Making) -> None:
        name = making.named("DashboardName", 255)
        try:
            making.client("cloudwatch").get_dashboard(DashboardName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ResourceNotFound", "DashboardNotFoundError"):
                raise
        else:
            raise already_exists(name)
        making.id = name

    def delete(self, making: Making) -> None:
        making.client("cloudwatch").delete_dashboards(DashboardNames=[making.id])


KINDS = (Alarm(), Dashboard())
