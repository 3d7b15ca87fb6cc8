"""An /opt/ml for every job, and the programs importable as they import each other."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.layout import (
    EVALUATION,
    JOBS,
    PROFILE,
    SPEC,
    write_archive,
    write_bundle,
    write_dataset,
    write_files,
    write_json,
)


@pytest.fixture(autouse=True)
def programs_on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Import the programs as they import each other; forget them again, their names are short."""
    names = {path.stem for path in JOBS.glob("*.py")}
    kept = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    monkeypatch.syspath_prepend(str(JOBS))
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(kept)


@pytest.fixture
def ml(tmp_path: Path) -> Path:
    """An /opt/ml with every input that any of the jobs reads."""
    root = tmp_path / "ml"
    inputs = root / "processing/input"
    write_bundle(inputs / "bundle")
    write_bundle(root / "input/data/bundle")
    write_dataset(inputs / "data", {"rows.csv": b"x\n1\n2\n"})
    write_json(inputs / "spec/5bec.json", SPEC)
    write_files(root / "input/data/train", {"features.csv": b"x\n1\n2\n"})
    (root / "input/data/validation").mkdir()
    write_files(inputs / "test", {"features.csv": b"x\n1\n2\n", "truth.csv": b"y\n1\n2\n"})
    write_json(inputs / "test/overlap.json", {"shared": 0, "files": 1})
    write_json(inputs / "test/profile.json", PROFILE)
    write_archive(inputs / "model/model.tar.gz", {"offset.txt": b"0.5"})
    write_json(inputs / "champion/none.json", {})
    write_json(inputs / "evaluation/evaluation.json", EVALUATION)
    for jobs in (inputs / "jobs", root / "input/data/jobs"):
        shutil.copytree(JOBS, jobs, ignore=shutil.ignore_patterns("__pycache__"))
    return root
