"""What SageMaker's operations need: resources are named by the request's parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.iam.part import given, passed_roles, record, records, tag_keys, texts
from sandbox.iam.sagemaker_keys import configuration_keys, package_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.iam.part import Keys, Params, Part, Place

VERBS = re.compile(
    r"(?:Create|Delete|Describe|Get|Import|Invoke|Put|Render|Retry|Start|Stop|Update)(?:Presigned)?"
)
# Nouns whose ARN is not `noun-in-lower-case/{NounName}`; a parameter that holds an ARN is taken as it is.
NOUNS = {
    "AIBenchmarkJob": "ai-benchmark-job/{AIBenchmarkJobName}",
    "AIRecommendationJob": "ai-recommendation-job/{AIRecommendationJobName}",
    "AIWorkloadConfig": "ai-workload-config/{AIWorkloadConfigName}",
    "App": "app/{DomainId}/{UserProfileName}/{AppType}/{AppName}",
    "AutoMLJob": "automl-job/{AutoMLJobName}",
    "DataQualityJobDefinition": "data-quality-job-definition/{JobDefinitionName}",
    "Device": "device-fleet/{DeviceFleetName}/device/{DeviceName}",
    "DomainUrl": "user-profile/{DomainId}/{UserProfileName}",
    "EdgeDeploymentPlan": "edge-deployment/{EdgeDeploymentPlanName}",
    "EdgeDeploymentStage": "edge-deployment/{EdgeDeploymentPlanName}",
    "FeatureMetadata": "feature-group/{FeatureGroupName}",
    "InferenceExperiment": "inference-experiment/{Name}",
    "InferenceRecommendationsJob": "inference-recommendations-job/{JobName}",
    "Job": "job/{JobCategory}/{JobName}",
    "MlflowApp": "{Arn}",
    "MlflowTrackingServer": "mlflow-tracking-server/{TrackingServerName}",
    "ModelBiasJobDefinition": "model-bias-job-definition/{JobDefinitionName}",
    "ModelCardExportJob": "model-card/{ModelCardName}",
    "ModelExplainabilityJobDefinition": "model-explainability-job-definition/{JobDefinitionName}",
    "ModelQualityJobDefinition": "model-quality-job-definition/{JobDefinitionName}",
    "PartnerApp": "{Arn}",
    "PipelineExecution": "{PipelineExecutionArn}",
    "Space": "space/{DomainId}/{SpaceName}",
    "Trial": "experiment-trial/{TrialName}",
    "TrialComponent": "experiment-trial-component/{TrialComponentName}",
    "UserProfile": "user-profile/{DomainId}/{UserProfileName}",
}
ENDPOINT_AND_CONFIG = ("endpoint/{EndpointName}", "endpoint-config/{EndpointConfigName}")
HUB_CONTENT = ("hub/{HubName}", "hub-content/{HubName}/{HubContentType}/{HubContentName}")
VERSION = ("image-version/{ImageName}/{Version}",)
EXECUTION = ("{PipelineExecutionArn}",)
# Operations with other or more resources than their noun's; () where a request does not name the resource.
OPERATIONS: dict[str, tuple[str, ...]] = {
    "AddTags": ("{ResourceArn}",),
    "BatchDescribeModelPackage": ("{ModelPackageArnList}",),
    "CreateClusterSchedulerConfig": (),
    "CreateEndpoint": ENDPOINT_AND_CONFIG,
    "CreateHubContentPresignedUrls": HUB_CONTENT,
    "CreateHubContentReference": HUB_CONTENT,
    "CreateInferenceComponent": ("inference-component/{InferenceComponentName}", "endpoint/{EndpointName}"),
    "CreateTrial": ("experiment-trial/{TrialName}", "experiment/{ExperimentName}"),
    "DeleteHubContent": HUB_CONTENT,
    "DeleteHubContentReference": HUB_CONTENT,
    "DeleteImageVersion": VERSION,
    "DeleteTags": ("{ResourceArn}",),
    "DescribeHubContent": HUB_CONTENT,
    "DescribeImageVersion": VERSION,
    "DescribeLineageGroup": (),
    "DescribeModelCardExportJob": ("{ModelCardExportJobArn}",),
    "DescribePipelineDefinitionForExecution": EXECUTION,
    "GetLineageGroupPolicy": (),
    "ImportHubContent": HUB_CONTENT,
    "ListModelPackages": ("model-package/{ModelPackageGroupName}/*",),
    "ListPipelineExecutionSteps": EXECUTION,
    "ListPipelineExecutions": ("pipeline/{PipelineName}",),
    "ListPipelineParametersForExecution": EXECUTION,
    "ListPipelineVersions": ("pipeline/{PipelineName}",),
    "ListTags": ("{ResourceArn}",),
    "ListTrainingJobsForHyperParameterTuningJob": (
        "hyper-parameter-tuning-job/{HyperParameterTuningJobName}",
    ),
    "UpdateEndpoint": ENDPOINT_AND_CONFIG,
    "UpdateHubContent": HUB_CONTENT,
    "UpdateHubContentReference": HUB_CONTENT,
    "UpdateImageVersion": VERSION,
    "UpdateMonitoringAlert": (
        "monitoring-schedule/{MonitoringScheduleName}",
        "monitoring-schedule/{MonitoringScheduleName}/alert/{MonitoringAlertName}",
    ),
}
ACCOUNT = re.compile(r"arn:[^:]*:[^:]*:[^:]*:([^:]*):")
PARAMETER = re.compile(r"\{(\w+)\}")
VERSIONED = ("DescribePipeline", "StartPipelineExecution", "UpdatePipelineVersion")
TAGGED = ("Create", "Register", "Import")
# AddTags does not know these kinds.
UNTAGGED = frozenset({"CreateInferenceExperiment", "CreateTrainingSession", "CreateWorkforce"})


def parts(operation: str, params: Params, place: Place) -> list[Part]:
    """The parts of one call: the action on each resource, tags at creation, roles handed over."""
    resources = _resources(operation, params, place)
    tagged = operation.startswith(TAGGED) or operation in ("AddTags", "UpdateMonitoringSchedule")
    tags = tag_keys(params.get("Tags")) if tagged else {}
    keys = tags | _keys(operation, params, place)
    found = [place.part(f"sagemaker:{operation}", resource, keys) for resource in resources]
    if tags and operation.startswith(TAGGED) and operation not in UNTAGGED:
        tagging = tags | {"sagemaker:TaggingAction": [operation]}
        found.append(place.part("sagemaker:AddTags", resources[0], tagging))
    return [*found, *_foreign_packages(operation, params, place), *passed_roles(params, "sagemaker", place)]


def _resources(operation: str, params: Params, place: Place) -> list[str]:
    if operation == "CreateModelPackage":
        # A versioned package has no number yet
        group = "model-package/{ModelPackageGroupName}/*"
        templates: Iterable[str] = (
            group if params.get("ModelPackageGroupName") else "model-package/{ModelPackageName}",
        )
    elif operation in OPERATIONS:
        templates = OPERATIONS[operation]
    else:
        templates = _by_noun(operation, params)
    return [arn for template in templates for arn in _fill(template, params, place)] or ["*"]


def _by_noun(operation: str, params: Params) -> list[str]:
    """The longest noun that the operation's name begins with and a parameter names."""
    noun = VERBS.sub("", operation, count=1)
    if operation.startswith(("List", "Search", "Batch")) or noun == operation:
        return []
    for length in range(len(noun), 0, -1):
        start = noun[:length]
        if start in NOUNS and params.get(PARAMETER.findall(NOUNS[start])[-1]):
            return [NOUNS[start]]
        for ending in ("Arn", "Name", "Id"):
            if isinstance(params.get(start + ending), str):
                return [f"{_hyphenated(start)}/{{{start}{ending}}}"]
    return []


