"""Pins and releases: a digest over everything, refused when one character was changed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.errors import MlopsError, UsageError
from mlops.pin import Origin, Pin, dump_pin, make_pin, parse_pin, split_pin_path
from mlops.release import Archive, Artifact, read_package
from mlops.serving import Fleet, Serving

HEX = "ab" * 32
PACKAGE = "arn:aws:sagemaker:eu-west-1:111111111111:model-package/acme-guess/1"


def make_artifact(**changes: Any) -> Artifact:
    archive = Archive(bucket="b", key="releases/guess/x/model.tar.gz", sha256=HEX, size=7)
    content = {
        "package": PACKAGE,
        "archive": archive,
        "image": f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/x@sha256:{HEX}",
        "data": "d" * 32,
        "bundle": HEX,
        "commit": "c" * 40,
        "execution": "arn:aws:sagemaker:eu-west-1:111111111111:pipeline/acme-guess/execution/1",
        "evaluation": HEX,
    }
    return Artifact.model_validate({**content, **changes})


def make_guess(**changes: Any) -> Pin:
    return make_pin("guess", make_artifact(**changes), Serving(serve=Fleet(instance="ml.m5.large", count=1)))


def test_a_pin_survives_its_file() -> None:
    pin = make_guess()
    assert parse_pin(dump_pin(pin), "staging", "guess") == pin


def test_the_same_pin_is_the_same_bytes() -> None:
    assert dump_pin(make_guess()) == dump_pin(make_guess())


def test_the_release_is_the_sha256_of_the_canonical_artifact() -> None:
    # Computed apart from this code: the RFC 8785 text written out, piped into coreutils' sha256sum.
    assert (
        make_artifact().release == "sha256:964d94db6c98cd0696d47108c443da282b5bcec52b1ecb0eb58de7274b681c3f"
    )


@pytest.mark.parametrize("field", ["image", "data", "commit", "execution", "package"])
def test_every_part_of_the_artifact_counts(field: str) -> None:
    other = {"image": "2", "data": "e" * 32, "commit": "d" * 40, "execution": "x", "package": PACKAGE + "1"}[
        field
    ]
    assert make_artifact(**{field: other}).release != make_artifact().release


def test_the_artifact_does_not_depend_on_the_environment() -> None:
    origin = Origin(environment="staging", commit="c" * 40)
    prod = make_pin("guess", make_artifact(), Serving(serve=Fleet(instance="ml.m5.xlarge", count=4)), origin)
    assert prod.release == make_guess().release
    assert prod.config_hex != make_guess().config_hex


@pytest.mark.parametrize(
    ("old", "new"),
    [("size: 7", "size: 8"), ("bundle: ab", "bundle: ac"), ("release: sha256:9", "release: sha256:f")],
)
def test_a_pin_edited_by_hand_is_refused(old: str, new: str) -> None:
    text = dump_pin(make_guess()).replace(old, new)
    with pytest.raises(UsageError) as refused:
        parse_pin(text, "staging", "guess")
    assert "the pin was edited by hand. Write it anew: mlops propose guess --to staging --dry-run" in str(
        refused.value
    )


def test_a_pin_under_another_name_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"^releases/prod/other.yml: model: found 'guess', but the file pins 'other'$"
    ):
        parse_pin(dump_pin(make_guess()), "prod", "other")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("releases/prod/guess.yml", ("prod", "guess")),
        ("releases/moon/guess.yml", None),
        ("releases/prod/guess.yaml", None),
        ("releases/prod/deep/guess.yml", None),
        ("models/prod/guess.yml", None),
    ],
)
def test_a_pin_is_known_by_its_path(path: str, place: tuple[str, str] | None) -> None:
    assert split_pin_path(path) == place


def test_a_package_that_the_pipeline_did_not_seal_carries_no_release() -> None:
    with pytest.raises(MlopsError, match="carries no release"):
        read_package({"ModelPackageArn": PACKAGE, "InferenceSpecification": {"Containers": []}})
