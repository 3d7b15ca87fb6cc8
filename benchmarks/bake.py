"""`cookiecutter` with default answers, beside copying the payload as it stands."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter
from measure import PAYLOAD, REPOSITORY, Result, median_seconds


def bake() -> None:
    """Generate a project into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        cookiecutter(str(REPOSITORY), no_input=True, output_dir=folder, default_config=True)


def copy() -> None:
    """What a user without a template does: copy a project and edit it."""
    ignore = shutil.ignore_patterns("__pycache__", ".*_cache", ".venv", ".sandbox")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(PAYLOAD, Path(folder) / "copy", ignore=ignore)


if __name__ == "__main__":
    print(Result("bake", median_seconds(bake), "copy the folder", median_seconds(copy), budget=0.5))
