"""Cases of types: what watches, tells and records. New, then changed; {…} are prepared."""

from __future__ import annotations

from typing import Any

from .type_documents import OPEN, OTHER_TAGS, PATTERN, TAGS

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AWS::Budgets::Budget": (
        {
            "Budget": {
                "BudgetName": "{unique}",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": 200, "Unit": "USD"},
                "CostFilters": {"TagKeyValue": ["user:project$shop"]},
                "CostTypes": {"IncludeTax": False},
            },
            "NotificationsWithSubscribers": [
                {
                    "Notification": {
                        "NotificationType": "ACTUAL",
                        "ComparisonOperator": "GREATER_THAN",
                        "Threshold": 80,
                        "ThresholdType": "PERCENTAGE",
                    },
                    "Subscribers": [{"SubscriptionType": "SNS", "Address": "{topic}"}],
                }
            ],
        },
        {
            "Budget": {
                "BudgetName": "{unique}",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": 300, "Unit": "USD"},
            }
        },
    ),
    "AWS::CloudWatch::Alarm": (
        {
            "AlarmName": "{unique}",
            "AlarmDescription": "d",
            "ActionsEnabled": False,
            "AlarmActions": ["{topic}"],
            "OKActions": ["{topic}"],
            "InsufficientDataActions": ["{topic}"],
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": "2",
            "DatapointsToAlarm": 1,
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocations",
            "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
            "Period": 60,
            "Statistic": "Sum",
            "Threshold": 1,
            "TreatMissingData": "notBreaching",
            "Unit": "Count",
            "Tags": TAGS,
        },
        {
            "AlarmName": "{unique}",
            "ComparisonOperator": "LessThanThreshold",
            "EvaluationPeriods": 1,
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocations",
            "Period": 60,
            "ExtendedStatistic": "p95",
            "Threshold": 2,
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::CloudWatch::Dashboard": (
        {"DashboardName": "{unique}", "DashboardBody": '{"widgets": []}'},
        {"DashboardName": "{unique}", "DashboardBody": {"widgets": [], "start": "-P1D"}},
    ),
    "AWS::Events::ApiDestination": (
        {
            "Name": "{unique}",
            "Description": "d",
            "ConnectionArn": "{connection}",
            "HttpMethod": "POST",
            "InvocationEndpoint": "https://forge.example/a",
            "InvocationRateLimitPerSecond": 2,
        },
        {
            "Name": "{unique}",
            "ConnectionArn": "{connection}",
            "HttpMethod": "PUT",
            "InvocationEndpoint": "https://forge.example/b",
            "Description": "e",
            "InvocationRateLimitPerSecond": 1,
        },
    ),
    "AWS::Events::Connection": (
        {
            "Name": "{unique}",
            "Description": "d",
            "AuthorizationType": "API_KEY",
            "AuthParameters": {
                "ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer x"},
                "InvocationHttpParameters": {
                    "HeaderParameters": [{"Key": "Accept", "Value": "a", "IsValueSecret": False}]
                },
            },
        },
        {
            "Name": "{unique}",
            "Description": "e",
            "AuthorizationType": "API_KEY",
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "y"}},
        },
    ),
    "AWS::Events::Rule": (
        {
            "Name": "{unique}",
            "Description": "d",
            "EventPattern": PATTERN,
            "State": "DISABLED",
            "RoleArn": "{role}",
            "Tags": TAGS,
            "Targets": [
                {
                    "Id": "a",
                    "Arn": "{topic}",
                    "InputTransformer": {"InputPathsMap": {"p": "$.detail"}, "InputTemplate": '{"p": <p>}'},
                    "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
                },
                {"Id": "b", "Arn": "{topic}", "Input": "{}"},
            ],
        },
        {
            "Name": "{unique}",
            "ScheduleExpression": "rate(1 day)",
            "State": "ENABLED",
            "Tags": OTHER_TAGS,
            "Targets": [{"Id": "b", "Arn": "{topic}", "InputPath": "$.detail"}],
        },
    ),
    "AWS::Logs::LogGroup": (
        {"LogGroupName": "{unique}", "RetentionInDays": "30", "KmsKeyId": "{key_arn}", "Tags": TAGS},
        {"LogGroupName": "{unique}", "KmsKeyId": "{key_arn}", "Tags": OTHER_TAGS},
    ),
    "AWS::Logs::MetricFilter": (
        {
            "FilterName": "{unique}",
            "LogGroupName": "{log_group}",
            "FilterPattern": "ERROR",
            "MetricTransformations": [
                {"MetricName": "Errors", "MetricNamespace": "shop", "MetricValue": "1", "Unit": "Count"}
            ],
        },
        {
            "FilterName": "{unique}",
            "LogGroupName": "{log_group}",
            "FilterPattern": "WARN",
            "MetricTransformations": [
                {"MetricName": "Warnings", "MetricNamespace": "shop", "MetricValue": "2"}
            ],
        },
    ),
    "AWS::Logs::ResourcePolicy": (
        {"PolicyName": "{unique}", "PolicyDocument": OPEN},
        {"PolicyName": "{unique}", "PolicyDocument": {**OPEN, "Id": "other"}},
    ),
    "AWS::SNS::Subscription": (
        {
            "TopicArn": "{topic}",
            "Protocol": "https",
            "Endpoint": "https://x.example/{unique}",
            "FilterPolicy": {"a": ["b"]},
            "FilterPolicyScope": "MessageBody",
            "RawMessageDelivery": True,
        },
        {
            "TopicArn": "{topic}",
            "Protocol": "https",
            "Endpoint": "https://x.example/{unique}",
            "FilterPolicy": {"a": ["c"]},
            "FilterPolicyScope": "MessageAttributes",
            "RawMessageDelivery": False,
        },
    ),
    "AWS::SNS::Topic": (
        {"TopicName": "{unique}", "DisplayName": "d", "KmsMasterKeyId": "{key}", "Tags": TAGS},
        {"TopicName": "{unique}", "DisplayName": "e", "KmsMasterKeyId": "{other_key}", "Tags": OTHER_TAGS},
    ),
    "AWS::SNS::TopicPolicy": (
        {"Topics": ["{topic}"], "PolicyDocument": OPEN},
        {"Topics": ["{topic}"], "PolicyDocument": {**OPEN, "Id": "other"}},
    ),
}
