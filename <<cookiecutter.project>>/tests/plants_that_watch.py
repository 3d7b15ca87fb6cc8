"""Plants that watch and tell, and where they write; see plants.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.plants_of_models import DIGEST

if TYPE_CHECKING:
    from tests.plants import Garden


def plant_alarm(at: Garden, project: str) -> None:
    at("cloudwatch").put_metric_alarm(
        AlarmName=f"{project}-staging-plant.errors.{DIGEST}",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )


def plant_log_group(at: Garden, project: str) -> None:
    name = f"/aws/sagemaker/Endpoints/{project}-staging-plant"
    at("logs").create_log_group(logGroupName=name)
    at("logs").put_metric_filter(
        logGroupName=name,
        filterName="score",
        filterPattern="{ $.mlops.score = * }",
        metricTransformations=[
            {"metricName": "Score", "metricNamespace": f"mlops/{project}", "metricValue": "$.mlops.score"}
        ],
    )


def plant_bucket(at: Garden, project: str) -> None:
    """One with versions, a delete marker and an upload begun."""
    s3, name = at("s3"), f"{project}-plants"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": at.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket=name, Key="key", Body=body)
    s3.delete_object(Bucket=name, Key="key")
    s3.create_multipart_upload(Bucket=name, Key="upload")


def plant_trail(at: Garden, project: str) -> None:
    """One that writes into a bucket of its own."""
    bucket, service = f"{project}-logs", {"Service": "cloudtrail.amazonaws.com"}
    at("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": at.region})
    resources = {"s3:GetBucketAcl": f"arn:aws:s3:::{bucket}", "s3:PutObject": f"arn:aws:s3:::{bucket}/*"}
    statements = [
        {"Effect": "Allow", "Principal": service, "Action": action, "Resource": resource}
        for action, resource in resources.items()
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    at("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    at("cloudtrail").create_trail(Name=f"{project}-forgotten", S3BucketName=bucket)


def plant_rule(at: Garden, project: str) -> None:
    at("events").put_rule(Name=f"{project}-forgotten", EventPattern='{"source": ["aws.sagemaker"]}')
    topic = at("sns").create_topic(Name=f"{project}-forgotten")["TopicArn"]
    at("events").put_targets(Rule=f"{project}-forgotten", Targets=[{"Id": "topic", "Arn": topic}])


def plant_connection(at: Garden, project: str) -> str:
    key = {"ApiKeyName": "Authorization", "ApiKeyValue": "x"}
    made = at("events").create_connection(
        Name=f"{project}-forgotten", AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key}
    )
    return str(made["ConnectionArn"])


def plant_destination(at: Garden, project: str) -> None:
    at("events").create_api_destination(
        Name=f"{project}-forgotten",
        ConnectionArn=at("events").describe_connection(Name=f"{project}-forgotten")["ConnectionArn"],
        InvocationEndpoint="https://example.com/dispatches",
        HttpMethod="POST",
    )


def plant_subscription(at: Garden, project: str) -> None:
    topic = at("sns").create_topic(Name=f"{project}-forgotten")["TopicArn"]
    at("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ada@example.com")


def plant_query(at: Garden, project: str) -> None:
    at("athena").create_named_query(
        Name=f"{project} forgotten", Database="d", QueryString="SELECT 1", WorkGroup="primary"
    )


def plant_database(at: Garden, project: str) -> None:
    name = f"{project}_forgotten".replace("-", "_")
    at("glue").create_database(DatabaseInput={"Name": name})
    at("glue").create_table(DatabaseName=name, TableInput={"Name": "events"})


def plant_budget(at: Garden, project: str) -> None:
    at("budgets").create_budget(
        AccountId=at.account,
        Budget={
            "BudgetName": f"{project}-forgotten",
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": "1", "Unit": "USD"},
        },
    )
