"""What SageMaker's operations need: resources are named by the request's parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.iam.part import given, passed_roles, tag_keys, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.iam.part import Keys, Params, Part, Place

VERB = re.compile(r"(?:Create|Describe|Delete|Update|Stop|Start|Retry|Put|Get|Invoke)(?=[A-Z])")
# Kinds whose ARN is not the noun in lower case with hyphens.
KINDS = {
    "AIBenchmarkJob": "ai-benchmark-job",
    "AIRecommendationJob": "ai-recommendation-job",
    "AIWorkloadConfig": "ai-workload-config",
    "AutoMLJob": "automl-job",
    "EdgeDeploymentPlan": "edge-deployment",
    "Trial": "experiment-trial",
    "TrialComponent": "experiment-trial-component",
}
PACKAGE = "ModelPackageName:model-package"
# Operations whose resources the rule below does not find: "parameter:kind" of each.
RESOURCES: dict[str, tuple[str, ...]] = {
    "AddTags": ("ResourceArn:",),
    "BatchDescribeModelPackage": ("ModelPackageArnList:",),
    "CreateEndpoint": ("EndpointName:endpoint", "EndpointConfigName:endpoint-config"),
    "CreateInferenceComponent": ("InferenceComponentName:inference-component", "EndpointName:endpoint"),
    "CreateTrial": ("TrialName:experiment-trial", "ExperimentName:experiment"),
    "DeleteTags": ("ResourceArn:",),
    "DescribePipelineDefinitionForExecution": ("PipelineExecutionArn:",),
    "InvokeEndpointAsync": ("EndpointName:endpoint",),
    "ListModelPackages": ("ModelPackageGroupName:model-package/*",),
    "ListPipelineExecutionSteps": ("PipelineExecutionArn:",),
    "ListPipelineExecutions": ("PipelineName:pipeline",),
    "ListPipelineParametersForExecution": ("PipelineExecutionArn:",),
    "ListPipelineVersions": ("PipelineName:pipeline",),
    "ListTags": ("ResourceArn:",),
    "ListTrainingJobsForHyperParameterTuningJob": ("HyperParameterTuningJobName:hyper-parameter-tuning-job",),
    "SendPipelineExecutionStepFailure": (),
    "SendPipelineExecutionStepSuccess": (),
    "UpdateEndpoint": ("EndpointName:endpoint", "EndpointConfigName:endpoint-config"),
}
# Members that become a condition key wherever they stand in a request.
MEMBERS = {
    "InstanceType": "sagemaker:InstanceTypes",
    "VolumeKmsKeyId": "sagemaker:VolumeKmsKey",
    "Subnets": "sagemaker:VpcSubnets",
    "SecurityGroupIds": "sagemaker:VpcSecurityGroupIds",
    "EnableNetworkIsolation": "sagemaker:NetworkIsolation",
    "EnableInterContainerTrafficEncryption": "sagemaker:InterContainerTrafficEncryption",
    "MaxRuntimeInSeconds": "sagemaker:MaxRuntimeInSeconds",
    "KeepAlivePeriodInSeconds": "sagemaker:KeepAlivePeriod",
    "EnableRemoteDebug": "sagemaker:EnableRemoteDebug",
}
RUNS = re.compile(r"(?:Create|Update)(?:\w*Job|EndpointConfig|Model|MonitoringSchedule|Cluster)$")
TAGGED = re.compile(r"(?:Create|Register|Import)\w+")


def parts(operation: str, params: Params, place: Place) -> list[Part]:
    """The parts of one call: the action on each resource, tags at creation, roles handed over."""
    action = f"sagemaker:{operation}"
    resources = _resources(operation, params, place)
    tags = tag_keys(params.get("Tags"))
    keys = tags | _keys(operation, params)
    found = [place.part(action, resource, keys) for resource in resources]
    if tags and TAGGED.match(operation):
        tagging = tags | {"sagemaker:TaggingAction": [operation]}
        found.append(place.part("sagemaker:AddTags", resources[0], tagging))
    return [*found, *_foreign_packages(operation, params, place), *passed_roles(params, "sagemaker", place)]


def _resources(operation: str, params: Params, place: Place) -> list[str]:
    if operation == "CreateModelPackage":
        return [_package(params, place)]
    if operation in RESOURCES:
        named = [name.partition(":") for name in RESOURCES[operation]]
        found = [arn for name, _, kind in named for arn in _arns(params.get(name), kind, place)]
        return found or ["*"]
    return _by_noun(operation, params, place) or ["*"]


def _package(params: Params, place: Place) -> str:
    """A versioned package has no number yet; an unversioned one has its name."""
    group = params.get("ModelPackageGroupName")
    if group:
        return _arns(group, "model-package/*", place)[0]
    return place.arn("sagemaker", f"model-package/{params.get('ModelPackageName', '*')}")


def _by_noun(operation: str, params: Params, place: Place) -> list[str]:
    """The parameter whose noun the operation's name begins with, the longest first."""
    noun = VERB.sub("", operation, count=1)
    if operation.startswith(("List", "Search", "Batch")) or noun == operation:
        return []
    for length in range(len(noun), 0, -1):
        for ending in ("Arn", "Name", "Id"):
            value = params.get(noun[:length] + ending)
            if isinstance(value, str):
                return _arns(value, _kind(noun[:length]), place)
    return []


