"""Delete what an endpoint no longer needs, beyond the five newest: they are what a rollback returns to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops.aws import is_missing

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from mlops.target import Target

KEEP = 5


def prune(sagemaker: SageMakerClient, target: Target) -> list[str]:
    """Delete old endpoint configs, then the models that no config serves any more; their names."""
    configs = list_configs(sagemaker, target)
    kept = keep_newest(configs, target.config)
    for name in configs:
        if name not in kept:
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
    served = {model for name in kept for model in models_of(sagemaker, name)}
    models = [
        name for name in list_model_names(sagemaker, target) if name not in served and name != target.model
    ]
    for name in models:
        sagemaker.delete_model(ModelName=name)
    return [name for name in configs if name not in kept] + models


def keep_newest(names: list[str], live: str) -> set[str]:
    """The live one and the newest others, KEEP in all; `names` come newest first."""
    others = [name for name in names if name != live]
    return {live, *others[: KEEP - 1]}


def belongs(name: str, target: Target) -> bool:
    """Whether a config or model is of this model and environment: its family, then a digest and no more."""
    return re.fullmatch(rf"{re.escape(target.family)}[0-9a-f]{{12}}", name) is not None


def list_configs(sagemaker: SageMakerClient, target: Target) -> list[str]:
    """The endpoint configs of this model and environment, newest first."""
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(
        NameContains=target.family, SortBy="CreationTime", SortOrder="Descending"
    )
    names = (entry["EndpointConfigName"] for page in pages for entry in page["EndpointConfigs"])
    return [name for name in names if belongs(name, target)]


def list_model_names(sagemaker: SageMakerClient, target: Target) -> list[str]:
    """The SageMaker models of this model and environment."""
    pages = sagemaker.get_paginator("list_models").paginate(NameContains=target.family)
    names = (entry["ModelName"] for page in pages for entry in page["Models"])
    return [name for name in names if belongs(name, target)]


def models_of(sagemaker: SageMakerClient, config: str) -> list[str]:
    """The models that an endpoint config serves; none when it was deleted meanwhile."""
    try:
        described = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    except sagemaker.exceptions.ClientError as error:
        if is_missing(error):
            return []
        raise
    return [variant.get("ModelName", "") for variant in described["ProductionVariants"]]
