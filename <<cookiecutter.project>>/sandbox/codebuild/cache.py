"""Keeps files from one build of a project to the next: on this machine, or in S3."""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = "root"
ROOT_HOME = f"/{ROOT}/"  # the home of CodeBuild's own images; a build's here is another folder


@dataclass(frozen=True)
class Roots:
    """Where the patterns of a cache may point."""

    source: Path
    home: Path


class Store(Protocol):
    """Where a cache is kept."""

    def read(self) -> bytes | None:
        """What was kept; None before the first time."""

    def write(self, body: bytes) -> None:
        """Keep it."""


@dataclass(frozen=True)
class Local:
    """On the machine that builds: this one."""

    path: Path

    def read(self) -> bytes | None:
        with contextlib.suppress(FileNotFoundError):
            return self.path.read_bytes()
        return None

    def write(self, body: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(body)


@dataclass(frozen=True)
class InBucket:
    """In S3, put and read as the build's role."""

    s3: Any
    bucket: str
    key: str

    def read(self) -> bytes | None:
        try:
            return bytes(self.s3.get_object(Bucket=self.bucket, Key=self.key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def write(self, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=body)


def store_of(cache: dict[str, Any], project: str, key: str, s3: Any, folder: Path) -> Store | None:
    """The store that a project names; None where it keeps nothing."""
    name = hashlib.sha256(f"{project} {key}".encode()).hexdigest()[:32]
    if cache.get("type") == "S3":
        bucket, _, prefix = str(cache.get("location", "")).partition("/")
        return InBucket(s3, bucket, f"{prefix.strip('/')}/{name}.tar.gz".lstrip("/"))
    if cache.get("type") == "LOCAL" and "LOCAL_CUSTOM_CACHE" in cache.get("modes", []):
        return Local(folder / f"{name}.tar.gz")
    return None


def save(patterns: tuple[str, ...], roots: Roots) -> bytes:
    """Pack the files of a cache."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for pattern in patterns:
            for path, name in _files(pattern, roots):
                tar.add(path, name, recursive=False)
    return buffer.getvalue()


def _files(pattern: str, roots: Roots) -> Iterator[tuple[Path, str]]:
    absolute = pattern.startswith("/")
    if absolute and not pattern.startswith(ROOT_HOME):
        return
    base, kind = (roots.home, "home") if absolute else (roots.source, "source")
    wanted = pattern.removeprefix(ROOT_HOME)
    wanted = f"{wanted.rstrip('/')}/**/*" if (base / wanted).is_dir() else wanted
    for path in sorted(base.glob(wanted)):
        if path.is_file() or path.is_symlink():
            yield path, f"{kind}/{path.relative_to(base).as_posix()}"


def restore(body: bytes, roots: Roots) -> int:
    """Unpack a cache; how many files it had."""
    count = 0
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        for member in tar.getmembers():
            kind, _, member.name = member.name.partition("/")
            tar.extract(member, roots.home if kind == "home" else roots.source, filter="data")
            count += 1
    return count
