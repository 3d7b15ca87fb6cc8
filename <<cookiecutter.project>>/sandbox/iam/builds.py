"""What the operations of CodeBuild, CodePipeline, connections, and a build's two stores of secrets need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.iam.part import given, passed_roles, record, tag_keys, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.iam.part import Params, Part, Place

REPORT_GROUP = {
    "BatchGetReportGroups": "reportGroupArns",
    "DeleteReportGroup": "arn",
    "ListReportsForReportGroup": "reportGroupArn",
    "UpdateReportGroup": "arn",
}
REPORTS = {"BatchGetReports": "reportArns", "DescribeTestCases": "reportArn", "DeleteReport": "arn"}
BUILDS = {"BatchGetBuilds": "ids", "RetryBuild": "id", "StopBuild": "id"}
PROJECTS = {"BatchGetProjects": "names", "ListBuildsForProject": "projectName", "StartBuild": "projectName"}


def codebuild_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Builds are decided by their projects, reports by their groups.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html
    """
    tags = tag_keys(params.get("tags"))
    resources = _codebuild_resources(operation, params, place)
    found = [place.part(f"codebuild:{operation}", resource, tags) for resource in resources]
    role = {"serviceRoleArn": params.get("serviceRole") or params.get("serviceRoleOverride") or ""}
    return [*found, *passed_roles(role, "codebuild", place)]


def _codebuild_resources(operation: str, params: Params, place: Place) -> list[str]:
    if operation in REPORT_GROUP:
        return _arns(params.get(REPORT_GROUP[operation]), "codebuild", "", place)
    if operation in REPORTS:
        reports = texts(params.get(REPORTS[operation]) or "*")
        return [each.replace(":report/", ":report-group/").rpartition(":")[0] or "*" for each in reports]
    if operation == "CreateReportGroup":
        return _arns(params.get("name"), "codebuild", "report-group/", place)
    if operation in BUILDS:
        ids = [_last(each) for each in texts(params.get(BUILDS[operation]) or [])]
        names = sorted({each.partition(":")[0] for each in ids})
        return [place.arn("codebuild", f"project/{name}") for name in names] or ["*"]
    name = params.get(PROJECTS.get(operation, "name"))
    is_list = operation in ("ListProjects", "ListBuilds", "ListReportGroups", "ListReports")
    return ["*"] if is_list else _arns(name, "codebuild", "project/", place)


def _last(text: str) -> str:
    return text.split(":", 5)[5].partition("/")[2] if text.startswith("arn:") else text


def _arns(names: object, service: str, kind: str, place: Place) -> list[str]:
    """Resources given by name or by ARN."""
    found = texts(names or [])
    return [name if name.startswith("arn:") else place.arn(service, f"{kind}{name}") for name in found] or [
        "*"
    ]


# what a request concerns: a pipeline, one of its stages, or one of its actions
OF_STAGE = (
    "DisableStageTransition",
    "EnableStageTransition",
    "OverrideStageCondition",
    "RetryStageExecution",
    "RollbackStage",
)
OF_ACTION = ("PutActionRevision", "PutApprovalResult")


def codepipeline_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Pipelines, stages and actions by name: an ARN of CodePipeline has no kind.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodepipeline.html
    """
    declared = record(params.get("pipeline"))
    name = declared.get("name") or params.get("pipelineName") or params.get("name")
    names = [name]
    if operation in (*OF_STAGE, *OF_ACTION):
        names.append(params.get("stageName"))
    if operation in OF_ACTION:
        names.append(params.get("actionName"))
    if operation in ("ListTagsForResource", "TagResource", "UntagResource"):
        resource = str(params.get("resourceArn") or "*")
    else:
        resource = place.arn("codepipeline", "/".join(map(str, names))) if all(names) else "*"
    part = place.part(f"codepipeline:{operation}", resource, tag_keys(params.get("tags")))
    return [part, *passed_roles(declared, "codepipeline", place)]


def codeconnections_parts(operation: str, params: Params, place: Place) -> list[Part]:
    return _connection_parts("codeconnections", operation, params, place)


def codestar_parts(operation: str, params: Params, place: Place) -> list[Part]:
    return _connection_parts("codestar-connections", operation, params, place)


def _connection_parts(service: str, operation: str, params: Params, place: Place) -> list[Part]:
    """Connections by ARN; the one that is to be made has none yet."""
    resource = str(params.get("ConnectionArn") or params.get("ResourceArn") or "*")
    keys = tag_keys(params.get("Tags")) | given({f"{service}:ProviderType": params.get("ProviderType")})
    if operation == "CreateConnection":
        resource = place.arn(service, "connection/*")
    return [place.part(f"{service}:{operation}", resource, keys)]


def ssm_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Parameters by name, or by path for all below it."""
    named: Iterable[str] = texts(params.get("Names") or params.get("Name") or params.get("Path") or [])
    if operation in ("DescribeParameters", "AddTagsToResource", "ListTagsForResource"):
        named = []
    arns = [
        name if name.startswith("arn:") else place.arn("ssm", f"parameter/{name.lstrip('/')}")
        for name in named
    ]
    keys = tag_keys(params.get("Tags"))
    return [place.part(f"ssm:{operation}", arn, keys) for arn in arns or ["*"]]


def secretsmanager_parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Secrets by ARN or name; six characters follow a name that only the service knows."""
    name = str(params.get("SecretId") or params.get("Name") or "")
    keys = tag_keys(params.get("Tags")) | given(
        {"secretsmanager:VersionStage": params.get("VersionStage"), "secretsmanager:Name": params.get("Name")}
    )
    resource = name if name.startswith("arn:") else place.arn("secretsmanager", f"secret:{name}-??????")
    if operation in ("ListSecrets", "GetRandomPassword") or not name:
        resource = "*"
    return [place.part(f"secretsmanager:{operation}", resource, keys)]
