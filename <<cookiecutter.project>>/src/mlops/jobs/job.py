"""What every job program does: find its inputs, run the model's scripts, say in one line why it failed.

Job programs travel as plain files into the framework image: standard library, Python 3.10 or newer,
and nothing of `mlops`.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import needs

# Both kinds of job mount the programs three levels deep: processing/input/jobs and input/data/jobs.
ML = Path(__file__).absolute().parents[3]
REASON_LIMIT = 1000  # SageMaker keeps 1 KB of it


class Readable(Protocol):
    """A file, a gzip file or a download."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


class JobError(Exception):
    """The job cannot succeed; the message is the reason that SageMaker shows."""


@dataclass(frozen=True)
class Code:
    """A bundle's files and the environment in which they run."""

    folder: Path
    environment: Mapping[str, str]


def guarded(work: Callable[[], None], reason_file: Path) -> None:
    """Run a job; when it fails leave the reason where SageMaker looks and exit with status 1."""
    try:
        work()
    except JobError as error:
        write_reason(reason_file, str(error))
        sys.exit(str(error))
    except Exception as error:
        write_reason(reason_file, f"{type(error).__name__}: {error}")
        raise


def write_reason(path: Path, reason: str) -> None:
    """Write one reason, cut to what SageMaker keeps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(reason.encode()[:REASON_LIMIT])


def read_json(path: Path) -> Any:
    """Read a file that must be there and be JSON."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise JobError(f"{path.name} in {path.parent.name}/ cannot be read as JSON: {error}") from error


def read_spec(folder: Path) -> Any:
    """Read the one resolved spec in an input folder."""
    return read_json(the_only(folder, "*.json"))


def the_only(folder: Path, pattern: str) -> Path:
    """Return the single file of an input that should hold exactly one."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise JobError(f"input {folder.name!r} must hold exactly one {pattern}, found {names}")
    return found[0]


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Hash a file of any size."""
    with path.open("rb") as content:
        return hash_stream(content, algorithm)


def tar_digest(archive: Path) -> str:
    """Hash the tar inside a .tar.gz: compressors of equal content differ between machines."""
    try:
        with gzip.open(archive) as content:
            return hash_stream(content, "sha256")
    except (OSError, EOFError, zlib.error) as error:
        raise JobError(f"{archive.name} is not a whole gzip file: {error}") from error


def hash_stream(content: Readable, algorithm: str) -> str:
    """Hash without holding more than a block in memory."""
    total = hashlib.new(algorithm, usedforsecurity=False)
    while block := content.read(1 << 20):
        total.update(block)
    return total.hexdigest()


def unpack(archive: Path, folder: Path) -> Path:
    """Extract an archive; links and names that leave the folder are refused by tarfile's data filter."""
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise JobError(f"{archive.name} cannot be unpacked: {error}") from error
    return folder


def unpack_weights(source: Path, folder: Path) -> Path:
    """Unpack the model to judge or seal; of an archive that was sealed before only the weights count."""
    weights = unpack(the_only(source, "*.tar.gz"), folder)
    if (weights / "code/identity.json").is_file():
        shutil.rmtree(weights / "code")
    return weights


def unpack_bundle(source: Path, folder: Path) -> Path:
    """Unpack the bundle after checking that its content is what its name promises."""
    archive = the_only(source, "*.tar.gz")
    found = tar_digest(archive)
    if found != archive.name.removesuffix(".tar.gz"):
        raise JobError(f"bundle {archive.name} holds a tar of sha256 {found}, not the one its name promises")
    return unpack(archive, folder)


def open_bundle(source: Path, work: Path, handed: Path | None = None) -> Code:
    """Unpack the bundle and make it runnable."""
    return code_in(unpack_bundle(source, work / "bundle"), work / "site", handed)


def code_in(folder: Path, site: Path, handed: Path | None = None) -> Code:
    """Make unpacked code runnable: what the lock names and the image lacks goes to a folder of its own.

    `handed` is what the first job of the run installed; it serves where it is of this very lock.
    """
    try:
        missing = needs.missing(folder)
        ready = handed / f"{needs.identity(missing)}.tar.gz" if handed else None
        if missing and ready and ready.is_file():
            unpack(ready, site)
        elif missing:
            needs.install(missing, folder, site)
    except needs.NeedsError as error:
        raise JobError(str(error)) from error
    paths = [str(folder), str(site), os.environ.get("PYTHONPATH", "")]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
    return Code(folder, {**os.environ, **environment})


def run_script(code: Code, arguments: Sequence[str | Path], **extra: str) -> None:
    """Run a Python program in the bundle's folder, streaming; its last line on stderr is the reason."""
    command = [sys.executable, *map(str, arguments)]
    environment = {**code.environment, **extra}
    last = ""
    with subprocess.Popen(command, cwd=code.folder, env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None  # noqa: S101  (Popen was told to make the pipe)
        for line in process.stderr:
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
            last = line.decode(errors="replace").strip() or last
    if process.returncode:
        name = Path(arguments[0]).name
        raise JobError(f"{name}: {last or f'exit status {process.returncode}, nothing on stderr'}")
