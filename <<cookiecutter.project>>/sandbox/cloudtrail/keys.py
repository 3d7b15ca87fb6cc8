"""The keys that sign digests: one pair at a time and region, each valid for a month, kept between lives."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.cloudtrail.records import STAMP

if TYPE_CHECKING:
    from pathlib import Path

BITS = 2048
VALID = timedelta(days=30)
FILE_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class SigningKey:
    """One key pair of a region, valid from `since` to `until`."""

    private: rsa.RSAPrivateKey
    since: datetime

    @property
    def until(self) -> datetime:
        return self.since + VALID

    @property
    def public(self) -> bytes:
        """DER PKCS#1, as ListPublicKeys gives it."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.PKCS1
        )

    @property
    def fingerprint(self) -> str:
        return hashlib.md5(self.public, usedforsecurity=False).hexdigest()

    def sign(self, text: bytes) -> str:
        return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256()).hex()

    def described(self) -> dict[str, Any]:
        return {
            "Value": self.public,
            "ValidityStartTime": self.since,
            "ValidityEndTime": self.until,
            "Fingerprint": self.fingerprint,
        }

    def as_text(self) -> dict[str, str]:
        """The description as ListPublicKeys writes it in JSON."""
        return {
            "Value": base64.b64encode(self.public).decode(),
            "ValidityStartTime": self.since.strftime(STAMP),
            "ValidityEndTime": self.until.strftime(STAMP),
            "Fingerprint": self.fingerprint,
        }


class Keyring:
    """All keys, in one folder: `<region>-<since>.pem`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._keys: dict[str, list[SigningKey]] = {}
        for path in sorted(folder.glob("*.pem")):
            region, _, since = path.stem.rpartition("-")
            self._keys.setdefault(region, []).append(_read(path, since))

    @property
    def regions(self) -> list[str]:
        return sorted(self._keys)

    def at(self, region: str, moment: datetime) -> SigningKey:
        """The key that signs at a moment, made when there is none."""
        with self._lock:
            known = self._keys.setdefault(region, [])
            found = next((key for key in reversed(known) if key.since <= moment < key.until), None)
            if found is None:
                since = moment.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
                found = self._make(region, since)
                known.append(found)
            return found

    def of(self, region: str) -> list[SigningKey]:
        with self._lock:
            return list(self._keys.get(region, []))

    def published(self, region: str, start: datetime, end: datetime) -> list[SigningKey]:
        """The keys that were valid at some time between two."""
        return [key for key in self.of(region) if key.since <= end and start <= key.until]

    def _make(self, region: str, since: datetime) -> SigningKey:
        private = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        text = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._folder / f"{region}-{since:{FILE_STAMP}}.pem"
        partial = path.with_suffix(".partial")
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123  # a mode from the start
            file.write(text)
        partial.rename(path)
        return SigningKey(private, since)


def _read(path: Path, since: str) -> SigningKey:
    private = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(private, rsa.RSAPrivateKey)  # noqa: S101  # _make() wrote it
    return SigningKey(private, datetime.strptime(since, FILE_STAMP).replace(tzinfo=UTC))
