"""Seal job: pack weights and code into one archive that never changes again, and register it as Pending.

Safe to run twice, at once too: an equal archive is not written again and an equal package is reused. An
evaluation lies under its own hash, as it holds times and a second run measures others.
"""

import argparse
import base64
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import job
import pack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

PROGRAMS = Path(__file__).absolute().parent
KEYS_LIMIT = 50  # CustomerMetadataProperties of one package
TRIES = 8  # while another seal writes the same key, or registers the same archive
SERVE = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
TYPES = ["text/csv", "application/json"]


@dataclass(frozen=True)
class Origin:
    """Where a model comes from: the arguments with which the pipeline starts this job."""

    commit: str
    data: str
    bundle: str
    fingerprint: str
    execution: str


@dataclass(frozen=True)
class Stored:
    """An object in the releases bucket; `fresh` when this run wrote it."""

    uri: str
    sha256: str
    size: int
    fresh: bool


def run(ml: Path, work: Path, origin: Origin, s3: "S3Client", sagemaker: "SageMakerClient") -> str:
    """Seal the model and return its package's ARN."""
    inputs = ml / "processing/input"
    spec = job.read_spec(inputs / "spec")
    evaluation_file = job.the_only(inputs / "evaluation", "*.json")
    evaluation = job.read_json(evaluation_file)
    if evaluation["passed"] is not True:
        raise job.JobError(f"the model did not pass its gates and is not sealed: {evaluation['reason']}")
    archive = pack_archive(inputs, spec["model"], origin.fingerprint, work)
    prefix = f"releases/{spec['model']}/{job.digest(archive)}"
    sealed = store(s3, archive, spec["releases_bucket"], f"{prefix}/model.tar.gz")
    known = None if sealed.fresh else registered(sagemaker, spec["package_group"], sealed)
    if known:
        return known
    evidence = store_evaluation(s3, evaluation_file, spec["releases_bucket"], f"{prefix}/evaluations")
    metadata = properties(origin, sealed, evidence.sha256, spec["image"], evaluation["metrics"])
    return register(sagemaker, spec, sealed, evidence, metadata)


def pack_archive(inputs: Path, model: str, fingerprint: str, work: Path) -> Path:
    """Pack weights, bundle, the wrapper that serves them and who they are."""
    bundle = job.unpack_bundle(inputs / "bundle", work / "bundle")
    weights = job.unpack_weights(inputs / "model", work / "weights")
    identity = work / "identity.json"
    identity.write_text(json.dumps({"model": model, "fingerprint": fingerprint}) + "\n")
    added = {"serve.py": PROGRAMS / "serve.py", "identity.json": identity}
    return pack.model_archive(weights, bundle, added, work / "model.tar.gz")


def store_evaluation(s3: "S3Client", path: Path, bucket: str, prefix: str) -> Stored:
    """Write the evaluation under its own hash and its plots beside it."""
    sha256 = job.digest(path)
    for plot in sorted((path.parent / "plots").glob("*.svg")):
        store(s3, plot, bucket, f"{prefix}/{sha256}/plots/{plot.name}", "image/svg+xml")
    return store(s3, path, bucket, f"{prefix}/{sha256}.json", "application/json")


def store(s3: "S3Client", path: Path, bucket: str, key: str, kind: str = "application/gzip") -> Stored:
    """Write an object that must not exist yet; one with equal bytes counts as written.

    How long it is locked is the bucket's default: a job that could choose could also choose nothing.
    """
    sha256 = job.digest(path)
    stored = Stored(f"s3://{bucket}/{key}", sha256, path.stat().st_size, fresh=True)
    if put_new(s3, path, bucket, key, sha256, kind):
        return stored
    # The bytes themselves decide: a store need not keep the checksum that an object came with.
    found = job.hash_stream(s3.get_object(Bucket=bucket, Key=key)["Body"], "sha256")
    if found != sha256:
        raise job.JobError(
            f"{stored.uri} already holds other bytes (sha256 {found}, these are {sha256}). "
            "Sealed objects are never overwritten: find out who wrote it"
        )
    return Stored(stored.uri, sha256, stored.size, fresh=False)


