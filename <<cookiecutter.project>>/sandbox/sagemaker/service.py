"""The table of SageMaker operations: what is here is served, everything else is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError
from sandbox.sagemaker.endpoint_configs import EndpointConfigs
from sandbox.sagemaker.endpoints import Endpoints
from sandbox.sagemaker.execution import JobKind
from sandbox.sagemaker.models import Models
from sandbox.sagemaker.pipelines import Pipelines
from sandbox.sagemaker.processing import Processing
from sandbox.sagemaker.registry import Registry
from sandbox.sagemaker.runtime import Headers, Runtime
from sandbox.sagemaker.tags import Tags
from sandbox.sagemaker.training import Training
from sandbox.sagemaker.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.wire import Target
    from sandbox.world import Call, World


class SageMaker:
    """Everything that answers to the signing name `sagemaker`."""

    services = ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime")

    def __init__(self, world: World, registries: dict[str, Registry]) -> None:
        tags = Tags()
        registry = Registry(world, tags, registries)
        models = Models(world, registry, tags)
        configs = EndpointConfigs(world, models, tags)
        training, processing = Training(world, tags), Processing(world, tags)
        tuning = Tuning(world, training, tags)
        self._endpoints = Endpoints(world, models, configs, tags)
        self._runtime = Runtime(world, self._endpoints)
        kinds = {
            "Training": JobKind(
                "create_training_job", "stop_training_job", "TrainingJob", training.wait, "TrainingJob"
            ),
            "Processing": JobKind(
                "create_processing_job",
                "stop_processing_job",
                "ProcessingJob",
                processing.wait,
                "ProcessingJob",
            ),
            "Tuning": JobKind(
                "create_hyper_parameter_tuning_job",
                "stop_hyper_parameter_tuning_job",
                "HyperParameterTuningJob",
                tuning.wait,
                "TuningJob",
                longest_name=32,
            ),
        }
        pipelines = Pipelines(world, tags, kinds)
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "AddTags": tags.add,
            "DeleteTags": tags.delete,
            "ListTags": tags.list,
            "CreateModelPackageGroup": registry.create_group,
            "DescribeModelPackageGroup": registry.describe_group,
            "DeleteModelPackageGroup": registry.delete_group,
            "ListModelPackageGroups": registry.list_groups,
            "PutModelPackageGroupPolicy": registry.put_policy,
            "GetModelPackageGroupPolicy": registry.get_policy,
            "DeleteModelPackageGroupPolicy": registry.delete_policy,
            "CreateModelPackage": registry.create,
            "DescribeModelPackage": registry.describe,
            "UpdateModelPackage": registry.update,
            "DeleteModelPackage": registry.delete,
            "ListModelPackages": registry.list,
            "CreateModel": models.create,
            "DescribeModel": models.describe,
            "DeleteModel": models.delete,
            "ListModels": models.list,
            "CreateEndpointConfig": configs.create,
            "DescribeEndpointConfig": configs.describe,
            "DeleteEndpointConfig": configs.delete,
            "ListEndpointConfigs": configs.list,
            "CreateEndpoint": self._endpoints.create,
            "UpdateEndpoint": self._endpoints.update,
            "UpdateEndpointWeightsAndCapacities": self._endpoints.update_weights,
            "DescribeEndpoint": self._endpoints.describe,
            "DeleteEndpoint": self._endpoints.delete,
            "ListEndpoints": self._endpoints.list,
            "CreateTrainingJob": training.create,
            "DescribeTrainingJob": training.describe,
            "ListTrainingJobs": training.list,
            "StopTrainingJob": training.stop,
            "CreateProcessingJob": processing.create,
            "DescribeProcessingJob": processing.describe,
            "ListProcessingJobs": processing.list,
            "StopProcessingJob": processing.stop,
            "CreateHyperParameterTuningJob": tuning.create,
            "DescribeHyperParameterTuningJob": tuning.describe,
            "ListHyperParameterTuningJobs": tuning.list,
            "ListTrainingJobsForHyperParameterTuningJob": tuning.list_training_jobs,
            "StopHyperParameterTuningJob": tuning.stop,
            "CreatePipeline": pipelines.create,
            "UpdatePipeline": pipelines.update,
            "DescribePipeline": pipelines.describe,
            "DeletePipeline": pipelines.delete,
            "ListPipelines": pipelines.list,
            "ListPipelineVersions": pipelines.list_versions,
            "StartPipelineExecution": pipelines.start,
            "StopPipelineExecution": pipelines.stop,
            "RetryPipelineExecution": pipelines.retry,
            "UpdatePipelineVersion": pipelines.update_version,
            "DescribePipelineExecution": pipelines.describe_execution,
            "DescribePipelineDefinitionForExecution": pipelines.describe_definition,
            "ListPipelineExecutions": pipelines.list_executions,
            "ListPipelineExecutionSteps": pipelines.list_steps,
            "ListPipelineParametersForExecution": pipelines.list_parameters,
        }

    def invoke(self, target: Target, environ: dict[str, Any], body: bytes) -> tuple[str, Headers, bytes]:
        """Serve the runtime's one operation."""
        if target.operation != "InvokeEndpoint":
            raise refused(target)
        return self._runtime.invoke(target.path["EndpointName"], environ, body)


def refused(target: Target) -> ServiceError:
    return ServiceError(
        "UnknownOperationException",
        f"the sandbox does not serve {target.service}:{target.operation}; see docs/sandbox.md",
    )
