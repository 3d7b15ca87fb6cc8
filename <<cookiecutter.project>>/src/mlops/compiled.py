"""Keep compiled pipelines on this machine: importing the SageMaker SDK takes seconds, reading a file none.

S3 keeps them too, for everybody; this is for an account that begins empty, as each rehearsal does. A file is
named after all that decides its content, so it is never out of date, and may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Compiled:
    """A definition, and the objects that it speaks of by key: the SDK's training driver."""

    definition: str
    uploads: Mapping[str, bytes]


def read_compiled(digest: str) -> Compiled | None:
    """What was compiled before on this machine; None where that is nothing, or cannot be read."""
    try:
        record = json.loads(kept_at(digest).read_text(encoding="utf-8"))
        uploads = {key: b64decode(content, validate=True) for key, content in record["uploads"].items()}
        return Compiled(record["definition"], uploads)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep_compiled(digest: str, compiled: Compiled) -> None:
    """Write it for the next time; a cache that cannot be written is no reason to fail."""
    path = kept_at(digest)
    uploads = {key: b64encode(content).decode() for key, content in compiled.uploads.items()}
    partial = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps({"definition": compiled.definition, "uploads": uploads}))
        partial.replace(path)


def kept_at(digest: str) -> Path:
    """The user's cache, as the XDG base directories name it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mlops/pipelines" / f"{digest}.json"
