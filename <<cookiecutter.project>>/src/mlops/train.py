"""`mlops train MODEL`: compile its pipeline, start a run on exactly this commit, code and data.

A run that exists is not run again: its display name is the fingerprint of bundle, data and training inputs.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops import __version__, git
from mlops.aws import Aws, is_missing, pauses
from mlops.compiled import keep_compiled, read_compiled
from mlops.data import is_published
from mlops.dataset import dataset_prefix, pointer_path
from mlops.digests import PREFIX, record_digest, sha256_hex
from mlops.errors import MlopsError, UsageError
from mlops.images import image_uri
from mlops.outcome import describe_outcome
from mlops.packages import ensure_group, list_packages
from mlops.release import read_package
from mlops.run import prepare_run
from mlops.spec import ModelSpec, read_spec
from mlops.workspace import open_workspace, require_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import PipelineExecutionStepTypeDef

    from mlops.compiled import Compiled
    from mlops.project import Project
    from mlops.release import Artifact
    from mlops.run import Run
    from mlops.workspace import Workspace

JOBS = Path(__file__).parent / "jobs"

# A definition of an earlier version of the compiler is another one
COMPILER = sha256_hex(Path(__file__).with_name("pipeline.py").read_bytes())
LONGEST_PAUSE = 10.0  # seconds between two looks at a run
FINISHED = {"Succeeded", "Failed", "Stopped"}


@click.command("train")
@click.argument("model")
@click.option("--wait", is_flag=True, help="Follow the run to its end; exit 1 if it fails.")
@click.option("--experiment", is_flag=True, help="Train and judge, seal nothing; uncommitted work may run.")
@click.option(
    "--weights", metavar="RELEASE", help="Judge and seal this release's weights under today's code."
)
@click.option("--dry-run", is_flag=True, help="Say what would start; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="The execution as JSON.")
def command(
    model: str, wait: bool, experiment: bool, weights: str | None, dry_run: bool, as_json: bool
) -> None:
    """Compile MODEL's pipeline and start a run on this commit, code and data."""
    if experiment and weights:
        raise UsageError("--experiment seals nothing, and --weights is for sealing; give one of them")
    workspace = open_workspace()
    aws = Aws(workspace.project.region)
    spec = read_spec(workspace.root, require_model(workspace.root, model))
    if not experiment:
        refuse_dirty(workspace.root, spec)
    archive = (
        find_release(aws.sagemaker, workspace.project.group(model), weights).archive if weights else None
    )
    run = prepare_run(workspace, spec, git.head_commit(workspace.root), archive)
    run = replace(run, kind="experiment") if experiment else run
    if dry_run:
        existing = find_execution(aws.sagemaker, run.pipeline(workspace.project), run)
        click.echo(
            f"{model}: {'has run: ' + existing if existing else 'would start'}, fingerprint {run.fingerprint}"
        )
        return
    execution, started = start(workspace, aws, spec, run)
    say_started(execution, started, run, as_json)
    if wait:
        follow(aws.sagemaker, execution, quiet=as_json)
        if not as_json:
            click.echo("\n".join(describe_outcome(aws, list_steps(aws.sagemaker, execution))))


def say_started(execution: str, started: bool, run: Run, as_json: bool) -> None:
    """One line, or one JSON object, about the run."""
    if as_json:
        record = {
            "model": run.model,
            "execution": execution,
            "started": started,
            "fingerprint": run.fingerprint,
        }
        click.echo(json.dumps(record))
        return
    click.echo(f"{run.model}: {'started' if started else 'this run exists already:'} {execution}")


def refuse_dirty(root: Path, spec: ModelSpec) -> None:
    """Raise when the work tree holds what no commit does: the run could never be told from its commit."""
    dirty = git.dirty_paths(root, f"models/{spec.model}", *(f"libs/{lib}" for lib in spec.libs))
    if dirty:
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        raise UsageError(
            f"{dirty[0]!r}{more}: changed, but not committed; a run must name its commit. Commit first"
        )


