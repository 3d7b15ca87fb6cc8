"""A release: the canonical record of one sealed model, and its SHA-256. The unit of promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from mlops.digests import PREFIX, record_digest
from mlops.documents import Document
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Mapping

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
S3Name = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Archive(Document):
    """The sealed archive: where it lies, and what it must be. `size` in bytes."""

    bucket: S3Name
    key: S3Name
    sha256: Sha256
    size: Annotated[int, Field(gt=0)]


class Artifact(Document):
    """All that says what a release is: strings and integers only, equal in every environment."""

    package: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sagemaker:.+:model-package/.+$")]
    archive: Archive
    image: str
    data: str
    bundle: Sha256
    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
    execution: str
    evaluation: Sha256

    @property
    def release(self) -> str:
        """The release: `sha256:` and the hex digest of the canonical record (RFC 8785)."""
        return PREFIX + record_digest(self.model_dump())


def read_package(package: Mapping[str, Any]) -> Artifact:
    """The artifact that DescribeModelPackage describes. Raises when `mlops train` did not register it."""
    properties = package.get("CustomerMetadataProperties", {})
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    try:
        bucket, _, key = containers[0]["ModelDataUrl"].removeprefix("s3://").partition("/")
        return Artifact(
            package=package["ModelPackageArn"],
            archive=Archive(
                bucket=bucket,
                key=key,
                sha256=properties["archive.sha256"],
                size=int(properties["archive.size"]),
            ),
            image=containers[0]["Image"],
            data=properties["data"],
            bundle=properties["bundle"],
            commit=properties["commit"],
            execution=properties["execution"],
            evaluation=properties["evaluation.sha256"],
        )
    except (KeyError, IndexError, ValueError) as error:
        raise MlopsError(
            f"package {package.get('ModelPackageArn')!r} carries no release ({error!r}); "
            "only a package sealed by the pipeline can be promoted: mlops train"
        ) from None