def _kind(noun: str) -> str:
    return KINDS.get(noun) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", noun).lower()


def _arns(value: Any, kind: str, place: Place) -> list[str]:
    """ARNs as given, or made of names; `kind/*` means everything below the name."""
    base, _, below = kind.partition("/")
    found = []
    for name in texts(value) if value else []:
        arn = name if name.startswith("arn:") else place.arn("sagemaker", f"{base}/{name}")
        if below:
            arn = f"{arn.replace(':model-package-group/', f':{base}/')}/{below}"
        found.append(arn)
    return found


def _foreign_packages(operation: str, params: Params, place: Place) -> Iterable[Part]:
    """A model of another account's package: that account's group policy must allow CreateModel on it."""
    if operation != "CreateModel":
        return []
    containers = [*params.get("Containers", []), params.get("PrimaryContainer") or {}]
    arns = {container.get("ModelPackageName", "") for container in containers}
    foreign = sorted(arn for arn in arns if arn.startswith("arn:") and arn.split(":")[4] != place.account)
    return [place.part("sagemaker:CreateModel", arn) for arn in foreign]


def _keys(operation: str, params: Params) -> Keys:
    if operation in ("CreateModelPackage", "UpdateModelPackage"):
        return _package_keys(params)
    if operation in ("InvokeEndpoint",):
        return given({"sagemaker:TargetModel": params.get("TargetModel")})
    if operation in ("DescribePipeline", "StartPipelineExecution", "UpdatePipelineVersion"):
        return given({"sagemaker:PipelineVersionId": params.get("PipelineVersionId")})
    if not RUNS.fullmatch(operation):
        return {}
    found: dict[str, list[str]] = {}
    for name, value in _members(params):
        if name in MEMBERS:
            found.setdefault(MEMBERS[name], []).extend(texts(value))
    return {key: tuple(dict.fromkeys(values)) for key, values in found.items()}


def _package_keys(params: Params) -> Keys:
    cycle = params.get("ModelLifeCycle") or {}
    metadata = params.get("CustomerMetadataProperties") or {}
    return given(
        {
            "sagemaker:ModelApprovalStatus": params.get("ModelApprovalStatus"),
            "sagemaker:ModelLifeCycle:Stage": cycle.get("Stage"),
            "sagemaker:ModelLifeCycle:StageStatus": cycle.get("StageStatus"),
            "sagemaker:CustomerMetadataPropertiesToRemove": params.get("CustomerMetadataPropertiesToRemove"),
            **{f"sagemaker:CustomerMetadataProperties/{key}": value for key, value in metadata.items()},
        }
    )


def _members(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name, member
            yield from _members(member)
    elif isinstance(value, list):
        for member in value:
            yield from _members(member)