def find_release(sagemaker: SageMakerClient, group: str, release: str) -> Artifact:
    """The registered release that a digest, or the beginning of one, names."""
    wanted = release if release.startswith(PREFIX) else PREFIX + release
    found = []
    for package in list_packages(sagemaker, group):
        artifact = read_package(sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"]))
        if artifact.release == wanted:
            return artifact
        if artifact.release.startswith(wanted):
            found.append(artifact)
    if len(found) > 1:
        raise UsageError(
            f"{release!r} begins {len(found)} releases of group {group!r}, {found[0].release} for one; "
            "give more of its digits"
        )
    if found:
        return found[0]
    raise MlopsError(
        f"{release!r} is no release of group {group!r}. Pins name releases: git grep release: releases/"
    )


def start(workspace: Workspace, aws: Aws, spec: ModelSpec, run: Run) -> tuple[str, bool]:
    """Start the run unless it exists: its execution's ARN, and whether this call started it."""
    name = run.pipeline(workspace.project)
    existing = find_execution(aws.sagemaker, name, run)
    if existing:
        return existing, False
    require_dataset(workspace.project, aws.s3, spec, run)
    bucket = workspace.project.data_bucket
    jobs_uri = upload_jobs(aws.s3, bucket)
    for key, content in run.keys.items():
        put_once(aws.s3, bucket, key, content)
    definition = compile_definition(workspace.project, aws, spec, jobs_uri, run.kind)
    ensure_group(aws.sagemaker, workspace.project, spec.model)
    version = upsert_pipeline(aws.sagemaker, name, definition, job_role(workspace.project, run.kind))
    return start_execution(aws.sagemaker, name, version, run), True


def require_dataset(project: Project, s3: S3Client, spec: ModelSpec, run: Run) -> None:
    """Raise unless the dataset version is published."""
    version = run.parameters["DataVersion"]
    if not is_published(s3, project.data_bucket, dataset_prefix(spec.model, version)):
        raise MlopsError(
            f"{pointer_path(spec)}: version {version!r} is not published for jobs. "
            f"Type: mlops data publish {spec.model}"
        )


def find_execution(sagemaker: SageMakerClient, pipeline: str, run: Run) -> str | None:
    """The ARN of an equal run that succeeded or is under way; None when there is none.

    An experiment may run uncommitted work, and is run as often as it is asked for.
    """
    if run.kind == "experiment":
        return None
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline)
    try:
        for execution in (execution for page in pages for execution in page["PipelineExecutionSummaries"]):
            same = execution.get("PipelineExecutionDisplayName") == run.display_name
            if same and execution.get("PipelineExecutionStatus") in {"Succeeded", "Executing"}:
                return execution["PipelineExecutionArn"]
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
    return None


def upload_jobs(s3: S3Client, bucket: str) -> str:
    """Upload the job programs, addressed by content; their URI."""
    files = {path.name: path.read_bytes() for path in sorted(JOBS.glob("*.py"))}
    digest = record_digest({name: sha256_hex(content) for name, content in files.items()})
    for name, content in files.items():
        put_once(s3, bucket, f"jobs/{digest}/{name}", content)
    return f"s3://{bucket}/jobs/{digest}"


def put_once(s3: S3Client, bucket: str, key: str, content: bytes) -> None:
    """Put an object that is named after its content, unless it is there."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        s3.put_object(Bucket=bucket, Key=key, Body=content)


def compile_definition(
    project: Project, aws: Aws, spec: ModelSpec, jobs_uri: str, kind: str = "release"
) -> str:
    """The pipeline definition; compiled once for equal plants, then kept in S3 and on this machine."""
    plant = plant_record(project, spec, jobs_uri, kind)
    digest = record_digest({**plant, "mlops": __version__, "sdk": sdk_version(), "compiler": COMPILER})
    key = f"pipelines/{digest}.json"
    try:
        return aws.s3.get_object(Bucket=project.data_bucket, Key=key)["Body"].read().decode()
    except aws.s3.exceptions.ClientError as error:
        if not is_missing(error):
            raise
    compiled = read_compiled(digest) or compile_now(project, aws, plant, digest)
    for name, content in compiled.uploads.items():
        put_once(aws.s3, project.data_bucket, name, content)
    aws.s3.put_object(Bucket=project.data_bucket, Key=key, Body=compiled.definition.encode())
    return compiled.definition


def compile_now(project: Project, aws: Aws, plant: dict[str, Any], digest: str) -> Compiled:
    """Import the SDK and compile."""
    os.environ.setdefault("AWS_DEFAULT_REGION", project.region)  # the SDK makes a client while it is imported
    from mlops.pipeline import Plant, compile_pipeline

    compiled = compile_pipeline(Plant(**plant), aws.session)
    keep_compiled(digest, compiled)
    return compiled


def sdk_version() -> str:
    """The version of the SageMaker SDK, without importing it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sagemaker")
    except PackageNotFoundError:
        raise UsageError(
            "the SageMaker SDK is not installed here; `train` needs it. Type: make setup"
        ) from None


