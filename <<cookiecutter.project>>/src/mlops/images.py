"""AWS's framework images: which there are, where they lie, what is in them.

The accounts are those of the SageMaker SDK's `image_uris` (a test compares them); the contents are those
of the requirements that AWS builds the images from (github.com/aws/sagemaker-scikit-learn-container,
github.com/aws/sagemaker-xgboost-container).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.errors import UsageError

if TYPE_CHECKING:
    from mlops.spec import Image

# Both frameworks' images share a registry in each of these regions.
ACCOUNTS = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/docker-pull-ecr-image.html
URI = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    r"(?P<repository>[a-z0-9._/-]+):(?P<tag>[\w.-]+)"
)
BY_DIGEST = re.compile(r"[^@:]+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class FrameworkImage:
    """One image: its repository and tag, the Python inside, the versions that a lock must agree with."""

    repository: str
    tag: str
    python: str
    packages: dict[str, str]


IMAGES = {
    ("sklearn", "1.9-0"): FrameworkImage(
        "sagemaker-scikit-learn",
        "1.9-0-cpu-py3",
        "3.12",
        {"scikit-learn": "1.9.0", "numpy": "2.5.1", "scipy": "1.18.0", "pandas": "2.2.3"},
    ),
    ("xgboost", "3.2-0"): FrameworkImage(
        "sagemaker-xgboost",
        "3.2-0",
        "3.12",
        {"xgboost": "3.2.0", "scikit-learn": "1.8.0", "numpy": "2.1.0", "scipy": "1.15.0", "pandas": "2.2.3"},
    ),
}


def framework_image(image: Image) -> FrameworkImage | None:
    """The framework image that a spec names; None when it names one by URI."""
    if image.framework is None:
        return None
    found = IMAGES.get((image.framework, image.version or ""))
    if found is None:
        known = ", ".join(version for framework, version in IMAGES if framework == image.framework)
        raise UsageError(f"image: {image.framework} {image.version!r} is not known; allowed: {known}")
    return found


def image_uri(image: Image, region: str) -> str:
    """The URI that jobs and endpoints run: an own image by its digest."""
    found = framework_image(image)
    if found is None:
        require_fixed(str(image.uri))
        return str(image.uri)
    if region not in ACCOUNTS:
        raise UsageError(f"region {region!r} has no {image.framework} image; allowed: {', '.join(ACCOUNTS)}")
    return f"{ACCOUNTS[region]}.dkr.ecr.{region}.amazonaws.com/{found.repository}:{found.tag}"


def require_fixed(uri: str) -> None:
    """Raise for an image whose name can be given to other content. AWS's own have a tag alone."""
    found = URI.fullmatch(uri)
    if BY_DIGEST.fullmatch(uri) or (found and is_framework(found)):
        return
    if found is None:
        raise UsageError(
            f"image {uri!r} names no digest; allowed: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…"
        )
    place = f"--registry-id {found['account']} --region {found['region']}"
    image = f"--repository-name {found['repository']} --image-ids imageTag={found['tag']}"
    raise UsageError(
        f"image {uri!r} names a tag, which can be moved to other content. Name its digest, as "
        f"{uri.rpartition(':')[0]}@sha256:…; find it: aws ecr batch-get-image {place} {image} "
        "--query 'images[0].imageId.imageDigest' --output text"
    )


def is_framework(found: re.Match[str]) -> bool:
    """Whether an image is one of AWS's framework images, of whatever version."""
    repositories = {image.repository for image in IMAGES.values()}
    return ACCOUNTS.get(found["region"]) == found["account"] and found["repository"] in repositories
