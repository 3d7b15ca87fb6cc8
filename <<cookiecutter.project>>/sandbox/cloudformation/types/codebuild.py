"""AWS::CodeBuild: projects, and the groups that their test reports go to."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties
from sandbox.cloudformation.spelling import api_tags, asked

ARTIFACTS: Any = {
    "ArtifactIdentifier": str,
    "EncryptionDisabled": bool,
    "Location": str,
    "Name": str,
    "NamespaceType": str,
    "OverrideArtifactName": bool,
    "Packaging": str,
    "Path": str,
    "Type": str,
}
SOURCE: Any = {
    "Auth": {"Resource": str, "Type": str},
    "BuildSpec": str,
    "GitCloneDepth": int,
    "Location": str,
    "SourceIdentifier": str,
    "Type": str,
}
MEMBERS: Any = {
    "Artifacts": ARTIFACTS,
    "Cache": {"Location": str, "Modes": [str], "Type": str},
    "ConcurrentBuildLimit": int,
    "Description": str,
    "EncryptionKey": str,
    "Environment": {
        "ComputeType": str,
        "EnvironmentVariables": [{"Name": str, "Type": str, "Value": str}],
        "Image": str,
        "ImagePullCredentialsType": str,
        "Type": str,
    },
    "LogsConfig": {"CloudWatchLogs": {"GroupName": str, "Status": str, "StreamName": str}},
    "QueuedTimeoutInMinutes": int,
    "SecondaryArtifacts": [ARTIFACTS],
    "SecondarySourceVersions": [{"SourceIdentifier": str, "SourceVersion": str}],
    "SecondarySources": [SOURCE],
    "ServiceRole": str,
    "Source": SOURCE,
    "SourceVersion": str,
    "TimeoutInMinutes": int,
    "VpcConfig": {"SecurityGroupIds": [str], "Subnets": [str], "VpcId": str},
}
# what a project is back to when a template no longer says it
UNSAID: dict[str, Any] = {
    "Cache": {"Type": "NO_CACHE"},
    "ConcurrentBuildLimit": -1,
    "Description": "",
    "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED"}},
    "QueuedTimeoutInMinutes": 480,
    "SecondaryArtifacts": [],
    "SecondarySourceVersions": [],
    "SecondarySources": [],
    "SourceVersion": "",
    "TimeoutInMinutes": 60,
    "VpcConfig": {},
}


def set_project(making: Making, before: Properties) -> None:
    """UpdateProject leaves what it is not told: so it is told what a template no longer says."""
    default = {"EncryptionKey": making.place.arn("kms", "alias/aws/s3")}
    dropped = {name: value for name, value in {**UNSAID, **default}.items() if name in before}
    members = asked({**dropped, **making.properties}, MEMBERS)
    making.client("codebuild").update_project(name=making.id, **members, tags=api_tags(making.get("Tags")))


class Project(Kind):
    name = "AWS::CodeBuild::Project"
    schema = {**MEMBERS, "Name": str, "Tags": TAGS}
    required = frozenset({"Artifacts", "Environment", "ServiceRole", "Source"})
    fixed = frozenset({"Name"})
    born = frozenset({*MEMBERS, "Tags"})
    named_by = "Name"
    tags = "Tags"
    attributes = frozenset({"Arn"})
    setters = dict.fromkeys((*MEMBERS, "Tags"), set_project)

    def make(self, making: Making) -> None:
        name = making.named("Name", 150)
        members = asked(making.properties, MEMBERS)
        making.client("codebuild").create_project(name=name, **members, tags=api_tags(making.get("Tags")))
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Arn": making.place.arn("codebuild", f"project/{making.id}")}

    def delete(self, making: Making) -> None:
        making.client("codebuild").delete_project(name=making.id)


def set_group(making: Making, before: Properties) -> None:
    making.client("codebuild").update_report_group(arn=making.id, tags=api_tags(making.get("Tags")))


class ReportGroup(Kind):
    name = "AWS::CodeBuild::ReportGroup"
    schema = {
        "DeleteReports": bool,
        "ExportConfig": {"ExportConfigType": str},
        "Name": str,
        "Tags": TAGS,
        "Type": str,
    }
    required = frozenset({"ExportConfig", "Type"})
    fixed = frozenset({"ExportConfig", "Name", "Type"})
    born = frozenset({"Tags"})
    named_by = "Name"
    tags = "Tags"
    attributes = frozenset({"Arn"})
    # DeleteReports is read when the group is deleted
    setters = {"Tags": set_group, "DeleteReports": set_group}

    def make(self, making: Making) -> None:
        members = asked(making.properties, ("ExportConfig", "Type"))
        made = making.client("codebuild").create_report_group(
            name=making.named("Name", 128), tags=api_tags(making.get("Tags")), **members
        )
        making.id = made["reportGroup"]["arn"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Arn": making.id}

    def delete(self, making: Making) -> None:
        making.client("codebuild").delete_report_group(
            arn=making.id, deleteReports=bool(making.get("DeleteReports"))
        )


KINDS = (Project(), ReportGroup())
