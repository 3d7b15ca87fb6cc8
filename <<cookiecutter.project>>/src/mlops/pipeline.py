"""Compile a model's pipeline with the SageMaker SDK: Prepare → Train → Evaluate → Gate → Seal.

The definition depends on where jobs run (image, instances, buckets) and on the job programs; code, data,
commit, champion and the values of hyperparameters are its parameters. So another value is another run of the
same definition, which is compiled once.

This is the only module that imports the SDK, and only `mlops train` imports this module.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

# The SDK otherwise simulates some 90 IAM actions, which a least-privilege role may not.
os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
warnings.filterwarnings("ignore", module=r"sagemaker|pydantic|mlflow")
for chatter in ("sagemaker", "sagemaker.core.utils.utils"):  # warns of what a pipeline is meant to do
    logging.getLogger(chatter).setLevel(logging.ERROR)

from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import (
    Compute,
    InputData,
    Networking,
    OutputDataConfig,
    SourceCode,
    StoppingCondition,
)
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer

from mlops.compiled import Compiled
from mlops.run import hyperparameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session

PROCESSING = "/opt/ml/processing"
PARAMETERS = ("BundleUri", "DataUri", "SpecUri", "ChampionUri", "Commit", "DataVersion", "Fingerprint")
WEIGHTS = "WeightsUri"
VOLUME_GB = 30
PACKAGES = "packages"  # what Prepare installed for the model's lock, for the jobs after it
# Equal code and data prepare equal sides: within this time SageMaker takes those of the earlier run.
SAME_SIDES = CacheConfig(enable_caching=True, expire_after="P7D")

# In the place of the defaults that the SDK would read from files of the machine: a definition depends on
# the plant alone. No usage reports.
SDK_DEFAULTS = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


@dataclass(frozen=True)
class Plant:
    """Where a model's jobs run: all that its definition depends on. `*_minutes` are time limits.

    `kind`: "release" trains, judges and seals; "experiment" trains and judges, and leaves nothing to promote;
    "weights" judges and seals weights that a release already has, under new code or another image.
    `subnets`, `security_groups`: none where jobs run in SageMaker's own network.
    """

    kind: str
    name: str
    image: str
    role: str
    bucket: str
    jobs_uri: str
    train_instance: str
    train_minutes: int
    processing_instance: str
    processing_minutes: int
    hyperparameters: list[str]
    subnets: list[str]
    security_groups: list[str]

    def record(self) -> dict[str, Any]:
        """The plant as strings and integers, for its digest."""
        return asdict(self)


class ContentSession(PipelineSession):  # type: ignore[misc]  # the SDK is untyped
    """A pipeline session that gathers its uploads, addressed by content.

    The SDK would put its training driver under a key with the time of day in it, so that no definition
    would ever equal another.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.uploads: dict[str, bytes] = {}

    def upload_data(
        self,
        path: str,
        bucket: str | None = None,
        key_prefix: str = "data",
        callback: object = None,
        extra_args: dict[str, Any] | None = None,
    ) -> str:
        """Take a folder as drivers/<sha256>/; the URI it will have."""
        files = {
            file.relative_to(path).as_posix(): file
            for file in sorted(Path(path).rglob("*"))
            if file.is_file()
        }
        prefix = f"drivers/{folder_digest(files)}"
        self.uploads |= {f"{prefix}/{name}": file.read_bytes() for name, file in files.items()}
        return f"s3://{bucket}/{prefix}"


