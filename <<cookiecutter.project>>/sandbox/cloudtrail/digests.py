"""Log files and digests as CloudTrail lays them out: names, contents, and what a signature covers."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.cloudtrail.records import STAMP

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

LETTERS = string.ascii_letters + string.digits
ALGORITHM = "SHA256withRSA"


@dataclass(frozen=True)
class Place:
    """Whose trail, and for which region, files are."""

    bucket: str
    prefix: str
    account: str
    trail: str
    home: str
    region: str

    def folder(self, kind: str, moment: datetime) -> str:
        root = f"{self.prefix}/AWSLogs" if self.prefix else "AWSLogs"
        return f"{root}/{self.account}/{kind}/{self.region}/{moment:%Y/%m/%d}/{self.account}_{kind}"

    def log_key(self, moment: datetime) -> str:
        unique = "".join(secrets.choice(LETTERS) for _ in range(16))
        return f"{self.folder('CloudTrail', moment)}_{self.region}_{moment:%Y%m%dT%H%MZ}_{unique}.json.gz"

    def digest_key(self, end: datetime) -> str:
        folder = self.folder("CloudTrail-Digest", end)
        return f"{folder}_{self.region}_{self.trail}_{self.home}_{end:%Y%m%dT%H%M%SZ}.json.gz"


@dataclass(frozen=True)
class LogFile:
    """One delivered log file, as a digest lists it."""

    bucket: str
    key: str
    sha256: str
    oldest: str
    newest: str

    def listed(self) -> dict[str, str]:
        return {
            "s3Bucket": self.bucket,
            "s3Object": self.key,
            "hashValue": self.sha256,
            "hashAlgorithm": "SHA-256",
            "newestEventTime": self.newest,
            "oldestEventTime": self.oldest,
        }


@dataclass(frozen=True)
class Link:
    """What a digest says of the one before it."""

    bucket: str
    key: str
    sha256: str
    signature: str


@dataclass(frozen=True)
class Digest:
    """What was delivered between two moments."""

    place: Place
    start: datetime
    end: datetime
    logs: Sequence[LogFile]
    last: Link | None

    @property
    def key(self) -> str:
        return self.place.digest_key(self.end)

    def content(self, fingerprint: str) -> bytes:
        """The document; the first of a chain names no digest before it."""
        last = self.last
        return compact(
            {
                "awsAccountId": self.place.account,
                "digestStartTime": self.start.strftime(STAMP),
                "digestEndTime": self.end.strftime(STAMP),
                "digestS3Bucket": self.place.bucket,
                "digestS3Object": self.key,
                "digestPublicKeyFingerprint": fingerprint,
                "digestSignatureAlgorithm": ALGORITHM,
                "newestEventTime": max((log.newest for log in self.logs), default=None),
                "oldestEventTime": min((log.oldest for log in self.logs), default=None),
                "previousDigestS3Bucket": last.bucket if last else None,
                "previousDigestS3Object": last.key if last else None,
                "previousDigestHashValue": last.sha256 if last else None,
                "previousDigestHashAlgorithm": "SHA-256" if last else None,
                "previousDigestSignature": last.signature if last else None,
                "logFiles": [log.listed() for log in self.logs],
            }
        )

    def signed_text(self, content: bytes) -> bytes:
        """What the signature covers: when, where, what, and the signature before."""
        before = self.last.signature if self.last else "null"
        lines = (self.end.strftime(STAMP), f"{self.place.bucket}/{self.key}", sha256(content), before)
        return "\n".join(lines).encode()


def log_content(lines: Sequence[bytes]) -> bytes:
    """Records, already JSON, as one log file."""
    return b'{"Records":[' + b",".join(lines) + b"]}"


def compact(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pack(content: bytes) -> bytes:
    return gzip.compress(content, 6)