def put_new(s3: "S3Client", path: Path, bucket: str, key: str, sha256: str, kind: str) -> bool:
    """Put an object unless the key is taken; whether it was written."""
    from botocore.exceptions import ClientError

    checksum: Any = {
        "ChecksumAlgorithm": "SHA256",
        "ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode(),
    }
    for again in range(TRIES):
        try:
            with path.open("rb") as body:
                s3.put_object(
                    Bucket=bucket, Key=key, Body=body, ContentType=kind, IfNoneMatch="*", **checksum
                )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "PreconditionFailed":
                return False
            # Another conditional write of this key is under way: whoever comes second must ask again.
            if code != "ConditionalRequestConflict" or again == TRIES - 1:
                raise
            time.sleep(0.2 * 2**again)
        else:
            return True
    return False


def registered(sagemaker: "SageMakerClient", group: str, sealed: Stored) -> str | None:
    """Return the package that another run registered for these very bytes."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    for summary in (summary for page in pages for summary in page["ModelPackageSummaryList"]):
        arn = summary["ModelPackageArn"]
        known = sagemaker.describe_model_package(ModelPackageName=arn).get("CustomerMetadataProperties", {})
        if known.get("archive.sha256") == sealed.sha256:
            return arn
    return None


def register(
    sagemaker: "SageMakerClient",
    spec: dict[str, Any],
    sealed: Stored,
    evaluation: Stored,
    metadata: dict[str, str],
) -> str:
    """Register the archive; people decide about it later."""
    from botocore.exceptions import ClientError

    try:
        return create_package(sagemaker, spec, sealed, evaluation, metadata)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
        # The token is the archive's: another seal of it, with an execution of its own, came first.
        for again in range(TRIES):
            known = registered(sagemaker, spec["package_group"], sealed)
            if known:
                return known
            time.sleep(0.2 * 2**again)
        raise


def create_package(
    sagemaker: "SageMakerClient",
    spec: dict[str, Any],
    sealed: Stored,
    evaluation: Stored,
    metadata: dict[str, str],
) -> str:
    """Make the package, waiting for approval."""
    quality: Any = {"ContentType": "application/json", "S3Uri": evaluation.uri}
    package = sagemaker.create_model_package(
        ModelPackageGroupName=spec["package_group"],
        ModelPackageDescription=f"{spec['model']} {sealed.sha256[:12]} of commit {metadata['commit'][:12]}",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": spec["image"], "ModelDataUrl": sealed.uri, "Environment": SERVE}],
            "SupportedContentTypes": TYPES,
            "SupportedResponseMIMETypes": TYPES,
        },
        ModelMetrics={"ModelQuality": {"Statistics": quality}},
        CustomerMetadataProperties=metadata,
        # A repeat of a call whose answer was lost then finds the package instead of making a second one.
        ClientToken=sealed.sha256[:36],
    )
    return package["ModelPackageArn"]


def properties(
    origin: Origin, sealed: Stored, evaluation_sha256: str, image: str, metrics: dict[str, Any]
) -> dict[str, str]:
    """Say on the package where it comes from; metrics beyond 50 keys stay in evaluation.json."""
    known = {
        "commit": origin.commit,
        "data": origin.data,
        "bundle": origin.bundle,
        "fingerprint": origin.fingerprint,
        "execution": origin.execution,
        "archive.sha256": sealed.sha256,
        "archive.size": str(sealed.size),
        "evaluation.sha256": evaluation_sha256,
        "image": image,
    }
    found = [(name, metric["value"]) for name, metric in sorted(metrics.items())]
    measured = [(name, value) for name, value in found if value is not None]
    room = KEYS_LIMIT - len(known)
    return known | {f"metric.{name}": f"{value:.6g}" for name, value in measured[:room]}


def parse(words: list[str] | None = None) -> Origin:
    """Read the pipeline's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("commit", "data-version", "fingerprint", "execution", "bundle-uri"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args(words)
    bundle = options.bundle_uri.rpartition("/")[2].removesuffix(".tar.gz")
    return Origin(options.commit, options.data_version, bundle, options.fingerprint, options.execution)


def seal(work: Path) -> None:
    """Make the clients and seal."""
    import boto3
    from botocore.config import Config

    origin = parse()
    region = job.read_spec(job.ML / "processing/input/spec")["region"]
    patient = Config(region_name=region, retries={"mode": "standard", "max_attempts": 8})
    s3, sagemaker = boto3.client("s3", config=patient), boto3.client("sagemaker", config=patient)
    print(f"package={run(job.ML, work, origin, s3, sagemaker)}", flush=True)  # noqa: T201


def main() -> None:
    """Run as SageMaker runs it."""
    with tempfile.TemporaryDirectory() as work:
        job.guarded(lambda: seal(Path(work)), job.ML / "output/message")


if __name__ == "__main__":
    main()
