"""Plants that train, register and serve, and whom they act as; see plants.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.plants import Garden

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/empty:1"
DIGEST = "0123456789ab"
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["logs:*", "s3:*", "sagemaker:*", "iam:PassRole"], "Resource": "*"}
    ],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def plant_role(at: Garden, project: str, name: str = "forgotten") -> str:
    """A role with a policy inline."""
    role = f"{project}-{name}"
    made = at("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    at("iam").put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=json.dumps(ALLOWED))
    return str(made["Role"]["Arn"])


def plant_policy(at: Garden, project: str) -> None:
    """A managed policy with two versions, on a role."""
    iam, name = at("iam"), f"{project}-forgotten"
    made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOWED))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=made, PolicyDocument=json.dumps(ALLOWED), SetAsDefault=True)
    iam.attach_role_policy(RoleName=name, PolicyArn=made)


def plant_model(at: Garden, project: str) -> str:
    """A model that nothing serves."""
    name = f"{project}-plant-staging-{DIGEST}"
    role = plant_role(at, project, "serve-plants")
    at("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": IMAGE, "Mode": "SingleModel"}
    )
    return name


def plant_config(at: Garden, project: str) -> None:
    name = f"{project}-plant-staging-{DIGEST}"
    variant = {
        "VariantName": "main",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    at("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def plant_endpoint(at: Garden, project: str) -> None:
    """One that never comes up: it can be deleted all the same."""
    at("sagemaker").create_endpoint(
        EndpointName=f"{project}-staging-plant", EndpointConfigName=f"{project}-plant-staging-{DIGEST}"
    )


def plant_package(at: Garden, project: str) -> None:
    container = {"Image": IMAGE}
    at("sagemaker").create_model_package(
        ModelPackageGroupName=f"{project}-plant",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )


def nap(at: Garden, project: str) -> dict[str, Any]:
    """A processing job that does not end by itself; it runs as a role of the project."""
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return {
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["/bin/sleep", "600"]},
        "RoleArn": f"arn:aws:iam::{at.account}:role/{project}-serve-plants",
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": 432_000},
    }


def plant_processing_job(at: Garden, project: str) -> None:
    at("sagemaker").create_processing_job(ProcessingJobName=f"nobodys-{project}", **nap(at, project))


def plant_training_job(at: Garden, project: str) -> None:
    job = nap(at, project)
    at("sagemaker").create_training_job(
        TrainingJobName=f"nobodys-{project}",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/sleep"],
            "ContainerArguments": ["600"],
        },
        RoleArn=job["RoleArn"],
        OutputDataConfig={"S3OutputPath": f"s3://{project}-plants/runs"},
        ResourceConfig=job["ProcessingResources"]["ClusterConfig"],
        StoppingCondition=job["StoppingCondition"],
    )


def plant_pipeline(at: Garden, project: str) -> None:
    step = {"Name": "Nap", "Type": "Processing", "Arguments": nap(at, project)}
    at("sagemaker").create_pipeline(
        PipelineName=f"{project}-plant",
        PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [step]}),
        ClientRequestToken="x" * 32,
        RoleArn=step["Arguments"]["RoleArn"],  # type: ignore[index]
    )


def plant_execution(at: Garden, project: str) -> None:
    at("sagemaker").start_pipeline_execution(PipelineName=f"{project}-plant", ClientRequestToken="y" * 32)
