"""Write archives whose bytes depend on their content alone: no times, owners, order or modes of a machine."""

import gzip
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import job

CODE = "code"


def model_archive(weights: Path, code: Path, added: Mapping[str, Path], target: Path) -> Path:
    """Pack weights at the top and the bundle's files under code/, as SageMaker's containers expect them.

    `added` are files that sealing puts beside the bundle's: the wrapper that serves, say.
    """
    if (weights / CODE).exists():
        raise job.JobError(
            f"train.py saved a {CODE}/ of its own in the model folder; that name is the bundle's"
        )
    taken = [name for name in added if (code / name).exists()]
    if taken:
        raise job.JobError(f"the model has a {taken[0]} of its own; sealing adds one of that name. Rename it")
    members = [(name, path) for name, path in files_of(weights)]
    members += [(f"{CODE}/{name}", path) for name, path in [*files_of(code), *added.items()]]
    return write(members, target)


def files_of(folder: Path) -> list[tuple[str, Path]]:
    """List the files below a folder by relative name."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    odd = [path.name for path in found if path.is_symlink() or not path.is_file()]
    if odd:
        raise job.JobError(f"{odd[0]!r} is not a plain file; only plain files can be sealed")
    return [(path.relative_to(folder).as_posix(), path) for path in found]


def write(members: Iterable[tuple[str, Path]], target: Path, level: int = 6) -> Path:
    """Write a .tar.gz of files, sorted by name."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=level, fileobj=raw, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = path.stat().st_size, 0o644, 0
            with path.open("rb") as content:
                tar.addfile(entry, content)
    return target