def _hyphenated(noun: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", noun).lower()


def _fill(template: str, params: Params, place: Place) -> list[str]:
    """The ARNs of a template; empty when the request does not have its last parameter."""
    names = PARAMETER.findall(template)
    found = []
    for value in texts(params.get(names[-1]) or []):
        if value.startswith("arn:"):
            found.append(_below(value) if template.endswith("/*") else value)
        elif not template.startswith("{"):
            said = {name: params.get(name) or "*" for name in names} | {names[-1]: value}
            found.append(place.arn("sagemaker", template.format_map(said)))
    return found


def _below(group: str) -> str:
    """All packages of a group given by ARN."""
    return group.replace(":model-package-group/", ":model-package/") + "/*"


def _foreign_packages(operation: str, params: Params, place: Place) -> list[Part]:
    """A model of another account's package: that account's group policy must allow CreateModel on it.

    SageMaker guide, "Deploy a Model Version from a Different Account".
    """
    if operation != "CreateModel":
        return []
    containers = [*records(params.get("Containers")), record(params.get("PrimaryContainer"))]
    arns = {str(container.get("ModelPackageName", "")) for container in containers}
    foreign = sorted(arn for arn in arns if (found := ACCOUNT.match(arn)) and found[1] != place.account)
    return [place.part("sagemaker:CreateModel", arn) for arn in foreign]


def _keys(operation: str, params: Params, place: Place) -> Keys:
    if operation in ("CreateModelPackage", "UpdateModelPackage"):
        return package_keys(params)
    if operation == "InvokeEndpoint":
        return given({"sagemaker:TargetModel": params.get("TargetModel")})
    if operation in VERSIONED:
        return given({"sagemaker:PipelineVersionId": params.get("PipelineVersionId")})
    return configuration_keys(operation, params, place)
