"""Each type of CloudFormation keeps every property that it takes: read back by the service's own API."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloudformation import kinds, schema
from sandbox.cloudformation.errors import ResourceError
from sandbox.cloudformation.kinds import Kind, Making, Place

from .conftest import ACCOUNT, REGION, Sandbox
from .read_back import READERS

TAGS = [{"Key": "team", "Value": "a"}]
OTHER_TAGS = [{"Key": "cost", "Value": "b"}]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
OPEN = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Read", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}
MINE = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Own", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
WIDER = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Own", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    ],
}
KEYS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}
LOGGED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::prepared-for-types-logs/*",
        }
    ],
}
PATTERN = {"source": ["aws.sagemaker"], "detail": {"a": [{"prefix": "x"}]}}
COLUMNS = [{"Name": "a", "Type": "string"}, {"Name": "b", "Type": "int"}]
STACK = Place(ACCOUNT, REGION, "stack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/1")

# Of each type: properties of a new resource, and those that it is then brought to. {…} are prepared below.
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
    "AWS::CodeCommit::Repository": (
        {"RepositoryName": "{unique}", "RepositoryDescription": "d", "Tags": TAGS},
        {"RepositoryName": "{unique}", "RepositoryDescription": "e", "Tags": OTHER_TAGS},
    ),
    "AWS::EC2::FlowLog": (
        {
            "ResourceId": "{vpc}",
            "ResourceType": "VPC",
            "TrafficType": "REJECT",
            "LogDestinationType": "s3",
            "LogDestination": "arn:aws:s3:::{bucket}",
            "MaxAggregationInterval": 60,
            "Tags": TAGS,
        },
        {"Tags": OTHER_TAGS},
    ),
    "AWS::EC2::RouteTable": ({"VpcId": "{vpc}", "Tags": TAGS}, {"VpcId": "{vpc}", "Tags": OTHER_TAGS}),
    "AWS::EC2::SecurityGroup": (
        {
            "GroupName": "{unique}",
            "GroupDescription": "d",
            "VpcId": "{vpc}",
            "SecurityGroupIngress": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "SourceSecurityGroupId": "{group}",
                    "Description": "x",
                }
            ],
            "SecurityGroupEgress": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "CidrIp": "10.0.0.0/8",
                    "Description": "y",
                }
            ],
            "Tags": TAGS,
        },
        {
            "GroupName": "{unique}",
            "GroupDescription": "d",
            "VpcId": "{vpc}",
            "SecurityGroupEgress": [
                {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.1.0.0/16"}
            ],
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::EC2::Subnet": (
        {
            "VpcId": "{vpc}",
            "CidrBlock": "10.9.1.0/24",
            "AvailabilityZone": f"{REGION}b",
            "MapPublicIpOnLaunch": True,
            "Tags": TAGS,
        },
        {"VpcId": "{vpc}", "CidrBlock": "10.9.1.0/24", "MapPublicIpOnLaunch": False, "Tags": OTHER_TAGS},
    ),
    "AWS::EC2::SubnetRouteTableAssociation": ({"SubnetId": "{subnet}", "RouteTableId": "{routes}"}, {}),
    "AWS::EC2::VPC": (
        {
            "CidrBlock": "10.8.0.0/16",
            "EnableDnsHostnames": "true",
            "EnableDnsSupport": True,
            "InstanceTenancy": "default",
            "Tags": TAGS,
        },
        {"CidrBlock": "10.8.0.0/16", "EnableDnsSupport": False, "Tags": OTHER_TAGS},
    ),
    "AWS::EC2::VPCEndpoint": (
        {
            "VpcId": "{vpc}",
            "ServiceName": f"com.amazonaws.{REGION}.sagemaker.api",
            "VpcEndpointType": "Interface",
            "SubnetIds": ["{subnet}"],
            "SecurityGroupIds": ["{group}"],
            "PrivateDnsEnabled": True,
            "PolicyDocument": OPEN,
            "Tags": TAGS,
        },
        {
            "VpcId": "{vpc}",
            "ServiceName": f"com.amazonaws.{REGION}.sagemaker.api",
            "VpcEndpointType": "Interface",
            "SubnetIds": ["{subnet}"],
            "SecurityGroupIds": ["{group}"],
            "PrivateDnsEnabled": True,
            "PolicyDocument": {**OPEN, "Id": "other"},
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::ECR::Repository": (
        {
            "RepositoryName": "{unique}",
            "ImageTagMutability": "IMMUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": "{key}"},
            "LifecyclePolicy": {
                "LifecyclePolicyText": '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": '
                '"untagged", "countType": "imageCountMoreThan", "countNumber": 3}, '
                '"action": {"type": "expire"}}]}'
            },
            "RepositoryPolicyText": OPEN,
            "Tags": TAGS,
        },
        {"RepositoryName": "{unique}", "ImageTagMutability": "MUTABLE", "Tags": OTHER_TAGS},
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
    "AWS::Glue::Database": (
        {
            "CatalogId": ACCOUNT,
            "DatabaseInput": {
                "Name": "{unique}",
                "Description": "d",
                "LocationUri": "s3://b/",
                "Parameters": {"a": "1"},
            },
        },
        {"CatalogId": ACCOUNT, "DatabaseInput": {"Name": "{unique}", "Description": "e"}},
    ),
    "AWS::Glue::Table": (
        {
            "CatalogId": ACCOUNT,
            "DatabaseName": "{database}",
            "TableInput": {
                "Name": "{unique}",
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"projection.enabled": "true"},
                "PartitionKeys": [{"Name": "day", "Type": "string"}],
                "StorageDescriptor": {
                    "Location": "s3://b/",
                    "InputFormat": "i",
                    "OutputFormat": "o",
                    "SerdeInfo": {"SerializationLibrary": "s"},
                    "Columns": COLUMNS,
                },
            },
        },
        {
            "CatalogId": ACCOUNT,
            "DatabaseName": "{database}",
            "TableInput": {"Name": "{unique}", "TableType": "EXTERNAL_TABLE", "Parameters": {"a": "b"}},
        },
    ),
    "AWS::IAM::ManagedPolicy": (
        {
            "ManagedPolicyName": "{unique}",
            "Description": "d",
            "Path": "/jobs/",
            "PolicyDocument": MINE,
            "Roles": ["{role_name}"],
        },
        {"ManagedPolicyName": "{unique}", "Description": "d", "Path": "/jobs/", "PolicyDocument": WIDER},
    ),
    "AWS::IAM::OIDCProvider": (
        {
            "Url": "https://{unique}.example",
            "ClientIdList": ["sts.amazonaws.com"],
            "ThumbprintList": ["a" * 40],
            "Tags": TAGS,
        },
        {
            "Url": "https://{unique}.example",
            "ClientIdList": ["sts.amazonaws.com"],
            "ThumbprintList": ["b" * 40],
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::IAM::Role": (
        {
            "RoleName": "{unique}",
            "Path": "/jobs/",
            "Description": "d",
            "MaxSessionDuration": "7200",
            "AssumeRolePolicyDocument": TRUST,
            "PermissionsBoundary": "{policy}",
            "ManagedPolicyArns": ["{policy}"],
            "Policies": [{"PolicyName": "a", "PolicyDocument": MINE}],
            "Tags": TAGS,
        },
        {
            "RoleName": "{unique}",
            "Path": "/jobs/",
            "AssumeRolePolicyDocument": {**TRUST, "Id": "other"},
            "Policies": [{"PolicyName": "b", "PolicyDocument": WIDER}],
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::KMS::Alias": (
        {"AliasName": "alias/{unique}", "TargetKeyId": "{key}"},
        {"AliasName": "alias/{unique}", "TargetKeyId": "{other_key}"},
    ),
    "AWS::KMS::Key": (
        {
            "Description": "d",
            "EnableKeyRotation": True,
            "Enabled": True,
            "KeyPolicy": KEYS,
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "Tags": TAGS,
        },
        {
            "Description": "e",
            "EnableKeyRotation": False,
            "Enabled": False,
            "KeyPolicy": {**KEYS, "Id": "other"},
            "PendingWindowInDays": 7,
            "Tags": OTHER_TAGS,
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
    "AWS::S3::Bucket": (
        {
            "BucketName": "{unique}",
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": "{key_arn}",
                        },
                    }
                ]
            },
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "old",
                        "Status": "Enabled",
                        "Prefix": "datasets/",
                        "ExpirationInDays": 30,
                        "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 5}],
                    },
                    {
                        "Id": "versions",
                        "Status": "Disabled",
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                        "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "TransitionInDays": 3}],
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    },
                    {"Id": "tagged", "Status": "Enabled", "ExpirationInDays": 2, "TagFilters": TAGS},
                    {"Id": "markers", "Status": "Enabled", "ExpiredObjectDeleteMarker": True, "Prefix": "a/"},
                ]
            },
            "ObjectLockEnabled": True,
            "ObjectLockConfiguration": {
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "9"}},
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": "true",
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": False,
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "Tags": TAGS,
        },
        {
            "BucketName": "{unique}",
            "ObjectLockEnabled": True,
            "LoggingConfiguration": {"DestinationBucketName": "{bucket}-logs", "LogFilePrefix": "logs/"},
            "VersioningConfiguration": {"Status": "Enabled"},
        },
    ),
    "AWS::S3::BucketPolicy": (
        {"Bucket": "{bucket}", "PolicyDocument": OPEN},
        {"Bucket": "{bucket}", "PolicyDocument": {**OPEN, "Id": "other"}},
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
    "AWS::SSM::Parameter": (
        {
            "Name": "/shop/{unique}",
            "Type": "String",
            "Value": "a",
            "Description": "d",
            "Tier": "Standard",
            "DataType": "text",
            "AllowedPattern": ".*",
            "Tags": {"team": "a"},
        },
        {
            "Name": "/shop/{unique}",
            "Type": "String",
            "Value": "b",
            "Description": "e",
            "Tags": {"cost": "b"},
        },
    ),
    "AWS::SageMaker::ModelPackageGroup": (
        {
            "ModelPackageGroupName": "{unique}",
            "ModelPackageGroupDescription": "d",
            "ModelPackageGroupPolicy": OPEN,
            "Tags": TAGS,
        },
        {"ModelPackageGroupName": "{unique}", "ModelPackageGroupDescription": "d", "Tags": OTHER_TAGS},
    ),
    "AWS::SecretsManager::Secret": (
        {
            "Name": "{unique}",
            "Description": "d",
            "KmsKeyId": "{key}",
            "SecretString": "s",
            "Tags": TAGS,
        },
        {
            "Name": "{unique}",
            "Description": "e",
            "KmsKeyId": "{other_key}",
            "SecretString": "t",
            "Tags": OTHER_TAGS,
        },
    ),
}


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Any:
    return functools.cache(sandbox.client)


@pytest.fixture(scope="module")
def prepared(client: Any) -> dict[str, str]:
    """What resources refer to."""
    name = "prepared-for-types"
    ec2, key = client("ec2"), client("kms").create_key()["KeyMetadata"]
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.9.0/24")["Subnet"]["SubnetId"]
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    policy = client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(MINE))["Policy"]
    where = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    client("s3").create_bucket(Bucket=f"{name}-logs", CreateBucketConfiguration=where)
    client("s3").put_bucket_policy(Bucket=f"{name}-logs", Policy=json.dumps(LOGGED))
    client("logs").create_log_group(logGroupName=name)
    client("glue").create_database(DatabaseInput={"Name": name})
    auth = {"ApiKeyAuthParameters": {"ApiKeyName": "a", "ApiKeyValue": "b"}}
    connection = client("events").create_connection(
        Name=name, AuthorizationType="API_KEY", AuthParameters=auth
    )
    return {
        "bucket": name,
        "connection": connection["ConnectionArn"],
        "database": name,
        "group": ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc)["GroupId"],
        "key": key["KeyId"],
        "key_arn": key["Arn"],
        "log_group": name,
        "other_key": client("kms").create_key()["KeyMetadata"]["KeyId"],
        "policy": policy["Arn"],
        "role": role["Arn"],
        "role_name": name,
        "routes": ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"],
        "subnet": subnet,
        "topic": client("sns").create_topic(Name=name)["TopicArn"],
        "vpc": vpc,
    }


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(member, names) for key, member in value.items()}
    if isinstance(value, list):
        return [filled(member, names) for member in value]
    for name, found in names.items():
        value = value.replace(f"{{{name}}}", found) if isinstance(value, str) else value
    return value


def require(name: str) -> Kind:
    kind = kinds.find(name)
    assert kind is not None
    return kind


def is_kept(asked: Any, found: Any) -> bool:
    """Whether all that was asked for is found; a service may add members of its own."""
    if isinstance(asked, dict):
        return isinstance(found, dict) and all(is_kept(each, found.get(key)) for key, each in asked.items())
    if isinstance(asked, list):
        return isinstance(found, list) and len(asked) == len(found) and all(map(is_kept, asked, found))
    return bool(asked == found)


@pytest.mark.parametrize("name", CASES)
def test_a_type_keeps_takes_back_and_deletes_all_its_properties(
    client: Any, prepared: dict[str, str], unique: str, name: str
) -> None:
    kind, names = require(name), {**prepared, "unique": unique}
    first, second = (schema.fit(kind.schema, filled(each, names), name) for each in CASES[name])
    making = Making("Thing", first, STACK, client)
    kind.create(making)
    found = READERS[name](client, making)
    for key, asked in first.items():
        assert is_kept(asked, found[key]), f"{key}: asked for {asked!r}, found {found[key]!r}"
    assert kind.attributes == set(making.attributes)
    after = {**{key: first[key] for key in kind.fixed if key in first}, **second}
    changed = Making("Thing", after, STACK, client, making.id, making.attributes)
    kind.update(changed, first)
    found = READERS[name](client, changed)
    for key in {*first, *after}:
        asked = after.get(key)
        kept = (
            is_kept(asked, found[key])
            if key in after
            else found[key] in (None, "", [], {}, False, "Suspended")
        )
        assert kept or key in UNSEEN, f"{key}: asked for {asked!r}, found {found[key]!r}"
    kind.delete(changed)
    with pytest.raises((ClientError, KeyError, IndexError)):
        READERS[name](client, changed)


# What a service shows as something else once it is taken back.
UNSEEN = {
    "ActionsEnabled",
    "MaxSessionDuration",
    "BucketEncryption",
    "AllowedPattern",
    "DataType",
    "Tier",
}


def leaves(found: Any, path: str = "") -> set[str]:
    """The names of all members of a schema or of properties."""
    if isinstance(found, dict) and schema.EVERY not in found:
        return {each for key, member in found.items() for each in leaves(member, f"{path}.{key}")}
    if isinstance(found, list) and found:
        return {each for member in found for each in leaves(member, path)}
    return {path}


@pytest.mark.parametrize("name", CASES)
def test_every_property_is_either_fixed_or_can_be_changed(name: str) -> None:
    kind = require(name)
    assert set(kind.schema) == kind.fixed | set(kind.setters)
    assert not kind.fixed & set(kind.setters)
    assert kind.required | kind.born | {kind.named_by or "", kind.tags or ""} <= {*kind.schema, ""}


def test_each_type_has_a_case() -> None:
    # trails are tested by the foundation's own; builds and pipelines beside their services
    own = {"CloudTrail", "CodeBuild", "CodeConnections", "CodePipeline", "CodeStarConnections"}
    assert {name for name in kinds.every() if name.split("::")[1] not in own} == set(CASES)


def test_what_exists_is_not_taken_quietly(client: Any, prepared: dict[str, str]) -> None:
    making = Making("Thing", {"TopicName": "prepared-for-types"}, STACK, client)
    with pytest.raises(ResourceError, match=r":prepared-for-types already exists"):
        require("AWS::SNS::Topic").create(making)
    assert making.id == ""