def folder_digest(files: Mapping[str, Path]) -> str:
    """The hex SHA-256 over the names and contents of files."""
    listing = [[name, hashlib.sha256(file.read_bytes()).hexdigest()] for name, file in sorted(files.items())]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def compile_pipeline(plant: Plant, session: Session) -> Compiled:
    """The pipeline definition, JSON of schema version 2020-12-01, and what must be uploaded for it."""
    logging.getLogger().setLevel(logging.WARNING)  # the SDK turns every library's chatter up when imported
    context = ContentSession(boto_session=session, default_bucket=plant.bucket, sagemaker_config=SDK_DEFAULTS)
    own = [WEIGHTS] if plant.kind == "weights" else [hyperparameter(name) for name in plant.hyperparameters]
    parameters = {name: ParameterString(name) for name in (*PARAMETERS, *own)}
    steps = build_steps(plant, context, parameters)
    pipeline = Pipeline(
        name=plant.name, parameters=list(parameters.values()), steps=steps, sagemaker_session=context
    )
    return Compiled(str(pipeline.definition()), context.uploads)


def build_steps(plant: Plant, context: ContentSession, parameters: Mapping[str, Any]) -> list[Any]:
    """The steps, in order."""
    prepare = prepare_step(plant, context, parameters)
    train = [] if plant.kind == "weights" else [train_step(plant, context, parameters, prepare)]
    model = train[0].properties.ModelArtifacts.S3ModelArtifacts if train else parameters[WEIGHTS]
    evaluation = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
    evaluate = evaluate_step(plant, context, parameters, prepare, model, evaluation)
    if plant.kind == "experiment":
        return [prepare, *train, evaluate]
    seal = seal_step(plant, context, parameters, model, evaluate)
    return [prepare, *train, evaluate, gate_step(evaluation, seal)]


def prepare_step(plant: Plant, context: ContentSession, parameters: Mapping[str, Any]) -> ProcessingStep:
    """Verify the dataset, check its contract, split it."""
    inputs = {**code_inputs(plant, parameters), "data": parameters["DataUri"]}
    del inputs["spec"]  # so that other hyperparameters or gates find the same sides
    outputs = ["train", "validation", "test", PACKAGES]
    return processing_step(plant, context, "Prepare", inputs, outputs, cache=SAME_SIDES)


def evaluate_step(
    plant: Plant,
    context: ContentSession,
    parameters: Mapping[str, Any],
    prepare: ProcessingStep,
    model: Any,
    evaluation: PropertyFile,
) -> ProcessingStep:
    """Candidate and champion on the same test rows, each through its own handler."""
    inputs = {
        **code_inputs(plant, parameters),
        "test": output_uri(prepare, "test"),
        PACKAGES: output_uri(prepare, PACKAGES),
        "model": model,
        "champion": parameters["ChampionUri"],
    }
    return processing_step(plant, context, "Evaluate", inputs, ["evaluation"], files=[evaluation])


def seal_step(
    plant: Plant,
    context: ContentSession,
    parameters: Mapping[str, Any],
    model: Any,
    evaluate: ProcessingStep,
) -> ProcessingStep:
    """Pack weights and code into the sealed archive, and register the package."""
    inputs = {
        **code_inputs(plant, parameters),
        "model": model,
        "evaluation": output_uri(evaluate, "evaluation"),
    }
    arguments = {
        "--commit": parameters["Commit"],
        "--data-version": parameters["DataVersion"],
        "--fingerprint": parameters["Fingerprint"],
        "--execution": ExecutionVariables.PIPELINE_EXECUTION_ARN,
        "--bundle-uri": parameters["BundleUri"],
    }
    flat = [word for pair in arguments.items() for word in pair]
    return processing_step(plant, context, "Seal", inputs, [], arguments=flat)


def gate_step(evaluation: PropertyFile, seal: ProcessingStep) -> ConditionStep:
    """Seal what passed; fail, with the reason, what did not."""
    passed = JsonGet(step_name="Evaluate", property_file=evaluation, json_path="passed")
    reason = JsonGet(step_name="Evaluate", property_file=evaluation, json_path="reason")
    refused = FailStep(
        name="GateFailed", error_message=Join(on=" ", values=["The gate refused the model:", reason])
    )
    condition = ConditionEquals(left=passed, right=True)
    return ConditionStep(name="Gate", conditions=[condition], if_steps=[seal], else_steps=[refused])


