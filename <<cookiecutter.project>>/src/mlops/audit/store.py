"""The folder that an audit reads: a copy of the trail's bucket, the public keys, the evidence.

AWSLogs/…             the bucket's objects under their keys (a prefix may stand before)
signatures.json       digest key → its object's metadata, which a plain copy of the bucket loses
keys.json             region → what ListPublicKeys answered there
evidence/…            what `deploy` wrote, under its key
fetched.json          from which bucket all this came, and when
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlops.audit.layout import DigestKey, LogKey, parse_key
from mlops.errors import UsageError

SIGNATURES, KEYS, FETCHED = "signatures.json", "keys.json", "fetched.json"


@dataclass(frozen=True)
class Store:
    """What lies in the folder, by key, in key order."""

    root: Path
    digests: tuple[DigestKey, ...]
    logs: tuple[LogKey, ...]
    strange: tuple[str, ...]
    signatures: dict[str, Any]
    keys: dict[str, Any]
    bucket: str
    fetched: datetime | None

    def read(self, key: str) -> bytes:
        """An object's bytes."""
        return (self.root / key).read_bytes()


def open_store(root: Path, keys: Path | None = None) -> Store:
    """Look at a folder; nothing is unpacked yet."""
    if not root.is_dir():
        raise UsageError(
            f"{str(root)!r} is no folder; there is nothing to audit. Bring it first: mlops audit --fetch"
        )
    found = [(key, parse_key(key)) for key in list_keys(root)]
    fetched = read_json(root / FETCHED, {})
    return Store(
        root,
        tuple(place for _, place in found if isinstance(place, DigestKey)),
        tuple(place for _, place in found if isinstance(place, LogKey)),
        tuple(key for key, place in found if place is None and is_claimed(key)),
        read_json(root / SIGNATURES, {}),
        read_json(keys or root / KEYS, {}),
        str(fetched.get("bucket", "")),
        parse_time(fetched.get("at")),
    )


def list_keys(root: Path) -> list[str]:
    """The keys of all objects below AWSLogs, in order."""
    found = []
    for folder, names, files in os.walk(root):
        names.sort()
        inside = Path(folder).relative_to(root).as_posix()
        if "AWSLogs/" in f"{inside}/":
            found += [f"{inside}/{name}" for name in files]
    return sorted(found)


def is_claimed(key: str) -> bool:
    """Whether a key without a known form stands where only logs and digests belong."""
    return key.endswith(".json.gz") and ("/CloudTrail/" in key or "/CloudTrail-Digest/" in key)


def read_json(path: Path, default: dict[str, Any]) -> dict[str, Any]:
    """A JSON object; `default` where the file is missing."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: is not JSON: {error}. Bring it anew: mlops audit --fetch") from None
    if not isinstance(found, dict):
        raise UsageError(
            f"{path}: holds {type(found).__name__}, not an object; bring it anew: mlops audit --fetch"
        )
    return found


def parse_time(text: object) -> datetime | None:
    """A time as AWS writes it; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
