"""Images: found by URI, built once however many ask, never half built."""

from __future__ import annotations

import hashlib
import subprocess
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sandbox.errors import SandboxError
from sandbox.images import OWN_IMAGES, Images, overlay

if TYPE_CHECKING:
    from pathlib import Path

REGISTRY = "141502667606.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    (made / "empty-1.txt").write_text("# nothing\n")
    (made / "broken-1.txt").write_text("no-such-package-at-all @ file:///nowhere/x.whl\n")
    return made


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        (f"{REGISTRY}/sagemaker-scikit-learn:1.9-0-cpu-py3", "sagemaker-scikit-learn-1.9-0.txt"),
        (f"{REGISTRY}/sagemaker-scikit-learn:1.9-0", "sagemaker-scikit-learn-1.9-0.txt"),
        (f"{REGISTRY}/sagemaker-xgboost:3.2-0", "sagemaker-xgboost-3.2-0.txt"),
    ],
)
def test_an_aws_image_is_found_by_repository_and_tag(tmp_path: Path, uri: str, name: str) -> None:
    assert Images((OWN_IMAGES,), tmp_path).find(uri).name == name


@pytest.mark.parametrize(
    "tag", ["sagemaker-scikit-learn:1.9-0-gpu-py3", "sagemaker-scikit-learn:9", "other:1"]
)
def test_an_unknown_image_is_refused_naming_the_known_ones(tmp_path: Path, tag: str) -> None:
    with pytest.raises(SandboxError, match=r"Known: sagemaker-scikit-learn-1\.9-0\.txt, sagemaker-xgboost"):
        Images((OWN_IMAGES,), tmp_path).find(f"{REGISTRY}/{tag}")


def test_an_image_is_found_by_the_digest_of_its_file(folder: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256((folder / "empty-1.txt").read_bytes()).hexdigest()
    images = Images((folder,), tmp_path)
    assert images.find(f"registry/empty@sha256:{digest}") == folder / "empty-1.txt"
    with pytest.raises(SandboxError, match="is not in the sandbox's table"):
        images.find(f"registry/broken@sha256:{digest}")


def build(arguments: tuple[Path, Path]) -> int:
    folder, cache = arguments
    home = Images((folder,), cache).build("registry/empty:1").home
    return (home / "complete").stat().st_ino


def test_several_processes_build_an_image_once(folder: Path, tmp_path: Path) -> None:
    with ProcessPoolExecutor(3) as pool:
        built = list(pool.map(build, [(folder, tmp_path / "cache")] * 3))
    assert len(set(built)) == 1


def test_a_build_that_failed_is_not_taken_for_an_image(folder: Path, tmp_path: Path) -> None:
    images = Images((folder,), tmp_path / "cache")
    for _ in range(2):
        with pytest.raises(SandboxError, match="building the image failed: "):
            images.build("registry/broken:1")
    assert not list((tmp_path / "cache").rglob("complete"))


def test_a_half_built_image_is_built_again(folder: Path, tmp_path: Path) -> None:
    images = Images((folder,), tmp_path / "cache")
    home = images.build("registry/empty:1").home
    (home / "complete").unlink()
    (home / "stray").touch()
    assert images.build("registry/empty:1").home == home
    assert not (home / "stray").exists()


def test_an_overlay_sees_the_image_and_keeps_its_own(folder: Path, tmp_path: Path) -> None:
    image = Images((folder,), tmp_path / "cache").build("registry/empty:1")
    (image.packages / "shared.py").write_text("name = 'image'")
    (image.packages / "replaced.py").write_text("name = 'image'")
    home = overlay(image, tmp_path / "job")
    own = home / "lib" / image.packages.parent.name / "site-packages"
    (own / "replaced.py").write_text("name = 'job'")
    shown = subprocess.run(
        [home / "bin/python3", "-c", "import shared, replaced, pip; print(shared.name, replaced.name)"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "image job\n"
