"""What trails wrote, kept on disk when the server ends: the folder that `mlops audit --trail` reads."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from sandbox import access
from sandbox.cloudtrail.records import STAMP

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sandbox.cloudtrail.keys import Keyring

META = "x-amz-meta-"


def keep(bucket: str, folder: Path, keyring: Keyring, now: datetime) -> None:
    """Copy a bucket as it is, altered or not, with the signatures and the public keys beside it."""
    objects = _objects(bucket)
    for key, stored in objects.items():
        _write(folder / key, stored.value)
    signatures = {key: _metadata(stored) for key, stored in objects.items() if "/CloudTrail-Digest/" in key}
    _add(folder / "signatures.json", signatures)
    _add(folder / "keys.json", {region: _published(keyring, region) for region in keyring.regions})
    _write(folder / "fetched.json", json.dumps({"bucket": bucket, "at": now.strftime(STAMP)}).encode())


def _metadata(stored: Any) -> dict[str, str]:
    """What a client reads as an object's metadata; moto keeps other headers beside it."""
    found = {name.lower(): value for name, value in stored.metadata.items()}
    return {name.removeprefix(META): value for name, value in found.items() if name.startswith(META)}


def _objects(bucket: str) -> dict[str, Any]:
    owner = access.bucket_owner(bucket)
    found = s3_backends[owner]["aws"].buckets.get(bucket) if owner else None
    return {key: stored for key, stored in found.keys.items() if hasattr(stored, "value")} if found else {}


def _published(keyring: Keyring, region: str) -> list[dict[str, Any]]:
    return [key.as_text() for key in keyring.of(region)]


def _add(path: Path, members: dict[str, Any]) -> None:
    """Add members to a JSON file: the lives of a server before had some too."""
    known: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(path.read_text(encoding="utf-8"))
    _write(path, json.dumps({**known, **members}, separators=(",", ":")).encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.rename(path)