def plant_record(project: Project, spec: ModelSpec, jobs_uri: str, kind: str) -> dict[str, Any]:
    """Where the model's jobs run: the members of `pipeline.Plant`."""
    network = project.network.training
    return {
        "kind": kind,
        "name": project.group(spec.model),
        "image": image_uri(spec.image, project.region),
        "role": job_role(project, kind),
        "bucket": project.data_bucket,
        "jobs_uri": jobs_uri,
        "train_instance": spec.train.instance,
        "train_minutes": spec.train.max_minutes,
        "processing_instance": spec.processing.instance,
        "processing_minutes": spec.processing.max_minutes,
        "hyperparameters": sorted(spec.train.hyperparameters),
        "subnets": network.subnets if network else [],
        "security_groups": network.security_groups if network else [],
    }


def job_role(project: Project, kind: str) -> str:
    """The role that a run's jobs have; who experiments hands over one that registers nothing."""
    return project.experiment_role if kind == "experiment" else project.execution_role


def upsert_pipeline(sagemaker: SageMakerClient, name: str, definition: str, role: str) -> int | None:
    """Create the pipeline or update it; the version to start, where AWS says one."""
    try:
        current = sagemaker.describe_pipeline(PipelineName=name)
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        sagemaker.create_pipeline(
            PipelineName=name,
            PipelineDefinition=definition,
            RoleArn=role,
            ClientRequestToken=sha256_hex(definition.encode()),
        )
        return None
    if current["PipelineDefinition"] == definition and current["RoleArn"] == role:
        return None
    updated = sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=role)
    return updated.get("PipelineVersionId")


def start_execution(sagemaker: SageMakerClient, pipeline: str, version: int | None, run: Run) -> str:
    """Start that version of the pipeline on the run's inputs."""
    pinned: Mapping[str, Any] = {} if version is None else {"PipelineVersionId": version}
    answer = sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineExecutionDisplayName=run.display_name,
        PipelineParameters=[{"Name": name, "Value": value} for name, value in run.parameters.items()],
        **pinned,
    )
    return answer["PipelineExecutionArn"]


def follow(sagemaker: SageMakerClient, execution: str, quiet: bool) -> None:
    """Say each step as it ends; raise MlopsError when the execution does not succeed."""
    said: set[str] = set()
    pause = pauses(LONGEST_PAUSE)
    while True:
        state = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        for line in new_steps(sagemaker, execution, said):
            if not quiet:
                click.echo(line)
        if state["PipelineExecutionStatus"] in FINISHED:
            break
        time.sleep(next(pause))
    if state["PipelineExecutionStatus"] != "Succeeded":
        reason = why_failed(sagemaker, execution) or state.get("FailureReason", "no reason given")
        raise MlopsError(f"{execution}: {state['PipelineExecutionStatus']}: {reason}")


def why_failed(sagemaker: SageMakerClient, execution: str) -> str:
    """The reasons of the steps that failed, in one line; SageMaker's own says only that some did."""
    failed = (step for step in list_steps(sagemaker, execution) if step.get("StepStatus") == "Failed")
    return "; ".join(
        f"{step['StepName']}: {' '.join(step.get('FailureReason', '').split())}" for step in failed
    )


def list_steps(sagemaker: SageMakerClient, execution: str) -> Iterator[PipelineExecutionStepTypeDef]:
    """The steps of an execution that began, oldest first."""
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=execution, SortOrder="Ascending"
    )
    return (step for page in pages for step in page["PipelineExecutionSteps"])


def new_steps(sagemaker: SageMakerClient, execution: str, said: set[str]) -> Iterator[str]:
    """A line for each step that ended since the last call, in the order of their ends."""
    for step in list_steps(sagemaker, execution):
        name, end = step["StepName"], step.get("EndTime")
        if end and name not in said:
            said.add(name)
            seconds = (end - step["StartTime"]).total_seconds()
            yield f"  {name:<10} {step['StepStatus']:<10} {seconds:6.1f} s"
