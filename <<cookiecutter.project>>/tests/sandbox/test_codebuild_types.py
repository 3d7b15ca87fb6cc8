"""CloudFormation's build projects, pipelines and connections keep what a template says, and take it back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.cloudformation import kinds, schema
from sandbox.cloudformation.kinds import Making, Place
from sandbox.cloudformation.spelling import lowered
from tests.sandbox.building import STANDARD, service_role
from tests.sandbox.conftest import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.conftest import Sandbox

TAGS = [{"Key": "team", "Value": "a"}]
PLACE = Place(ACCOUNT, REGION, "stack", "id")
ENVIRONMENT = {"Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL", "Image": STANDARD}
NOTHING = {"Type": "NO_SOURCE", "BuildSpec": "version: 0.2"}
LEAST = {"Artifacts": {"Type": "NO_ARTIFACTS"}, "Environment": ENVIRONMENT, "Source": NOTHING}
MOST = {
    "Artifacts": {
        "Type": "S3",
        "Location": "bucket",
        "Path": "p",
        "NamespaceType": "BUILD_ID",
        "Packaging": "ZIP",
    },
    "Cache": {"Type": "LOCAL", "Modes": ["LOCAL_CUSTOM_CACHE"]},
    "ConcurrentBuildLimit": 1,
    "Description": "d",
    "EncryptionKey": "alias/shop",
    "Environment": {
        **ENVIRONMENT,
        "EnvironmentVariables": [{"Name": "A", "Value": "b", "Type": "PLAINTEXT"}],
    },
    "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": "g", "StreamName": "s"}},
    "QueuedTimeoutInMinutes": 10,
    "SecondaryArtifacts": [{"Type": "S3", "Location": "bucket", "ArtifactIdentifier": "other"}],
    "SecondarySourceVersions": [{"SourceIdentifier": "more", "SourceVersion": "v"}],
    "SecondarySources": [{"Type": "S3", "Location": "bucket/key.zip", "SourceIdentifier": "more"}],
    "Source": {"Type": "S3", "Location": "bucket/key.zip", "BuildSpec": "b.yml"},
    "SourceVersion": "v",
    "TimeoutInMinutes": 10,
    "VpcConfig": {"VpcId": "vpc-1", "Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
}
STAGES = [
    {
        "Name": "Source",
        "Actions": [
            {
                "Name": "Source",
                "ActionTypeId": {
                    "Category": "Source",
                    "Owner": "AWS",
                    "Provider": "CodeCommit",
                    "Version": "1",
                },
                "Configuration": {"RepositoryName": "r", "BranchName": "main"},
                "OutputArtifacts": [{"Name": "Code"}],
                "Namespace": "Source",
                "RunOrder": 1,
            }
        ],
    },
    {
        "Name": "Approve",
        "OnFailure": {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "FAILED_ACTIONS"}},
        "Actions": [
            {
                "Name": "Approve",
                "ActionTypeId": {
                    "Category": "Approval",
                    "Owner": "AWS",
                    "Provider": "Manual",
                    "Version": "1",
                },
                "Configuration": {"CustomData": "#{variables.who}"},
                "TimeoutInMinutes": 5,
            }
        ],
    },
]
PIPELINE = {
    "ArtifactStore": {
        "Type": "S3",
        "Location": "bucket",
        "EncryptionKey": {"Id": "alias/shop", "Type": "KMS"},
    },
    "ExecutionMode": "QUEUED",
    "PipelineType": "V2",
    "Stages": STAGES,
    "Variables": [{"Name": "who", "DefaultValue": "ada", "Description": "d"}],
}


@pytest.fixture
def making(sandbox: Sandbox, unique: str) -> Callable[..., Making]:
    """A resource of a type, to be made in the account, under a name of its own."""

    def prepare(kind: str, name: str, **properties: Any) -> Making:
        found = kinds.find(kind)
        assert found is not None
        fitting = schema.fit(dict(found.schema), {name: unique, **properties}, kind)
        return Making("Thing", fitting, PLACE, functools.cache(sandbox.client))

    return prepare


def is_within(asked: Any, found: Any) -> bool:
    """Whether all that was asked for is there."""
    if isinstance(asked, dict):
        return all(name in found and is_within(value, found[name]) for name, value in asked.items())
    if isinstance(asked, list):
        return len(asked) == len(found) and all(map(is_within, asked, found))
    return bool(asked == found)


def find_kind(name: str) -> kinds.Kind:
    found = kinds.find(name)
    assert found is not None
    return found


def test_a_project_keeps_all_and_is_back_to_the_defaults(
    making: Callable[..., Making], sandbox: Sandbox, unique: str
) -> None:
    kind, role = find_kind("AWS::CodeBuild::Project"), service_role(sandbox, unique)
    assert set(MOST) | {"Name", "Tags", "ServiceRole"} == set(kind.schema)
    whole = making(kind.name, "Name", **MOST, ServiceRole=role, Tags=TAGS)
    kind.create(whole)
    codebuild = sandbox.client("codebuild")
    found = codebuild.batch_get_projects(names=[unique])["projects"][0]
    assert is_within(lowered(MOST), found), found
    assert (found["tags"], found["arn"]) == ([{"key": "team", "value": "a"}], whole.attributes["Arn"])
    least = making(kind.name, "Name", **LEAST, ServiceRole=role)
    least.id = whole.id
    kind.update(least, whole.properties)
    found = codebuild.batch_get_projects(names=[unique])["projects"][0]
    assert (found["description"], found["cache"], found["timeoutInMinutes"]) == ("", {"type": "NO_CACHE"}, 60)
    assert (found["secondarySources"], found["tags"]) == ([], [])
    kind.delete(least)
    assert codebuild.batch_get_projects(names=[unique])["projectsNotFound"] == [unique]


def test_a_pipeline_keeps_its_stages_and_gets_another_version(
    making: Callable[..., Making], sandbox: Sandbox, unique: str
) -> None:
    kind = find_kind("AWS::CodePipeline::Pipeline")
    role = service_role(sandbox, unique, ("s3:*",), "codepipeline")
    closed = [{"StageName": "Approve", "Reason": "r"}]
    whole = making(
        kind.name, "Name", **PIPELINE, RoleArn=role, Tags=TAGS, DisableInboundStageTransitions=closed
    )
    kind.create(whole)
    client = sandbox.client("codepipeline")
    found = client.get_pipeline(name=unique)["pipeline"]
    assert is_within(lowered(PIPELINE, ("Configuration",)), found), found
    assert not client.get_pipeline_state(name=unique)["stageStates"][1]["inboundTransitionState"]["enabled"]
    least = making(kind.name, "Name", **{**PIPELINE, "ExecutionMode": "PARALLEL"}, RoleArn=role)
    least.id = whole.id
    kind.update(least, whole.properties)
    assert least.attributes == {"Version": "2"}
    assert client.get_pipeline_state(name=unique)["stageStates"][1]["inboundTransitionState"]["enabled"]
    assert client.list_tags_for_resource(resourceArn=PLACE.arn("codepipeline", unique))["tags"] == []
    kind.delete(least)
    assert unique not in [each["name"] for each in client.list_pipelines()["pipelines"]]


@pytest.mark.parametrize("name", ["AWS::CodeConnections::Connection", "AWS::CodeStarConnections::Connection"])
def test_a_connection_is_pending_under_either_name(
    making: Callable[..., Making], sandbox: Sandbox, name: str
) -> None:
    kind = find_kind(name)
    made = making(name, "ConnectionName", ProviderType="GitHub", Tags=TAGS)
    kind.create(made)
    assert made.attributes["ConnectionStatus"] == "PENDING"
    client = sandbox.client("codestar-connections")
    assert client.list_tags_for_resource(ResourceArn=made.id)["Tags"] == TAGS
    kind.delete(made)
    assert made.id not in [each["ConnectionArn"] for each in client.list_connections()["Connections"]]


def test_a_report_group_is_made_and_deleted_with_its_reports(
    making: Callable[..., Making], sandbox: Sandbox
) -> None:
    kind = find_kind("AWS::CodeBuild::ReportGroup")
    made = making(
        kind.name, "Name", Type="TEST", ExportConfig={"ExportConfigType": "NO_EXPORT"}, DeleteReports=True
    )
    kind.create(made)
    codebuild = sandbox.client("codebuild")
    assert codebuild.batch_get_report_groups(reportGroupArns=[made.id])["reportGroups"][0]["type"] == "TEST"
    kind.delete(made)
    assert made.id not in codebuild.list_report_groups()["reportGroups"]
