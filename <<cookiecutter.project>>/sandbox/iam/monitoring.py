"""What the operations of CloudWatch, CloudWatch Logs and SNS need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.iam.part import given, passed_roles, tag_keys, texts

if TYPE_CHECKING:
    from sandbox.iam.part import Keys, Params, Part, Place

# CloudWatch: the parameter that names the resources, and how their ARN begins.
ALARM = ("AlarmName", "AlarmNames")
METRIC_STREAM = ("Name", "Names")
CLOUDWATCH: dict[str, tuple[tuple[str, ...], str]] = {
    **dict.fromkeys(
        (
            "DeleteAlarms",
            "DescribeAlarmHistory",
            "DescribeAlarms",
            "DisableAlarmActions",
            "EnableAlarmActions",
            "PutCompositeAlarm",
            "PutLogAlarm",
            "PutMetricAlarm",
            "SetAlarmState",
        ),
        (ALARM, "alarm:"),
    ),
    **dict.fromkeys(
        ("DeleteDashboards", "GetDashboard", "PutDashboard"),
        (("DashboardName", "DashboardNames"), "dashboard/"),
    ),
    **dict.fromkeys(
        (
            "DeleteInsightRules",
            "DisableInsightRules",
            "EnableInsightRules",
            "GetInsightRuleReport",
            "PutInsightRule",
        ),
        (("RuleName", "RuleNames"), "insight-rule/"),
    ),
    **dict.fromkeys(
        (
            "DeleteMetricStream",
            "GetMetricStream",
            "PutMetricStream",
            "StartMetricStreams",
            "StopMetricStreams",
        ),
        (METRIC_STREAM, "metric-stream/"),
    ),
    **dict.fromkeys(
        ("DeleteAlarmMuteRule", "GetAlarmMuteRule", "ListAlarmMuteRules", "PutAlarmMuteRule"),
        (("AlarmMuteRuleName", "Name"), "alarm-mute-rule:"),
    ),
    **dict.fromkeys(("ListTagsForResource", "TagResource", "UntagResource"), (("ResourceARN",), "")),
}
# Logs: operations without a log group, and those on one of its streams.
GROUPLESS = frozenset(
    {
        "CreateScheduledQuery",
        "DeleteIndexPolicy",
        "DescribeFieldIndexes",
        "DescribeIndexPolicies",
        "DescribeLogGroups",
        "DescribeQueries",
        "ListSyslogConfigurations",
        "PutIndexPolicy",
        "PutQueryDefinition",
        "StopQuery",
        "TestMetricFilter",
        "UpdateScheduledQuery",
    }
)
STREAMS = frozenset({"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"})
OPTIONAL = frozenset({"DescribeLogStreams", "DescribeMetricFilters", "FilterLogEvents", "GetLogGroupFields"})
GROUP_ARN = re.compile(r"(arn:[^*]*:log-group:[^:*]+)(?::\*)?")


def cloudwatch_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Alarms, dashboards and rules by name; metrics have no resource."""
    action = f"cloudwatch:{operation}"
    names, start = CLOUDWATCH.get(operation, ((), ""))
    named = [text for name in names for text in texts(params.get(name) or [])]
    if not start:
        resources = named or ["*"]
    else:
        region = "" if start == "dashboard/" else place.region
        base = f"arn:aws:cloudwatch:{region}:{place.account}:{start}"
        resources = [base + name for name in named or ["*"]]
    tags = tag_keys(params.get("Tags"))
    keys = tags | _cloudwatch_keys(operation, params)
    found = [place.part(action, resource, keys) for resource in resources]
    if tags and operation != "TagResource":
        found += [place.part("cloudwatch:TagResource", resource, tags) for resource in resources]
    return found + passed_roles(params, "streams.metrics.cloudwatch", place)


def _cloudwatch_keys(operation: str, params: Params) -> Keys:
    if operation == "PutMetricData":
        return given({"cloudwatch:namespace": params.get("Namespace")})
    if operation in ("PutMetricAlarm", "PutCompositeAlarm", "PutLogAlarm"):
        return given({"cloudwatch:AlarmActions": params.get("AlarmActions")})
    return {}


def logs_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Log groups and streams by name."""
    action = f"logs:{operation}"
    if operation in ("TagResource", "UntagResource", "ListTagsForResource"):
        resource = str(params.get("resourceArn", "*"))
        return [place.part(action, resource, tag_keys(params.get("tags")))]
    resources = _log_resources(operation, params, place)
    tags = tag_keys(params.get("tags"))
    found = [place.part(action, resource, tags) for resource in resources]
    if tags and operation == "CreateLogGroup":
        found += [place.part("logs:TagResource", resource, tags) for resource in resources]
    return found + passed_roles(params, "logs", place)


def _log_resources(operation: str, params: Params, place: Place) -> list[str]:
    if operation in GROUPLESS:
        return ["*"]
    groups = [
        text
        for name in ("logGroupName", "logGroupIdentifier", "logGroupNames", "logGroupIdentifiers")
        for text in texts(params.get(name) or [])
    ]
    if not groups and operation not in OPTIONAL:
        return ["*"]
    arns = [_group_arn(group, place) for group in groups or ["*"]]
    stream = str(params.get("logStreamName", "*")) if operation in STREAMS else ""
    return [f"{arn}:log-stream:{stream}" for arn in arns]


def _group_arn(group: str, place: Place) -> str:
    """A group's ARN. Requests name it with an empty stream, so policies must end in `:*` (Logs guide)."""
    found = GROUP_ARN.fullmatch(group)
    return found[1] if found else place.arn("logs", f"log-group:{group}")


def sns_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Topics by ARN; a subscription's ARN begins with its topic's, and one that is to be made has a name.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
    """
    action = "Publish" if operation == "PublishBatch" else operation
    topic = params.get("TopicArn") or params.get("TargetArn") or params.get("ResourceArn")
    if not topic and params.get("SubscriptionArn"):
        topic = ":".join(str(params["SubscriptionArn"]).split(":")[:6])
    if not topic and operation == "CreateTopic":
        topic = place.arn("sns", str(params.get("Name", "*")))
    return [place.part(f"sns:{action}", str(topic or "*"), tag_keys(params.get("Tags")))]
