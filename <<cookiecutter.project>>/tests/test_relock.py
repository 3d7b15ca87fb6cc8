"""Locks are resolved under what the image has installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops.errors import MlopsError
from mlops.images import IMAGES
from mlops.locks import find_disagreements, locked_versions
from mlops.relock import CONSTRAINTS, relock
from tests.conftest import edit

if TYPE_CHECKING:
    from pathlib import Path


def require(root: Path, text: str) -> None:
    """Requirements that no lock answers yet."""
    (root / "models/guess/requirements.in").write_text(text)
    (root / "models/guess/requirements.lock").unlink()


@pytest.mark.parametrize("image", IMAGES)
def test_the_constraints_are_what_the_image_has(image: tuple[str, str]) -> None:
    framework, version = image
    text = (CONSTRAINTS / f"{framework}-{version}.txt").read_text()
    assert IMAGES[image].packages.items() <= locked_versions(text, IMAGES[image].python).items()


def test_a_lock_is_hashed_and_agrees_with_the_image(root: Path) -> None:
    require(root, "threadpoolctl\nnumpy\n")
    relock(root, "guess")
    lock = (root / "models/guess/requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert "http" not in lock
    assert find_disagreements(lock, IMAGES["sklearn", "1.9-0"]) == []
    assert locked_versions(lock, "3.12")["numpy"] == "2.5.1"


def test_a_requirement_against_the_image_is_refused(root: Path) -> None:
    (root / "models/guess/requirements.in").write_text("scikit-learn==1.2.2\n")
    before = (root / "models/guess/requirements.lock").read_text()
    with pytest.raises(MlopsError, match=r"^models/guess/requirements\.in has no resolution: "):
        relock(root, "guess")
    assert (root / "models/guess/requirements.lock").read_text() == before


def test_an_own_image_constrains_nothing(root: Path) -> None:
    uri = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/own@sha256:{'ab' * 32}"
    edit(root / "models/guess/model.yml", 'framework: sklearn, version: "1.9-0"', f'uri: "{uri}"')
    require(root, "threadpoolctl==3.5.0\n")
    relock(root, "guess")
    assert locked_versions((root / "models/guess/requirements.lock").read_text(), "3.12") == {
        "threadpoolctl": "3.5.0"
    }
