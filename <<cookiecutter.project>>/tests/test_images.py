"""The frozen table of images against the SageMaker SDK's own."""

from __future__ import annotations

import pytest

from mlops.images import ACCOUNTS, IMAGES, image_uri
from mlops.spec import Image


@pytest.mark.parametrize(("framework", "version"), IMAGES)
def test_every_image_is_where_the_sdk_says(framework: str, version: str) -> None:
    from sagemaker.core import image_uris

    image = Image.model_validate({"framework": framework, "version": version})
    for region in ACCOUNTS:
        for scope in ("training", "inference"):
            expected = image_uris.retrieve(
                framework, region, version=version, image_scope=scope, instance_type="ml.m5.large"
            )
            assert image_uri(image, region) == expected


def test_no_commercial_region_of_the_sdk_is_missing() -> None:
    from sagemaker.core.image_uris import config_for_framework

    versions = config_for_framework("sklearn")["training"]["versions"]
    registries = versions["1.9-0"]["registries"]
    assert {region for region in registries if not region.startswith(("cn-", "us-gov-", "us-iso"))} == set(
        ACCOUNTS
    )
