"""The bundle: what a job or an endpoint runs, as one reproducible archive."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.digests import record_digest, sha256_hex
from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops.dataset import Pointer
    from mlops.spec import ModelSpec

SCRIPTS = ("prepare.py", "train.py", "evaluate.py", "inference.py")
LOCK = "requirements.lock"
REQUIREMENTS = "requirements.txt"  # the name that SageMaker's framework containers install
WHEELS = "wheels"
# Where wheels travel along, no index is asked, not by pip in an endpoint's container either
OFFLINE = f"--no-index\n--find-links {WHEELS}\n".encode()
LEFT_OUT = {"tests", "data", "sample", "__pycache__"}


@dataclass(frozen=True)
class Bundle:
    """A packed bundle. `digest` is over the tar, not the gzip: compressors differ between machines."""

    digest: str
    content: bytes

    @property
    def key(self) -> str:
        """Where it lies in the data bucket."""
        return f"code/{self.digest}.tar.gz"


def build_bundle(root: Path, spec: ModelSpec) -> Bundle:
    """Pack a model's scripts, its libs and its lock."""
    members = {name: path.read_bytes() for name, path in bundle_files(root, spec).items()}
    if any(name.startswith(f"{WHEELS}/") for name in members):
        members[REQUIREMENTS] = OFFLINE + members[REQUIREMENTS]
    tar = pack(members)
    return Bundle(sha256_hex(tar), gzip.compress(tar, mtime=0))


def bundle_files(root: Path, spec: ModelSpec) -> dict[str, Path]:
    """What goes into the bundle: name in the archive → file. Raises when something is missing."""
    folder = root / "models" / spec.model
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py") if belongs(path, folder)
    }
    files |= {f"{WHEELS}/{path.name}": path for path in folder.glob(f"{WHEELS}/*.whl")}
    files[REQUIREMENTS] = folder / LOCK
    for lib in spec.libs:
        files |= lib_files(root, lib)
    for name in (*SCRIPTS, REQUIREMENTS):
        if name not in files or not files[name].is_file():
            missing = LOCK if name == REQUIREMENTS else name
            raise UsageError(f"models/{spec.model}/{missing}: no such file; every model needs one")
    return files


def belongs(path: Path, folder: Path) -> bool:
    """Whether a file below a folder is code that runs in a job: tests and data never retrain."""
    return not LEFT_OUT.intersection(path.relative_to(folder).parts)


def lib_files(root: Path, lib: str) -> dict[str, Path]:
    """A lib's files, under its own name: `import <lib>` works in the job."""
    folder = root / "libs" / lib
    if not (folder / "__init__.py").is_file():
        raise UsageError(f"libs/{lib}/__init__.py: no such file, but a model names the lib {lib!r}")
    found = (path for path in folder.rglob("*") if path.is_file() and belongs(path, folder))
    return {f"{lib}/{path.relative_to(folder).as_posix()}": path for path in found if path.suffix != ".pyc"}


def pack(members: Mapping[str, bytes]) -> bytes:
    """A tar in which only names and contents count: sorted, no owner, no time, one mode."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(members[name]), 0o644
            tar.addfile(entry, io.BytesIO(members[name]))
    return buffer.getvalue()


def fingerprint(bundle: Bundle, data: Pointer, spec: ModelSpec) -> str:
    """What makes a run what it is: equal fingerprints need no second run."""
    return record_digest({"bundle": bundle.digest, "data": data.version, "train": spec.training_inputs()})


def changes_bundle(path: str, spec: ModelSpec) -> bool:
    """Whether a changed path of the project is part of a model's bundle."""
    parts = path.split("/")
    if parts[:2] == ["models", spec.model]:
        return in_model_bundle(parts[2:])
    in_lib = parts[0] == "libs" and len(parts) > 2 and parts[1] in spec.libs
    return in_lib and not LEFT_OUT.intersection(parts[2:-1])


def in_model_bundle(parts: list[str]) -> bool:
    """Whether a path below a model's folder travels in the bundle."""
    if parts in ([LOCK],) or (len(parts) == 2 and parts[0] == WHEELS):
        return True
    return bool(parts) and parts[-1].endswith(".py") and not LEFT_OUT.intersection(parts)
