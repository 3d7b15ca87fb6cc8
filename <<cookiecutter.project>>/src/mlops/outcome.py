"""What a run found: the verdict of its evaluate job, which is all that an experiment leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_sagemaker.type_defs import PipelineExecutionStepTypeDef

    from mlops.aws import Aws

STEP, OUTPUT = "Evaluate", "evaluation"


def describe_outcome(aws: Aws, steps: Iterable[PipelineExecutionStepTypeDef]) -> list[str]:
    """The verdict with its reason, and where the whole evaluation lies."""
    place = find_evaluation(aws, steps)
    if place is None:
        return []
    bucket, _, key = place.removeprefix("s3://").partition("/")
    evaluation = json.loads(aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return [f"  verdict {evaluation['verdict']}: {evaluation['reason']}", f"  {place}"]


def find_evaluation(aws: Aws, steps: Iterable[PipelineExecutionStepTypeDef]) -> str | None:
    """The URI of the evaluation, as the job that wrote it says; None where no such job ran."""
    jobs = (step["Metadata"].get("ProcessingJob", {}) for step in steps if step["StepName"] == STEP)
    name = next((job["Arn"].rpartition("/")[2] for job in jobs if "Arn" in job), None)
    if name is None:
        return None
    found = aws.sagemaker.describe_processing_job(ProcessingJobName=name)
    outputs = found["ProcessingOutputConfig"]["Outputs"]
    uri = next(output["S3Output"]["S3Uri"] for output in outputs if output["OutputName"] == OUTPUT)
    return f"{uri}/evaluation.json"
