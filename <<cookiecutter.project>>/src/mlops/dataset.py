"""A dataset version: a DVC pointer, the objects it stands for, the manifest that jobs verify.

Formats: https://dvc.org/doc/user-guide/project-structure/dvc-files and …/internal-files (`.dir` objects).
"""

from __future__ import annotations

import configparser
import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops.documents import parse_yaml
from mlops.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.spec import ModelSpec

HASH = re.compile(r"^[0-9a-f]{32}(\.dir)?$")
REMOTE_SECTION = re.compile(r"""^'remote "(?P<name>.+)"'$""")


@dataclass(frozen=True)
class Pointer:
    """What a .dvc file says: the version (DVC's hash) and the natural name of the data."""

    version: str
    name: str

    @property
    def is_folder(self) -> bool:
        """Whether the data is a folder: its hash then names a listing."""
        return self.version.endswith(".dir")


@dataclass(frozen=True)
class DataFile:
    """One file of a dataset version: where it belongs and its MD5."""

    path: str
    md5: str


@dataclass(frozen=True)
class Remote:
    """The S3 remote that `dvc push` fills."""

    bucket: str
    prefix: str

    def key(self, md5: str) -> str:
        """Where DVC keeps the object of a hash."""
        parts = [self.prefix, "files", "md5", md5[:2], md5[2:]]
        return "/".join(part for part in parts if part)


def read_pointer(root: Path, spec: ModelSpec) -> Pointer:
    """Read the model's .dvc file."""
    where = pointer_path(spec)
    try:
        text = (root / where).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"{where}: no such file, but models/{spec.model}/model.yml names it. Make it: dvc add "
            f"{where[: -len('.dvc')]}"
        ) from None
    return parse_pointer(text, where)


def pointer_path(spec: ModelSpec) -> str:
    """The .dvc file below the project."""
    return f"models/{spec.model}/{spec.data.pointer}"


def parse_pointer(text: str, where: str) -> Pointer:
    """Parse a .dvc file with the one output that `dvc add` writes."""
    content = parse_yaml(text, where)
    outs = content.get("outs") if isinstance(content, dict) else None
    if not isinstance(outs, list) or len(outs) != 1 or not isinstance(outs[0], dict):
        raise UsageError(f"{where}: needs exactly one entry under 'outs', as `dvc add` writes it")
    version, name = outs[0].get("md5"), outs[0].get("path")
    if not isinstance(version, str) or not HASH.match(version):
        raise UsageError(f"{where}: outs[0].md5: found {version!r}; allowed: 32 hex digits, with .dir")
    if not isinstance(name, str) or "/" in name or name in {"", ".", ".."}:
        raise UsageError(f"{where}: outs[0].path: found {name!r}; allowed: a name beside the pointer")
    return Pointer(version, name)


def parse_listing(content: bytes, where: str) -> list[DataFile]:
    """Parse DVC's `.dir` object: a JSON list of {md5, relpath}, here in path order."""
    try:
        files = [DataFile(entry["relpath"], entry["md5"]) for entry in json.loads(content)]
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{where}: is not a DVC folder listing: {error!r}. Push it again: dvc push"
        ) from None
    for file in files:
        parts = PurePosixPath(file.path).parts
        if not HASH.match(file.md5) or not parts or parts[0] == "/" or ".." in parts:
            raise UsageError(
                f"{where}: lists {file.path!r} with hash {file.md5!r}, which is not a file of a folder"
            )
    return sorted(files, key=lambda file: file.path)


def read_remote(root: Path) -> Remote:
    """The default S3 remote of .dvc/config."""
    where = ".dvc/config"
    parser = configparser.ConfigParser(interpolation=None)
    if not parser.read(root / where, encoding="utf-8"):
        raise UsageError(f"{where}: no such file. Make it: dvc init")
    name = parser.get("core", "remote", fallback=None)
    url = next(
        (parser.get(section, "url", fallback="") for section in parser.sections() if named(section, name)), ""
    )
    if not url.startswith("s3://"):
        raise UsageError(f"{where}: default remote {name!r} has url {url!r}; allowed: s3://<bucket>/<prefix>")
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return Remote(bucket, prefix.strip("/"))


def named(section: str, remote: str | None) -> bool:
    """Whether a section of .dvc/config describes the remote of that name."""
    match = REMOTE_SECTION.match(section)
    return match is not None and match["name"] == remote


def dataset_prefix(model: str, version: str) -> str:
    """The folder of a published version in the data bucket, with its closing slash."""
    return f"datasets/{model}/{version}/"


def build_manifest(model: str, version: str, files: list[dict[str, Any]]) -> bytes:
    """manifest.json: `files` are {path, size (bytes), md5, sha256 or None}, kept in path order."""
    ordered = sorted(files, key=lambda file: str(file["path"]))
    manifest = {"schema": 1, "dataset": model, "version": version, "files": ordered}
    return json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n"
