"""Wheels travel in the bundle where no index is reached: what is missing is named, and fetched by hash."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.bundle import build_bundle
from mlops.errors import MlopsError
from mlops.images import IMAGES
from mlops.network import render_network
from mlops.spec import read_spec
from mlops.wheels import download, find_missing, needed
from tests.conftest import edit
from tests.networked import NETWORK

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = IMAGES["sklearn", "1.9-0"]
LOCK = """\
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:01
numpy==2.5.1 ; python_full_version >= '3.12' \\
    --hash=sha256:02
scikit-learn==1.9.0 \\
    --hash=sha256:03
"""
INFO = "tinything-1.0.dist-info"


def make_wheel(folder: Path) -> str:
    """A wheel of a package that no image has; its entry in a lock."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tinything-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tinything.py", "ANSWER = 42\n")
        archive.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n")
        archive.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{INFO}/RECORD", "")
    return f"tinything==1.0 \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def test_what_the_image_has_needs_no_wheel() -> None:
    assert needed(LOCK, IMAGE) == {}


def test_what_the_image_lacks_is_named_with_what_to_type(tmp_path: Path) -> None:
    entry = make_wheel(tmp_path / "elsewhere")
    (said,) = find_missing(tmp_path / "wheels", LOCK + entry, IMAGE)
    assert said.startswith(
        "tinything==1.0 has no wheel in wheels/, and the network of project.yml reaches no "
    )
    assert said.endswith(". Type: make wheels")


def test_a_wheel_that_travels_is_not_missing(tmp_path: Path) -> None:
    assert find_missing(tmp_path, LOCK + make_wheel(tmp_path), IMAGE) == []


def test_a_wheel_with_other_bytes_than_the_locks_is_named(tmp_path: Path) -> None:
    lock = LOCK + make_wheel(tmp_path)
    with (tmp_path / "tinything-1.0-py3-none-any.whl").open("ab") as file:
        file.write(b"more")
    (said,) = find_missing(tmp_path, lock, IMAGE)
    assert said.startswith("tinything-1.0-py3-none-any.whl: its SHA-256 is not one that requirements.lock")


def lack_a_wheel(root: Path, elsewhere: Path) -> Path:
    """Let the model's lock name a package that lies elsewhere; the model's folder."""
    folder = root / "models/guess"
    (folder / "requirements.lock").write_text(LOCK + make_wheel(elsewhere))
    return folder


def test_check_asks_for_wheels_only_where_there_is_a_network(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lack_a_wheel(root, tmp_path / "index")
    assert cli.run(["check"]) == 0
    with (root / "project.yml").open("a") as file:
        file.write(f"network:\n{render_network('training', NETWORK)}\n")
    capsys.readouterr()
    assert cli.run(["check"]) == 1
    assert "models/guess: tinything==1.0 has no wheel in wheels/" in capsys.readouterr().out


def test_wheels_are_downloaded_by_hash_and_old_ones_go(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lack_a_wheel(root, tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (folder / "wheels").mkdir()
    (folder / "wheels/old-1.0-py3-none-any.whl").write_bytes(b"")
    assert download(root, "guess") == ["tinything-1.0-py3-none-any.whl"]
    assert [path.name for path in (folder / "wheels").iterdir()] == ["tinything-1.0-py3-none-any.whl"]
    edit(folder / "requirements.lock", "tinything==1.0", "tinything==2.0")
    with pytest.raises(MlopsError, match=r"^pip found no wheel for Python 3\.12 on Linux: ERROR: .*2\.0"):
        download(root, "guess")
    assert (folder / "wheels/tinything-1.0-py3-none-any.whl").is_file(), "a failure took what was there"


def test_a_bundle_with_wheels_tells_pip_to_ask_no_index(root: Path, tmp_path: Path) -> None:
    folder, spec = lack_a_wheel(root, tmp_path / "index"), read_spec(root, "guess")
    assert requirements(build_bundle(root, spec).content).startswith("numpy==")
    shutil.copytree(tmp_path / "index", folder / "wheels")
    told = requirements(build_bundle(root, spec).content)
    assert told == "--no-index\n--find-links wheels\n" + (folder / "requirements.lock").read_text()


def requirements(bundle: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        member = tar.extractfile("requirements.txt")
        assert member is not None
        return member.read().decode()
