"""Containers of one image and one hashed listing share what the first of them installed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import images, serving

PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import serving
serving.install_requirements(Path(sys.argv[2]))
import tinything
print(tinything.ANSWER)
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> images.Image:
    folder = tmp_path_factory.mktemp("images")
    (folder / "empty-1.txt").write_text("# nothing\n")
    return images.Images((folder,), folder / "cache").build("registry/empty:1")


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    """Requirements that name one wheel, a file of ours, by its hash."""
    wheel = tmp_path / "tinything-1.0-py3-none-any.whl"
    info = "tinything-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinything.py", "ANSWER = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    path = tmp_path / "requirements.txt"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    path.write_text(f"tinything @ {wheel.as_uri()} \\\n    --hash=sha256:{digest}\n")
    return path


def start(image: images.Image, listing: Path, name: str) -> subprocess.CompletedProcess[str]:
    """What a container does before it imports a handler."""
    home = images.overlay(image, listing.parent / name)
    folder = str(Path(serving.__file__).parent)
    command = [str(home / "bin/python3"), "-c", PROGRAM, folder, str(listing)]
    environment = {**os.environ, "SANDBOX_LAYERS": str(listing.parent / "layers")}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_second_container_needs_no_index(image: images.Image, listing: Path) -> None:
    first = start(image, listing, "first")
    assert first.stdout.endswith("42\n"), first.stderr
    (listing.parent / "tinything-1.0-py3-none-any.whl").unlink()
    assert start(image, listing, "second").stdout == "42\n", "what the first installed was not shared"


def test_containers_that_start_at_once_install_once(image: images.Image, listing: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda name: start(image, listing, name), ("a", "b", "c")))
    assert [each.stdout.endswith("42\n") for each in done] == [True] * 3, [each.stderr for each in done]
    assert sum("Successfully installed" in each.stdout for each in done) == 1


def test_what_could_not_be_installed_is_not_shared(image: images.Image, listing: Path) -> None:
    good = listing.read_text()
    listing.write_text(good.replace("sha256:", "sha256:0")[:-2] + "\n")
    assert "pip could not install" in start(image, listing, "bad").stderr
    assert not [path for path in (listing.parent / "layers").iterdir() if path.is_dir()]


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        ("a==1 \\\n    --hash=sha256:00\n# why\n\nb==2 --hash=sha256:01\n", True),
        ("a==1 --hash=sha256:00\nb>=2\n", False),
        ("--find-links . --hash=sha256:00\n", False),
    ],
)
def test_only_listings_hashed_in_full_mean_equal_packages(text: str, hashed: bool) -> None:
    assert serving.is_hashed(text) is hashed
