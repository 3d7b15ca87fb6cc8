"""The forge's OIDC issuer: signs the tokens that jobs exchange for sessions, and verifies them for STS."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

URL = "https://token.actions.githubusercontent.com"
ALGORITHM = "RS256"
REQUIRED = ("iss", "aud", "sub", "iat", "exp")


class Issuer:
    """One RSA key, kept in a folder between lives of the server."""

    url = URL

    def __init__(self, folder: Path) -> None:
        self._key = _read_key(folder / "oidc-key.pem")
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._key_id = hashlib.sha256(public).hexdigest()[:32]

    def sign(self, claims: dict[str, Any], seconds: int = 300) -> str:
        """A token with these claims, ours added, that lives so long."""
        moment = int(time.time())
        times = {"iat": moment, "nbf": moment - 5, "exp": moment + seconds}
        ours = {"iss": self.url, "jti": str(uuid.uuid4()), **times}
        return jwt.encode({**claims, **ours}, self._key, ALGORITHM, headers={"kid": self._key_id})

    def verify(self, token: str, audience: str | Iterable[str]) -> dict[str, Any]:
        """The claims of a token that we signed, for this audience, and that has not expired."""
        wanted = [audience] if isinstance(audience, str) else list(audience)
        try:
            return jwt.decode(
                token,
                self._key.public_key(),
                [ALGORITHM],
                audience=wanted,
                issuer=self.url,
                options={"require": list(REQUIRED)},
            )
        except jwt.ExpiredSignatureError:
            raise ServiceError(
                "ExpiredTokenException",
                "Token expired: current date/time must be before the expiration date/time",
            ) from None
        except jwt.InvalidAudienceError:
            raise _refused("Incorrect token audience") from None
        except jwt.InvalidTokenError as error:
            raise _refused(f"The ID Token provided is not a valid JWT of {self.url}: {error}") from None

    def jwks(self) -> dict[str, Any]:
        """The public key, as the issuer publishes it."""
        key = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**key, "kid": self._key_id, "alg": ALGORITHM, "use": "sig"}]}


def issuer_of(token: str) -> str:
    """Who says to have signed a token; nothing of it is verified yet."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise _refused("The ID Token provided is not a valid JWT.") from None
    return str(claims.get("iss", ""))


def _refused(message: str) -> ServiceError:
    return ServiceError("InvalidIdentityToken", message)


def _read_key(path: Path) -> rsa.RSAPrivateKey:
    """The key in a file, made if there is none; the file appears whole, readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(
                fresh.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        partial.rename(path)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101  # nothing else is ever written there
    return key
