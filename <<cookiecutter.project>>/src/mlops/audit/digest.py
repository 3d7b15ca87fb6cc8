"""One digest: parse it, and verify that CloudTrail signed it at this place in this bucket.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlops.audit.store import parse_time
from mlops.audit.unpack import UnpackError, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from mlops.audit.layout import DigestKey

SPARE = timedelta(days=1)  # a key signs the digest of an hour some time after it


class DigestError(ValueError):
    """A digest that proves nothing; the message says why."""


@dataclass(frozen=True)
class Listed:
    """A log file that a digest vouches for."""

    key: str
    sha256: str
    digest: str


@dataclass(frozen=True)
class Digest:
    """A verified digest."""

    place: DigestKey
    start: datetime
    end: datetime
    sha256: str
    signature: str
    previous_key: str
    previous_sha256: str
    previous_signature: str
    logs: tuple[Listed, ...]


@dataclass(frozen=True)
class PublicKey:
    """A public key of CloudTrail in a region."""

    key: RSAPublicKey
    since: datetime | None
    until: datetime | None


def read_digest(
    place: DigestKey, packed: bytes, metadata: object, keys: Mapping[tuple[str, str], PublicKey], bucket: str
) -> Digest:
    """Parse and verify. Raises DigestError for a digest that cannot be trusted."""
    try:
        content = unpack(packed)
        document = json.loads(content)
    except (UnpackError, ValueError) as error:
        raise DigestError(f"cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise DigestError("cannot be read: it is no object")
    signature = metadata.get("signature") if isinstance(metadata, dict) else None
    if not isinstance(signature, str):
        raise DigestError(
            "has no signature beside it; a plain copy of the bucket loses it: mlops audit --fetch"
        )
    digest = hashlib.sha256(content).hexdigest()
    verify(place, document, digest, signature, keys)
    require_place(place, document, bucket)
    return parse_document(place, document, digest, signature)


def require_place(place: DigestKey, document: Mapping[str, Any], bucket: str) -> None:
    """Raise unless a digest says that it belongs where it lies: another's may be validly signed too."""
    found = (document.get("digestS3Bucket"), document.get("digestS3Object"), document.get("awsAccountId"))
    if found != (bucket, place.key, place.source.account):
        raise DigestError(f"was moved: it says 's3://{found[0]}/{found[1]}' of account {found[2]!r}")


def verify(
    place: DigestKey,
    document: Mapping[str, Any],
    digest: str,
    signature: str,
    keys: Mapping[tuple[str, str], PublicKey],
) -> None:
    """Raise unless the signature is that of a key which CloudTrail publishes for the region."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    fingerprint = document.get("digestPublicKeyFingerprint")
    public = keys.get((place.source.region, str(fingerprint)))
    if public is None:
        raise DigestError(
            f"was signed by key {fingerprint!r}, which keys.json does not have for {place.source.region}"
        )
    previous = document.get("previousDigestSignature")
    text = "\n".join(
        [
            str(document.get("digestEndTime")),
            f"{document.get('digestS3Bucket')}/{document.get('digestS3Object')}",
            digest,
            "null" if previous is None else str(previous),
        ]
    )
    try:
        public.key.verify(bytes.fromhex(signature), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        raise DigestError("has a wrong signature: it was altered, or CloudTrail did not write it") from None
    if not place.is_backfill and not was_valid(public, place.end):
        raise DigestError(f"was signed by key {fingerprint!r}, which was not valid then")


def was_valid(key: PublicKey, moment: datetime) -> bool:
    """Whether a key was valid about then."""
    after = key.since is None or key.since - SPARE <= moment
    return after and (key.until is None or moment <= key.until + SPARE)


def parse_document(place: DigestKey, document: Mapping[str, Any], digest: str, signature: str) -> Digest:
    """The members that matter. Raises DigestError where one is missing."""
    start, end = parse_time(document.get("digestStartTime")), parse_time(document.get("digestEndTime"))
    files = document.get("logFiles")
    if start is None or end is None or start >= end or not isinstance(files, list):
        raise DigestError("lacks digestStartTime, digestEndTime or logFiles")
    bucket = document["digestS3Bucket"]
    return Digest(
        place,
        start,
        end,
        digest,
        signature,
        str(document.get("previousDigestS3Object") or ""),
        str(document.get("previousDigestHashValue") or ""),
        str(document.get("previousDigestSignature") or ""),
        tuple(parse_listed(entry, place.key, bucket) for entry in files),
    )


def parse_listed(entry: object, digest: str, bucket: str) -> Listed:
    """One entry of a digest's list."""
    found = entry if isinstance(entry, dict) else {}
    if found.get("s3Bucket") != bucket or found.get("hashAlgorithm") != "SHA-256":
        raise DigestError(
            f"lists {found.get('s3Object')!r} of another bucket, or by another hash than SHA-256"
        )
    return Listed(str(found.get("s3Object")), str(found.get("hashValue")), digest)


def load_keys(document: Mapping[str, Any]) -> dict[tuple[str, str], PublicKey]:
    """The public keys of keys.json by region and fingerprint; entries that are none are left out."""
    found = {}
    for region, entries in document.items():
        for entry in entries if isinstance(entries, list) else []:
            key = load_key(entry)
            if key:
                found[(region, str(entry.get("Fingerprint")))] = key
    return found


def load_key(entry: object) -> PublicKey | None:
    """One public key: base64 of DER PKCS#1."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if not isinstance(entry, dict):
        return None
    try:
        key = load_der_public_key(base64.b64decode(str(entry.get("Value"))))
    except ValueError:
        return None
    if not isinstance(key, RSAPublicKey):
        return None
    return PublicKey(
        key, parse_time(entry.get("ValidityStartTime")), parse_time(entry.get("ValidityEndTime"))
    )
