"""Takes files out of a build: the selections of a buildspec, packed and put where the project says."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.codebuild.buildspec import Selection

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say


class ArtifactError(Exception):
    """Files that are to be taken out and are not there."""


@dataclass(frozen=True)
class Taken:
    """A file of a build, and the name that it has in what is made of it."""

    path: Path
    name: str


def select(selection: Selection, source: Path) -> list[Taken]:
    """The files that a selection names, in the order of their names."""
    base = source / selection.base if selection.base else source
    if not base.is_dir():
        raise ArtifactError(f"no matching base directory path found for {selection.base}")
    found: dict[str, Taken] = {}
    for pattern in selection.files:
        for path in _matches(base, pattern):
            relative = path.relative_to(base).as_posix()
            if not any(fnmatch.fnmatchcase(relative, each) for each in selection.exclude):
                name = path.name if selection.discard_paths else relative
                found[name] = Taken(path, name)
    if not found:
        raise ArtifactError(f"no matching artifact paths found: {', '.join(selection.files)}")
    return [found[name] for name in sorted(found)]


def _matches(base: Path, pattern: str) -> list[Path]:
    """Files that a pattern means; a folder's name means the folder's own files alone on CodeBuild, too."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise ArtifactError(f"{pattern!r} is not below the base directory")
    inside = base.resolve()
    return [
        path
        for path in sorted(base.glob(pattern))
        if path.is_file() and path.resolve().is_relative_to(inside)
    ]


def pack(files: list[Taken]) -> bytes:
    """A zip of files, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, EPOCH)
            entry.external_attr = (file.path.stat().st_mode & 0o777) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.path.read_bytes())
    return buffer.getvalue()


def put(s3: Any, target: dict[str, Any], files: list[Taken], build: dict[str, Any]) -> dict[str, str]:
    """Put an artifact where the project wants it; what the build's record says of it."""
    key, bucket = key_of(target, build), target["location"]
    sealed = encryption(str(build.get("encryptionKey", "")), target)
    if target["type"] == "S3" and target.get("packaging", "NONE") == "NONE":
        for file in files:
            s3.put_object(Bucket=bucket, Key=f"{key}/{file.name}", Body=file.path.read_bytes(), **sealed)
        return {"location": f"arn:aws:s3:::{bucket}/{key}"}
    body = pack(files)
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/zip", **sealed)
    return {
        "location": f"arn:aws:s3:::{bucket}/{key}",
        "sha256sum": hashlib.sha256(body).hexdigest(),
        "md5sum": hashlib.md5(body, usedforsecurity=False).hexdigest(),
    }


def key_of(target: dict[str, Any], build: dict[str, Any]) -> str:
    """`path/build id/name`, as far as each is asked for; a pipeline's artifact has its key as path."""
    if target["type"] == "CODEPIPELINE":
        return str(target["path"])
    identifier = build["id"].partition(":")[2] if target.get("namespaceType") == "BUILD_ID" else ""
    parts = (str(target.get("path", "")).strip("/"), identifier, str(target.get("name", "")).strip("/"))
    return "/".join(part for part in parts if part)


def encryption(key: str, target: dict[str, Any]) -> dict[str, str]:
    """How S3 is told to encrypt: by the project's key, or by the bucket's own."""
    if not key or target.get("encryptionDisabled"):
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
