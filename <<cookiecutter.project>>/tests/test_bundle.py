"""The bundle: reproducible, complete, and blind to what does not run."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from mlops.bundle import build_bundle, changes_bundle, fingerprint
from mlops.dataset import Pointer
from mlops.errors import UsageError
from mlops.spec import read_spec
from tests.conftest import edit

if TYPE_CHECKING:
    from pathlib import Path


def digest(root: Path) -> str:
    return build_bundle(root, read_spec(root, "guess")).digest


def add_lib(root: Path) -> None:
    folder = root / "libs/maths"
    (folder / "tests").mkdir(parents=True)
    (folder / "__init__.py").write_text("ONE = 1\n")
    (folder / "tests/test_maths.py").write_text("")
    edit(root / "models/guess/model.yml", "train:", "libs: [maths]\ntrain:")


def test_the_same_files_give_the_same_bytes(root: Path) -> None:
    before = digest(root)
    os.utime(root / "models/guess/train.py", (1, 1))
    (root / "models/guess/train.py").chmod(0o755)
    assert digest(root) == before


def test_a_script_changes_the_bundle(root: Path) -> None:
    before = digest(root)
    (root / "models/guess/train.py").write_text("print(1)\n")
    assert digest(root) != before


@pytest.mark.parametrize(
    "path", ["README.md", "tests/test_it.py", "data/fetch.py", "sample/rows.csv", "model.yml"]
)
def test_what_does_not_run_is_left_out(root: Path, path: str) -> None:
    before = digest(root)
    target = root / "models/guess" / path
    target.parent.mkdir(exist_ok=True)
    with target.open("a") as file:
        file.write("\n")
    assert digest(root) == before
    assert not changes_bundle(f"models/guess/{path}", read_spec(root, "guess"))


def test_a_named_lib_travels_without_its_tests(root: Path) -> None:
    add_lib(root)
    content = build_bundle(root, read_spec(root, "guess")).content
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        names = tar.getnames()
    assert names == [
        "evaluate.py",
        "inference.py",
        "maths/__init__.py",
        "prepare.py",
        "requirements.txt",
        "train.py",
    ]


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("models/guess/train.py", True),
        ("models/guess/features/text.py", True),
        ("models/guess/requirements.lock", True),
        ("models/guess/requirements.in", False),
        ("models/other/train.py", False),
        ("libs/maths/__init__.py", True),
        ("libs/maths/tests/test_maths.py", False),
        ("libs/words/__init__.py", False),
        ("project.yml", False),
    ],
)
def test_a_changed_path_is_known_to_be_part_of_the_bundle_or_not(
    root: Path, path: str, changes: bool
) -> None:
    add_lib(root)
    assert changes_bundle(path, read_spec(root, "guess")) is changes


@pytest.mark.parametrize(
    "name", ["prepare.py", "train.py", "evaluate.py", "inference.py", "requirements.lock"]
)
def test_a_missing_file_is_named(root: Path, name: str) -> None:
    (root / "models/guess" / name).unlink()
    with pytest.raises(UsageError) as refused:
        digest(root)
    assert str(refused.value) == f"models/guess/{name}: no such file; every model needs one"


def test_a_lib_that_is_not_there_is_named(root: Path) -> None:
    edit(root / "models/guess/model.yml", "train:", "libs: [nowhere]\ntrain:")
    with pytest.raises(
        UsageError, match=r"^libs/nowhere/__init__.py: no such file, but a model names the lib 'nowhere'$"
    ):
        digest(root)


def test_code_data_and_training_each_change_the_fingerprint(root: Path) -> None:
    spec = read_spec(root, "guess")
    bundle = build_bundle(root, spec)
    base = fingerprint(bundle, Pointer("a" * 32, "rows.csv"), spec)
    assert fingerprint(bundle, Pointer("b" * 32, "rows.csv"), spec) != base
    edit(root / "models/guess/model.yml", "depth: 3", "depth: 4")
    assert fingerprint(bundle, Pointer("a" * 32, "rows.csv"), read_spec(root, "guess")) != base
    (root / "models/guess/train.py").write_text("print(1)\n")
    assert fingerprint(build_bundle(root, spec), Pointer("a" * 32, "rows.csv"), spec) != base
