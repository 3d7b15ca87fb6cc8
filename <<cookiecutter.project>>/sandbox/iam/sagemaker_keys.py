"""The condition keys of SageMaker: what a request configures, wherever it stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.iam.part import given, record, records, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.iam.part import Keys, Params, Place

# A member of a request, alone or within another, and the key that it becomes.
MEMBERS = {
    ("", "EnableInterContainerTrafficEncryption"): "InterContainerTrafficEncryption",
    ("", "EnableNetworkIsolation"): "NetworkIsolation",
    ("", "EnableRemoteDebug"): "EnableRemoteDebug",
    ("", "InstanceType"): "InstanceTypes",
    ("", "KeepAlivePeriodInSeconds"): "KeepAlivePeriod",
    ("", "MaxRuntimeInSeconds"): "MaxRuntimeInSeconds",
    ("", "SecurityGroupIds"): "VpcSecurityGroupIds",
    ("", "Subnets"): "VpcSubnets",
    ("", "VolumeKmsKeyId"): "VolumeKmsKeyArn",
    ("OutputDataConfig", "KmsKeyId"): "OutputKmsKeyArn",
    ("ProcessingOutputConfig", "KmsKeyId"): "OutputKmsKeyArn",
    ("ServerlessConfig", "MaxConcurrency"): "ServerlessMaxConcurrency",
    ("ServerlessConfig", "MemorySizeInMB"): "ServerlessMemorySize",
    ("TransformOutput", "KmsKeyId"): "OutputKmsKeyArn",
}
NETWORK = frozenset({"NetworkIsolation", "VpcSecurityGroupIds", "VpcSubnets"})
JOB = NETWORK | {
    "InstanceTypes",
    "InterContainerTrafficEncryption",
    "MaxRuntimeInSeconds",
    "OutputKmsKeyArn",
    "VolumeKmsKeyArn",
}
SERVERLESS = frozenset({"ServerlessMaxConcurrency", "ServerlessMemorySize"})
# The keys of each operation: AWS's service authorization reference.
CONFIGURED = {
    "CreateEndpointConfig": NETWORK | SERVERLESS | {"InstanceTypes"},
    "CreateHyperParameterTuningJob": JOB,
    "CreateModel": NETWORK,
    "CreateProcessingJob": JOB,
    "CreateTrainingJob": JOB | {"EnableRemoteDebug", "KeepAlivePeriod"},
    "CreateTransformJob": frozenset({"InstanceTypes", "OutputKmsKeyArn", "VolumeKmsKeyArn"}),
    "UpdateTrainingJob": frozenset({"EnableRemoteDebug", "InstanceTypes", "KeepAlivePeriod"}),
}


def configuration_keys(operation: str, params: Params, place: Place) -> Keys:
    """Instances, networks, keys and limits that jobs, models and endpoint configurations ask for."""
    wanted = CONFIGURED.get(operation, frozenset())
    found: dict[str, list[str]] = {}
    for parent, name, value in _members(params) if wanted else ():
        key = MEMBERS.get((parent, name)) or MEMBERS.get(("", name))
        if key in wanted:
            found.setdefault(f"sagemaker:{key}", []).extend(texts(value))
    if operation == "CreateEndpointConfig":
        found |= _variants(params, place)
    return {key: tuple(dict.fromkeys(values)) for key, values in found.items()}


def _variants(params: Params, place: Place) -> dict[str, list[str]]:
    names = [variant.get("ModelName") for variant in records(params.get("ProductionVariants"))]
    models = [place.arn("sagemaker", f"model/{name}") for name in names if name]
    key = params.get("KmsKeyId")
    return {"sagemaker:ModelArn": models, **({"sagemaker:VolumeKmsKeyArn": [str(key)]} if key else {})}


def _members(value: Any, parent: str = "") -> Iterable[tuple[str, str, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield parent, name, member
            yield from _members(member, name)
    elif isinstance(value, list):
        for member in value:
            yield from _members(member, parent)


def package_keys(params: Params) -> Keys:
    """What a request says of a model package: who may approve, and which stage, hangs on these."""
    cycle = record(params.get("ModelLifeCycle"))
    metadata = record(params.get("CustomerMetadataProperties"))
    return given(
        {
            "sagemaker:ModelApprovalStatus": params.get("ModelApprovalStatus"),
            "sagemaker:ModelLifeCycle:Stage": cycle.get("Stage"),
            "sagemaker:ModelLifeCycle:StageStatus": cycle.get("StageStatus"),
            "sagemaker:CustomerMetadataPropertiesToRemove": params.get("CustomerMetadataPropertiesToRemove"),
            **{f"sagemaker:CustomerMetadataProperties/{key}": value for key, value in metadata.items()},
        }
    )
