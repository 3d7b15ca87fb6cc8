"""SHA-256 over canonical JSON (RFC 8785): what moves is addressed by what it is."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

PREFIX = "sha256:"


def sha256_hex(content: bytes) -> str:
    """64 hexadecimal characters."""
    return hashlib.sha256(content).hexdigest()


def canonical_json(record: Any) -> bytes:
    """RFC 8785 bytes of a record of strings, integers, booleans, lists and mappings."""
    return rfc8785.dumps(record)


def record_digest(record: Any) -> str:
    """The hex SHA-256 of a record's canonical bytes."""
    return sha256_hex(canonical_json(record))
