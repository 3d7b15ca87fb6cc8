"""A sandbox for as long as a benchmark runs, with an image that holds nothing but Python."""

from __future__ import annotations

import io
import sys
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from measure import run
from publish import exports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/empty:1"


@contextmanager
def served(root: Path) -> Iterator[dict[str, str]]:
    """The environment in which AWS is this machine."""
    environment = {"PYTHONPATH": f"{root}/src:{root}/libs:{root}"}
    (root / "images").mkdir()
    (root / "images/empty-1.txt").write_text("# nothing but Python and pip\n")
    sandbox = [sys.executable, "-m", "sandbox"]
    run([*sandbox, "up", "--detach", "--images", "images"], root, **environment)
    try:
        yield environment | exports(run([*sandbox, "env"], root, **environment))
    finally:
        run([*sandbox, "down"], root, **environment)


def archive(handler: str) -> bytes:
    """A sealed archive as small as one can be: no weights, one handler."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(handler.encode())
        tar.addfile(entry, io.BytesIO(handler.encode()))
    return buffer.getvalue()
