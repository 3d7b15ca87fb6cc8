"""The frozen table of images against the SageMaker SDK's own."""

from __future__ import annotations

import json
import shlex

import boto3
import jmespath  # type: ignore[import-untyped]
import pytest
from moto import mock_aws

from mlops.errors import UsageError
from mlops.images import ACCOUNTS, IMAGES, image_uri, require_fixed
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


OWN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/own"
FRAMEWORK = f"{ACCOUNTS['eu-west-1']}.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost"


@pytest.mark.parametrize("uri", [f"{OWN}@sha256:{'ab' * 32}", f"{FRAMEWORK}:1.7-1"])
def test_an_image_by_digest_and_a_framework_image_of_aws_are_fixed(uri: str) -> None:
    require_fixed(uri)


def test_a_tag_is_refused_with_the_command_that_finds_its_digest() -> None:
    with pytest.raises(UsageError) as refused:
        require_fixed(f"{OWN}:1.2")
    assert f"image '{OWN}:1.2' names a tag" in str(refused.value)
    assert (
        "aws ecr batch-get-image --registry-id 123456789012 --region eu-west-1 --repository-name team/own "
        "--image-ids imageTag=1.2" in str(refused.value)
    )


@pytest.mark.parametrize(
    "uri",
    [
        OWN,
        f"{OWN}@sha256:abc",
        f"{OWN}:1@sha256:{'ab' * 32}",
        f"{FRAMEWORK}/own:1",
        FRAMEWORK.replace(ACCOUNTS["eu-west-1"], "123456789012") + ":1.7-1",
        FRAMEWORK.replace("eu-west-1", "eu-west-2") + ":1.7-1",
    ],
)
def test_whatever_else_could_be_moved_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match=r"names (a tag|no digest)"):
        require_fixed(uri)


def test_the_command_of_the_refusal_finds_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "123456789012")
    with pytest.raises(UsageError) as refused:
        require_fixed(f"{OWN}:1.2")
    words = shlex.split(str(refused.value).partition("find it: aws ecr batch-get-image ")[2])
    asked = dict(zip(words[::2], words[1::2], strict=True))
    name, key = asked["--repository-name"], dict([asked["--image-ids"].split("=")])
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
    with mock_aws():
        ecr = boto3.client("ecr", region_name=asked["--region"])
        ecr.create_repository(repositoryName=name)
        put = ecr.put_image(repositoryName=name, imageManifest=json.dumps(manifest), imageTag="1.2")
        answer = ecr.batch_get_image(registryId=asked["--registry-id"], repositoryName=name, imageIds=[key])
    digest = jmespath.search(asked["--query"], answer)
    assert digest == put["image"]["imageId"]["imageDigest"]
    require_fixed(f"{OWN}@{digest}")
