"""The keys that CloudTrail would sign with: made here, published as ListPublicKeys does."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from datetime import datetime

BITS = 2048


@dataclass(frozen=True)
class SigningKey:
    """One RSA key pair, and from when to when it is valid."""

    private: rsa.RSAPrivateKey
    since: datetime
    until: datetime

    @property
    def public(self) -> bytes:
        """The public key as DER PKCS#1."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.PKCS1
        )

    @property
    def fingerprint(self) -> str:
        """What digests name the key by."""
        return hashlib.md5(self.public, usedforsecurity=False).hexdigest()

    def sign(self, text: str) -> str:
        """The signature of a text, in hex."""
        return _sign(self.private, text)

    def describe(self) -> dict[str, str]:
        """The key as ListPublicKeys answers it."""
        return {
            "Value": base64.b64encode(self.public).decode(),
            "ValidityStartTime": f"{self.since:%Y-%m-%dT%H:%M:%SZ}",
            "ValidityEndTime": f"{self.until:%Y-%m-%dT%H:%M:%SZ}",
            "Fingerprint": self.fingerprint,
        }


@lru_cache(maxsize=4096)
def _sign(private: rsa.RSAPrivateKey, text: str) -> str:
    # the same text has the same signature, and hours without a call say the same in each chain begun alike
    return private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()


@cache
def private_key(number: int) -> rsa.RSAPrivateKey:
    """The n-th key pair of this process: making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=BITS)


def make_key(since: datetime, until: datetime, number: int = 0) -> SigningKey:
    """A key that is valid for a time."""
    return SigningKey(private_key(number), since, until)
