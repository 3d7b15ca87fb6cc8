"""Resolve requirements.lock anew for models: `python -m mlops.relock [MODEL …]`, or `make lock` for all.

What the image has installed constrains the resolution, so that a lock never replaces a framework inside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.bundle import LOCK
from mlops.errors import MlopsError
from mlops.project import find_root
from mlops.spec import read_spec
from mlops.workspace import list_models, require_model

if TYPE_CHECKING:
    from mlops.spec import Image

CONSTRAINTS = Path(__file__).parent / "scaffold/constraints"
OPTIONS = ("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url")
OLDEST_PYTHON = "3.11"


def relock(root: Path, model: str, upgrade: bool = False) -> None:
    """Write the lock of a model's requirements.in. Raises MlopsError with uv's last line."""
    folder = root / "models" / model
    constraints = constraints_of(read_spec(root, model).image)
    command = [*uv(), "pip", "compile", "--quiet", "--python-version", OLDEST_PYTHON, *OPTIONS]
    command += [*(["--upgrade"] if upgrade else []), *constraints, "requirements.in", "--output-file", LOCK]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no message"]
        raise MlopsError(f"models/{model}/requirements.in has no resolution: {said[-1].strip()}")


def constraints_of(image: Image) -> list[str]:
    """The option that names the image's own versions; nothing for an image given by URI."""
    if image.framework is None:
        return []
    return ["--constraint", str(CONSTRAINTS / f"{image.framework}-{image.version}.txt")]


def uv() -> list[str]:
    """uv, as a module of this interpreter."""
    return [sys.executable, "-m", "uv"]


def main() -> None:
    """Relock the models named, or every one."""
    root = find_root()
    for model in [require_model(root, name) for name in sys.argv[1:]] or list_models(root):
        relock(root, model, upgrade=bool(os.environ.get("UPGRADE")))


if __name__ == "__main__":
    main()