def train_step(
    plant: Plant, context: ContentSession, parameters: Mapping[str, Any], prepare: ProcessingStep
) -> TrainingStep:
    """The user's train.py, under the SDK's own driver."""
    trainer = ModelTrainer(
        training_image=plant.image,
        role=plant.role,
        sagemaker_session=context,
        base_job_name=plant.name,
        compute=Compute(instance_type=plant.train_instance, instance_count=1, volume_size_in_gb=VOLUME_GB),
        source_code=SourceCode(command="python3 /opt/ml/input/data/jobs/train.py"),
        hyperparameters={name: parameters[hyperparameter(name)] for name in plant.hyperparameters},
        stopping_condition=StoppingCondition(max_runtime_in_seconds=60 * plant.train_minutes),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{plant.bucket}/runs"),
        networking=training_network(plant),
    )
    channels = {
        "train": output_uri(prepare, "train"),
        "validation": output_uri(prepare, "validation"),
        PACKAGES: output_uri(prepare, PACKAGES),
        **code_inputs(plant, parameters),
    }
    data = [InputData(channel_name=name, data_source=uri) for name, uri in channels.items()]
    return TrainingStep(name="Train", step_args=trainer.train(input_data_config=data))


def training_network(plant: Plant) -> Networking | None:
    """The network of the training job. One instance talks to no other; a policy may ask for the flag."""
    if not plant.subnets:
        return None
    return Networking(
        subnets=plant.subnets,
        security_group_ids=plant.security_groups,
        enable_inter_container_traffic_encryption=True,
    )


def processing_network(plant: Plant) -> NetworkConfig | None:
    """The network of the jobs around training."""
    if not plant.subnets:
        return None
    return NetworkConfig(
        subnets=plant.subnets, security_group_ids=plant.security_groups, encrypt_inter_container_traffic=True
    )


def code_inputs(plant: Plant, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What every job reads: the job programs, the model's bundle, its resolved spec."""
    return {"jobs": plant.jobs_uri, "bundle": parameters["BundleUri"], "spec": parameters["SpecUri"]}


def processing_step(
    plant: Plant,
    context: ContentSession,
    name: str,
    inputs: Mapping[str, Any],
    outputs: list[str],
    arguments: list[Any] | None = None,
    files: list[PropertyFile] | None = None,
    cache: CacheConfig | None = None,
) -> ProcessingStep:
    """A processing job that runs the job program of the step's name."""
    processor = Processor(
        role=plant.role,
        image_uri=plant.image,
        entrypoint=["python3", f"{PROCESSING}/input/jobs/{name.lower()}.py"],
        instance_count=1,
        instance_type=plant.processing_instance,
        volume_size_in_gb=VOLUME_GB,
        max_runtime_in_seconds=60 * plant.processing_minutes,
        sagemaker_session=context,
        network_config=processing_network(plant),
    )
    run = processor.run(
        inputs=[job_input(channel, uri) for channel, uri in inputs.items()],
        outputs=[job_output(plant, channel) for channel in outputs],
        arguments=arguments,
    )
    return ProcessingStep(name=name, step_args=run, property_files=files, cache_config=cache)


def job_input(name: str, uri: object) -> ProcessingInput:
    """An input folder of a processing job."""
    place = ProcessingS3Input(
        s3_uri=uri, local_path=f"{PROCESSING}/input/{name}", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=place)


def job_output(plant: Plant, name: str) -> ProcessingOutput:
    """An output folder of a processing job, under the execution's own prefix."""
    uri = Join(on="/", values=[f"s3://{plant.bucket}/runs", ExecutionVariables.PIPELINE_EXECUTION_ID, name])
    place = ProcessingS3Output(
        s3_uri=uri, local_path=f"{PROCESSING}/output/{name}", s3_upload_mode="EndOfJob"
    )
    return ProcessingOutput(output_name=name, s3_output=place)


def output_uri(step: ProcessingStep, name: str) -> Any:
    """The S3 URI of a processing step's output, known when the pipeline runs."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri
