"""What calls need: actions, resources, condition keys; and how a request's parameters are read for it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.iam import Part, authorize, facts, listing, read_parameters
from sandbox.iam.part import Place
from sandbox.wire import Target, service_model

HOME, AWAY, REGION = "111111111111", "222222222222", "eu-west-1"
SERVE = f"arn:aws:iam::{HOME}:role/acme-serve-prod"


def need(service: str, operation: str, **params: Any) -> list[Part]:
    return authorize(Target(service, operation, {}), params, {}, HOME, REGION)


def named(parts: list[Part]) -> list[tuple[str, str]]:
    return [(part.action, part.resource.rsplit(":", 1)[-1]) for part in parts]


@pytest.mark.parametrize(
    ("operation", "params", "wanted"),
    [
        ("DescribeEndpoint", {"EndpointName": "e"}, ["endpoint/e"]),
        ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e"}, ["endpoint/e"]),
        (
            "UpdateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            ["endpoint/e", "endpoint-config/c"],
        ),
        ("StartPipelineExecution", {"PipelineName": "p"}, ["pipeline/p"]),
        ("DeleteModelPackageGroupPolicy", {"ModelPackageGroupName": "g"}, ["model-package-group/g"]),
        ("CreateModelPackage", {"ModelPackageGroupName": "g"}, ["model-package/g/*"]),
        ("ListModelPackages", {"ModelPackageGroupName": "g"}, ["model-package/g/*"]),
        ("ListEndpointConfigs", {"NameContains": "e"}, ["*"]),
        ("Search", {"Resource": "TrainingJob"}, ["*"]),
    ],
)
def test_sagemakers_resources_are_named_by_parameters(
    operation: str, params: dict[str, str], wanted: list[str]
) -> None:
    found = need("sagemaker", operation, **params)
    assert named(found) == [(f"sagemaker:{operation}", resource) for resource in wanted]


def test_a_package_of_another_account_is_that_accounts() -> None:
    package = f"arn:aws:sagemaker:{REGION}:{AWAY}:model-package/acme-tumor/3"
    (part,) = need("sagemaker", "DescribeModelPackage", ModelPackageName=package)
    assert (part.resource, part.account) == (package, AWAY)


def test_an_approval_says_what_it_approves() -> None:
    package = f"arn:aws:sagemaker:{REGION}:{HOME}:model-package/acme-tumor/3"
    cycle = {"Stage": "prod", "StageStatus": "Approved"}
    (part,) = need(
        "sagemaker",
        "UpdateModelPackage",
        ModelPackageArn=package,
        ModelApprovalStatus="Approved",
        ModelLifeCycle=cycle,
        CustomerMetadataProperties={"prod.pr": "12"},
    )
    assert part.context == {
        "sagemaker:ModelApprovalStatus": ["Approved"],
        "sagemaker:ModelLifeCycle:Stage": ["prod"],
        "sagemaker:ModelLifeCycle:StageStatus": ["Approved"],
        "sagemaker:CustomerMetadataProperties/prod.pr": ["12"],
    }


def test_making_a_model_passes_a_role_tags_it_and_takes_anothers_package() -> None:
    package = f"arn:aws:sagemaker:{REGION}:{AWAY}:model-package/acme-tumor/3"
    parts = need(
        "sagemaker",
        "CreateModel",
        ModelName="m",
        PrimaryContainer={"ModelPackageName": package},
        ExecutionRoleArn=SERVE,
        Tags=[{"Key": "team", "Value": "ml"}],
    )
    assert named(parts) == [
        ("sagemaker:CreateModel", "model/m"),
        ("sagemaker:AddTags", "model/m"),
        ("sagemaker:CreateModel", "model-package/acme-tumor/3"),
        ("iam:PassRole", "role/acme-serve-prod"),
    ]
    assert parts[1].context["sagemaker:TaggingAction"] == ["CreateModel"]
    assert parts[3].context == {"iam:PassedToService": ["sagemaker.amazonaws.com"]}


def test_a_package_of_the_callers_own_account_needs_nothing_more_to_make_a_model() -> None:
    package = f"arn:aws:sagemaker:{REGION}:{HOME}:model-package/acme-tumor/3"
    parts = need("sagemaker", "CreateModel", ModelName="m", Containers=[{"ModelPackageName": package}])
    assert named(parts) == [("sagemaker:CreateModel", "model/m")]


def test_a_job_says_what_it_runs_on_and_every_role_that_it_is_given() -> None:
    definition = {
        "RoleArn": SERVE,
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "OutputDataConfig": {"KmsKeyId": "k"},
    }
    job, role = need(
        "sagemaker",
        "CreateHyperParameterTuningJob",
        HyperParameterTuningJobName="t",
        TrainingJobDefinition=definition,
    )
    assert job.context == {
        "sagemaker:InstanceTypes": ("ml.m5.large",),
        "sagemaker:MaxRuntimeInSeconds": ("60",),
        "sagemaker:OutputKmsKeyArn": ("k",),
    }
    assert role.resource == SERVE


@pytest.mark.parametrize(
    ("operation", "params", "wanted"),
    [
        ("HeadObject", {}, [("s3:GetObject", "acme/runs/a b")]),
        ("GetObject", {"VersionId": "v"}, [("s3:GetObjectVersion", "acme/runs/a b")]),
        ("UploadPart", {}, [("s3:PutObject", "acme/runs/a b")]),
        ("ListParts", {}, [("s3:ListMultipartUploadParts", "acme/runs/a b")]),
        (
            "CopyObject",
            {"CopySource": "/data/x%20y?versionId=3"},
            [("s3:PutObject", "acme/runs/a b"), ("s3:GetObjectVersion", "data/x y")],
        ),
        (
            "PutObject",
            {"Tagging": "a=b", "ACL": "private", "ObjectLockMode": "GOVERNANCE"},
            [
                ("s3:PutObject", "acme/runs/a b"),
                ("s3:PutObjectAcl", "acme/runs/a b"),
                ("s3:PutObjectTagging", "acme/runs/a b"),
                ("s3:PutObjectRetention", "acme/runs/a b"),
            ],
        ),
    ],
)
def test_an_objects_operations(operation: str, params: dict[str, str], wanted: list[tuple[str, str]]) -> None:
    assert named(need("s3", operation, Bucket="acme", Key="runs/a b", **params)) == wanted


def test_a_bucket_is_listed_under_a_prefix() -> None:
    (part,) = need("s3", "ListObjectsV2", Bucket="acme", Prefix="holds/prod/", MaxKeys=10)
    assert part == Part(
        "s3:ListBucket", "arn:aws:s3:::acme", "", {"s3:prefix": ["holds/prod/"], "s3:max-keys": ["10"]}
    )
    assert listing("acme", "holds/x", Place(HOME, REGION)).context == {"s3:prefix": ["holds/x"]}
    assert named(need("s3", "ListBuckets")) == [("s3:ListAllMyBuckets", "*")]


@pytest.mark.parametrize(
    ("operation", "creates"),
    [
        ("PutObject", "true"),
        ("CompleteMultipartUpload", "true"),
        ("CopyObject", "true"),
        ("CreateMultipartUpload", "false"),
        ("UploadPart", "false"),
    ],
)
def test_only_what_makes_an_object_is_a_creation(operation: str, creates: str) -> None:
    part = need("s3", operation, Bucket="acme", Key="k", IfNoneMatch="*")[0]
    assert part.context["s3:ObjectCreationOperation"] == [creates]
    assert part.context["s3:if-none-match"] == ["*"]


def test_each_key_of_a_bulk_deletion_is_asked_for() -> None:
    keys = "<Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>1</VersionId></Object>"
    body = f'<Delete xmlns="urn:s3">{keys}</Delete>'.encode()
    target = Target("s3", "DeleteObjects", {"Bucket": "acme"})
    params = read_parameters(target, {"QUERY_STRING": "delete"}, {}, body)
    wanted = [("s3:DeleteObject", "acme/a"), ("s3:DeleteObjectVersion", "acme/b")]
    assert named(need("s3", "DeleteObjects", **params)) == wanted
    assert named(need("s3", "DeleteObjects", Bucket="acme")) == [("s3:DeleteObject", "acme/*")]


@pytest.mark.parametrize(
    ("service", "operation", "params", "resource"),
    [
        ("logs", "PutMetricFilter", {"logGroupName": "/g"}, "log-group:/g:log-stream:"),
        ("logs", "PutLogEvents", {"logGroupName": "/g", "logStreamName": "s"}, "log-group:/g:log-stream:s"),
        ("logs", "DescribeLogGroups", {}, "*"),
        ("cloudwatch", "PutMetricAlarm", {"AlarmName": "a"}, "alarm:a"),
        ("cloudwatch", "DescribeAlarms", {}, "alarm:*"),
        ("cloudwatch", "GetMetricData", {}, "*"),
        ("events", "PutRule", {"Name": "r"}, "rule/r"),
        ("sns", "CreateTopic", {"Name": "t"}, "t"),
        ("sns", "Subscribe", {"TopicArn": "arn:aws:sns:eu-west-1:111111111111:t"}, "t"),
        ("sns", "Unsubscribe", {"SubscriptionArn": "arn:aws:sns:eu-west-1:111111111111:t:s"}, "t"),
        ("cloudformation", "DescribeStacks", {"StackName": "s"}, "stack/s/*"),
        ("kms", "Decrypt", {"KeyId": "k"}, "key/k"),
        ("iam", "AttachRolePolicy", {"RoleName": "r", "PolicyArn": "p"}, "role/r"),
        ("iam", "ListRoles", {}, "*"),
        ("sqs", "SendMessage", {"QueueUrl": "q"}, "*"),
    ],
)
def test_other_services(service: str, operation: str, params: dict[str, str], resource: str) -> None:
    (part,) = need(service, operation, **params)
    assert (part.action, part.resource.split(":", 5)[-1]) == (f"{service}:{operation}", resource)


@pytest.mark.parametrize(
    "value", [None, "x", 1, [], {}, ["x"], [1], {"a": 1}, [{"Key": {}}], {"Objects": [1]}]
)
@pytest.mark.parametrize("service", ["events", "kms", "s3", "sagemaker"])
def test_parameters_that_are_not_sound_are_decided_too(service: str, value: Any) -> None:
    model = service_model(service)
    assert model is not None
    for operation in model.operation_names:
        shape: Any = model.operation_model(operation).input_shape
        assert need(service, operation, **dict.fromkeys(shape.members if shape else (), value))


def test_facts_of_a_request_reach_every_part() -> None:
    environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": "aws-cli", "HTTP_AUTHORIZATION": "x"}
    known = facts(environ, REGION)
    assert (known["aws:SecureTransport"], known["s3:authType"]) == (["true"], ["REST-HEADER"])
    (part,) = authorize(Target("logs", "DescribeLogGroups", {}), {}, known, HOME, REGION)
    assert part.context["aws:SourceIp"] == ["127.0.0.1"]
    assert [key for key in part.context if key.startswith("s3:")] == []


def test_parameters_are_read_from_path_query_headers_and_form() -> None:
    environ = {"QUERY_STRING": "list-type=2&prefix=a%2Fb", "HTTP_IF_NONE_MATCH": "*"}
    listed = read_parameters(Target("s3", "ListObjectsV2", {"Bucket": "b"}), environ, {}, None)
    assert listed == {"Bucket": "b", "Prefix": "a/b"}
    put = read_parameters(Target("s3", "PutObject", {"Bucket": "b", "Key": "k"}), environ, {}, b"data")
    assert put == {"Bucket": "b", "Key": "k", "IfNoneMatch": "*"}
    form = {"Action": "AssumeRole", "RoleArn": "r", "Tags.member.1.Key": "k", "Tags.member.1.Value": "v"}
    assumed = read_parameters(Target("sts", "AssumeRole", {}), {}, form, b"raw")
    assert assumed == {"RoleArn": "r", "Tags": [{"Key": "k", "Value": "v"}]}
    described = read_parameters(Target("sagemaker", "DescribeModel", {}), {}, {}, b'{"ModelName": "m"}')
    assert described == {"ModelName": "m"}
    assert read_parameters(Target("sagemaker", "DescribeModel", {}), {}, {}, b"{") == {}
