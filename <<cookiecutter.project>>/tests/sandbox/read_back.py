"""Each type's properties as the service's own API tells them, in CloudFormation's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .read_back_guards import alias, key, managed_policy, provider, role
from .read_back_networks import association, flow_log, route_table, security_group, subnet, vpc, vpc_endpoint
from .told import Found, Seen, maybe, pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.cloudformation.kinds import Making


def budget(client: Any, making: Making) -> Found:
    api, where = client("budgets"), {"AccountId": making.place.account, "BudgetName": making.id}
    found = api.describe_budget(**where)["Budget"]
    found["BudgetLimit"]["Amount"] = str(found["BudgetLimit"]["Amount"])
    notices = api.describe_notifications_for_budget(**where)["Notifications"]
    return {
        "Budget": found,
        "NotificationsWithSubscribers": [
            {
                "Notification": each,
                "Subscribers": api.describe_subscribers_for_notification(**where, Notification=each)[
                    "Subscribers"
                ],
            }
            for each in notices
        ],
    }


def alarm(client: Any, making: Making) -> Found:
    found = client("cloudwatch").describe_alarms(AlarmNames=[making.id])["MetricAlarms"][0]
    tags = client("cloudwatch").list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
    return Seen({**found, "Tags": tags})


def dashboard(client: Any, making: Making) -> Found:
    found = client("cloudwatch").get_dashboard(DashboardName=making.id)
    return {"DashboardName": found["DashboardName"], "DashboardBody": json.loads(found["DashboardBody"])}


def code_repository(client: Any, making: Making) -> Found:
    api = client("codecommit")
    found = api.get_repository(repositoryName=making.properties["RepositoryName"])["repositoryMetadata"]
    return {
        "RepositoryName": found["repositoryName"],
        "RepositoryDescription": found["repositoryDescription"],
        "Tags": pairs(api.list_tags_for_resource(resourceArn=found["Arn"])["tags"]),
    }


def image_repository(client: Any, making: Making) -> Found:
    api, name = client("ecr"), making.id
    (found,) = api.describe_repositories(repositoryNames=[name])["repositories"]
    lifecycle = maybe(lambda: api.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    policy = maybe(lambda: json.loads(api.get_repository_policy(repositoryName=name)["policyText"]))
    encryption = found["encryptionConfiguration"]
    return {
        "RepositoryName": found["repositoryName"],
        "ImageTagMutability": found["imageTagMutability"],
        "ImageScanningConfiguration": found["imageScanningConfiguration"]["scanOnPush"]
        and {"ScanOnPush": True},
        "EncryptionConfiguration": {
            "EncryptionType": encryption["encryptionType"],
            "KmsKey": encryption.get("kmsKey", "").rpartition("/")[2],
        },
        "LifecyclePolicy": lifecycle and {"LifecyclePolicyText": lifecycle},
        "RepositoryPolicyText": policy,
        "Tags": api.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"],
    }


def destination(client: Any, making: Making) -> Found:
    return dict(client("events").describe_api_destination(Name=making.id))


def connection(client: Any, making: Making) -> Found:
    """A secret of a connection is in Secrets Manager, and nowhere else."""
    found = client("events").describe_connection(Name=making.id)
    secret = client("secretsmanager").get_secret_value(SecretId=found["SecretArn"])["SecretString"]
    auth = found["AuthParameters"]
    auth["ApiKeyAuthParameters"]["ApiKeyValue"] = json.loads(secret)["api_key_value"]
    return dict(found)


def rule(client: Any, making: Making) -> Found:
    api = client("events")
    found = api.describe_rule(Name=making.id)
    return {
        **Seen(dict.fromkeys(("Description", "RoleArn", "ScheduleExpression"))),
        **found,
        "EventPattern": json.loads(found.get("EventPattern", "null")),
        "Targets": api.list_targets_by_rule(Rule=making.id)["Targets"],
        "Tags": api.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"],
    }


def database(client: Any, making: Making) -> Found:
    found = client("glue").get_database(Name=making.id)["Database"]
    return {"CatalogId": found["CatalogId"], "DatabaseInput": found}


def table(client: Any, making: Making) -> Found:
    where = {key: making.properties[key] for key in ("CatalogId", "DatabaseName")}
    found = client("glue").get_table(**where, Name=making.id)["Table"]
    return {**where, "DatabaseName": found["DatabaseName"], "TableInput": found}


def log_group(client: Any, making: Making) -> Found:
    api = client("logs")
    groups = api.describe_log_groups(logGroupNamePrefix=making.id)["logGroups"]
    found = groups[0]
    return {
        "LogGroupName": found["logGroupName"],
        "RetentionInDays": found.get("retentionInDays"),
        "KmsKeyId": found.get("kmsKeyId"),
        "Tags": pairs(api.list_tags_log_group(logGroupName=making.id)["tags"]),
    }


def metric_filter(client: Any, making: Making) -> Found:
    found = client("logs").describe_metric_filters(filterNamePrefix=making.id)["metricFilters"][0]
    return {
        "FilterName": found["filterName"],
        "LogGroupName": found["logGroupName"],
        "FilterPattern": found["filterPattern"],
        "MetricTransformations": [
            {name[0].upper() + name[1:]: value for name, value in each.items()}
            for each in found["metricTransformations"]
        ],
    }


def logs_policy(client: Any, making: Making) -> Found:
    policies = client("logs").describe_resource_policies()["resourcePolicies"]
    found = {each["policyName"]: each["policyDocument"] for each in policies}
    return {"PolicyName": making.id, "PolicyDocument": json.loads(found[making.id])}


def bucket(client: Any, making: Making) -> Found:
    api, where = client("s3"), {"Bucket": making.id}
    api.head_bucket(**where)
    encryption = maybe(lambda: api.get_bucket_encryption(**where)["ServerSideEncryptionConfiguration"])
    logging = api.get_bucket_logging(**where).get("LoggingEnabled")
    lock = maybe(lambda: api.get_object_lock_configuration(**where)["ObjectLockConfiguration"])
    lifecycle = maybe(lambda: api.get_bucket_lifecycle_configuration(**where)["Rules"])
    return {
        "BucketName": making.id,
        "BucketEncryption": encryption
        and {
            "ServerSideEncryptionConfiguration": [
                {**each, "ServerSideEncryptionByDefault": each["ApplyServerSideEncryptionByDefault"]}
                for each in encryption["Rules"]
            ]
        },
        "LifecycleConfiguration": lifecycle and {"Rules": [lifecycle_rule(each) for each in lifecycle]},
        "LoggingConfiguration": logging
        and {"DestinationBucketName": logging["TargetBucket"], "LogFilePrefix": logging["TargetPrefix"]},
        "ObjectLockEnabled": lock is not None,
        "ObjectLockConfiguration": lock if lock and "Rule" in lock else None,
        "OwnershipControls": maybe(lambda: api.get_bucket_ownership_controls(**where)["OwnershipControls"]),
        "PublicAccessBlockConfiguration": maybe(
            lambda: api.get_public_access_block(**where)["PublicAccessBlockConfiguration"]
        ),
        "VersioningConfiguration": {"Status": api.get_bucket_versioning(**where).get("Status")},
        "Tags": maybe(lambda: api.get_bucket_tagging(**where)["TagSet"]),
    }


def lifecycle_rule(found: Any) -> Found:
    where, expiration = found.get("Filter", {}), found.get("Expiration", {})
    both = where.get("And", where)
    tags = both.get("Tags") or ([both["Tag"]] if "Tag" in both else [])
    return {
        **found,
        "Id": found["ID"],
        "Prefix": both.get("Prefix"),
        "TagFilters": tags,
        "ExpirationInDays": expiration.get("Days"),
        "ExpiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker"),
        "Transitions": [moved(each, "Days") for each in found.get("Transitions", ())],
        "NoncurrentVersionTransitions": [
            moved(each, "NoncurrentDays") for each in found.get("NoncurrentVersionTransitions", ())
        ],
    }


def moved(found: Any, days: str) -> Found:
    return {**found, "TransitionInDays": found[days]}


def bucket_policy(client: Any, making: Making) -> Found:
    found = client("s3").get_bucket_policy(Bucket=making.id)["Policy"]
    return {"Bucket": making.id, "PolicyDocument": json.loads(found)}


def subscription(client: Any, making: Making) -> Found:
    found = client("sns").get_subscription_attributes(SubscriptionArn=making.id)["Attributes"]
    return {
        **found,
        "FilterPolicy": json.loads(found["FilterPolicy"]),
        "RawMessageDelivery": found["RawMessageDelivery"] == "true",
    }


def topic(client: Any, making: Making) -> Found:
    api = client("sns")
    found = api.get_topic_attributes(TopicArn=making.id)["Attributes"]
    tags = api.list_tags_for_resource(ResourceArn=making.id)["Tags"]
    return {**found, "TopicName": making.id.rpartition(":")[2], "Tags": tags}


def topic_policy(client: Any, making: Making) -> Found:
    topics = making.properties["Topics"]
    found = json.loads(client("sns").get_topic_attributes(TopicArn=topics[0])["Attributes"]["Policy"])
    if found.get("Id") == "__default_policy_ID":
        raise KeyError(topics[0])
    return {"Topics": topics, "PolicyDocument": found}


def parameter(client: Any, making: Making) -> Found:
    api = client("ssm")
    api.get_parameter(Name=making.id)
    only = [{"Key": "Name", "Values": [making.id]}]
    (found,) = api.describe_parameters(ParameterFilters=only)["Parameters"]
    tags = api.list_tags_for_resource(ResourceType="Parameter", ResourceId=making.id)["TagList"]
    return {
        **found,
        "AllowedPattern": found.get("AllowedPattern"),
        "Value": api.get_parameter(Name=making.id)["Parameter"]["Value"],
        "Tags": {each["Key"]: each["Value"] for each in tags},
    }


def package_group(client: Any, making: Making) -> Found:
    api, name = client("sagemaker"), making.properties["ModelPackageGroupName"]
    found = api.describe_model_package_group(ModelPackageGroupName=name)
    policy = maybe(lambda: api.get_model_package_group_policy(ModelPackageGroupName=name)["ResourcePolicy"])
    tags = api.list_tags(ResourceArn=making.id)["Tags"]
    return {**found, "ModelPackageGroupPolicy": policy and json.loads(policy), "Tags": tags}


def secret(client: Any, making: Making) -> Found:
    api = client("secretsmanager")
    found = api.describe_secret(SecretId=making.id)
    return {**found, "SecretString": api.get_secret_value(SecretId=making.id)["SecretString"]}


READERS: dict[str, Callable[[Any, Making], Found]] = {
    "AWS::Budgets::Budget": budget,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::CloudWatch::Dashboard": dashboard,
    "AWS::CodeCommit::Repository": code_repository,
    "AWS::EC2::FlowLog": flow_log,
    "AWS::EC2::RouteTable": route_table,
    "AWS::EC2::SecurityGroup": security_group,
    "AWS::EC2::Subnet": subnet,
    "AWS::EC2::SubnetRouteTableAssociation": association,
    "AWS::EC2::VPC": vpc,
    "AWS::EC2::VPCEndpoint": vpc_endpoint,
    "AWS::ECR::Repository": image_repository,
    "AWS::Events::ApiDestination": destination,
    "AWS::Events::Connection": connection,
    "AWS::Events::Rule": rule,
    "AWS::Glue::Database": database,
    "AWS::Glue::Table": table,
    "AWS::IAM::ManagedPolicy": managed_policy,
    "AWS::IAM::OIDCProvider": provider,
    "AWS::IAM::Role": role,
    "AWS::KMS::Alias": alias,
    "AWS::KMS::Key": key,
    "AWS::Logs::LogGroup": log_group,
    "AWS::Logs::MetricFilter": metric_filter,
    "AWS::Logs::ResourcePolicy": logs_policy,
    "AWS::S3::Bucket": bucket,
    "AWS::S3::BucketPolicy": bucket_policy,
    "AWS::SNS::Subscription": subscription,
    "AWS::SNS::Topic": topic,
    "AWS::SNS::TopicPolicy": topic_policy,
    "AWS::SSM::Parameter": parameter,
    "AWS::SageMaker::ModelPackageGroup": package_group,
    "AWS::SecretsManager::Secret": secret,
}
