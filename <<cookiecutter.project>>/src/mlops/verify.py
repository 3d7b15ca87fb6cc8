"""What `deploy` verifies itself before it changes anything: the pin, its package, the archive's bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.aws import Aws, is_missing
from mlops.digests import sha256_hex
from mlops.errors import MlopsError
from mlops.images import require_fixed
from mlops.release import read_package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

    from mlops.pin import Pin
    from mlops.target import Target

CHUNK = 1 << 20


@dataclass(frozen=True)
class Verified:
    """What deploy may rely on: the package and the evaluation, as their hashes in the pin say."""

    package: Mapping[str, Any]
    evaluation: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """The first 12 hex digits of the run's fingerprint, as the sealed handler prints them."""
        return str(self.package.get("CustomerMetadataProperties", {}).get("fingerprint", ""))[:12] or "none"


def verify(aws: Aws, target: Target) -> Verified:
    """Raise unless the pin tells the truth about its package, its evaluation and the archive's bytes."""
    pin = target.pin
    require_fixed(pin.artifact.image)
    try:
        package = aws.sagemaker.describe_model_package(ModelPackageName=pin.artifact.package)
    except aws.sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        raise MlopsError(f"{pin.model}: package {pin.artifact.package!r} of the pin does not exist") from None
    refuse_unapproved(target, package.get("ModelApprovalStatus", ""))
    if read_package(package) != pin.artifact:
        raise MlopsError(
            f"{pin.model}: the pin's artifact is not what package {pin.artifact.package!r} registers; "
            "the pin or the package was changed by hand"
        )
    verify_archive(aws.s3, pin)
    return Verified(package, read_evaluation(aws.s3, pin, package))


def read_evaluation(s3: S3Client, pin: Pin, package: Mapping[str, Any]) -> Mapping[str, Any]:
    """The evaluation that was sealed with the release; its bytes must hash to what the pin says."""
    statistics = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    bucket, _, key = statistics.get("S3Uri", "").removeprefix("s3://").partition("/")
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read() if key else b""
    except s3.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        content = b""
    if sha256_hex(content) != pin.artifact.evaluation:
        raise MlopsError(
            f"{pin.model}: the evaluation at {statistics.get('S3Uri')!r} is missing or was changed: "
            f"the pin says SHA-256 {pin.artifact.evaluation!r}. Nothing was deployed"
        )
    evaluation: Mapping[str, Any] = json.loads(content)
    return evaluation


def refuse_unapproved(target: Target, approval: str) -> None:
    """Raise for a package that was rejected, or that reaches prod without having been in staging."""
    pin = target.pin
    if approval == "Rejected":
        raise MlopsError(
            f"{pin.model}: package {pin.artifact.package!r} is Rejected in the registry; pin another release"
        )
    if target.environment == "prod" and approval != "Approved":
        raise MlopsError(
            f"{pin.model}: package {pin.artifact.package!r} is {approval}; "
            f"staging approves first: mlops deploy staging {pin.model}"
        )


def verify_archive(s3: S3Client, pin: Pin) -> None:
    """Raise unless the sealed archive's bytes hash to what the pin says."""
    archive = pin.artifact.archive
    place = f"s3://{archive.bucket}/{archive.key}"
    try:
        body = s3.get_object(Bucket=archive.bucket, Key=archive.key)["Body"]
    except s3.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        raise MlopsError(f"{pin.model}: the archive {place!r} of the pin does not exist") from None
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(CHUNK):
        digest.update(chunk)
    if digest.hexdigest() != archive.sha256:
        raise MlopsError(
            f"{pin.model}: the archive {place!r} was changed after it was registered: its SHA-256 is "
            f"{digest.hexdigest()!r}, the pin says {archive.sha256!r}. Do not serve it; pin another release"
        )
