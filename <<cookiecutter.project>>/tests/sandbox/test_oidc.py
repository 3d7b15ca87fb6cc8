"""The issuer: its own tokens verify, nobody else's do."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import jwt
import pytest

from sandbox.errors import ServiceError
from sandbox.oidc import Issuer, issuer_of

if TYPE_CHECKING:
    from pathlib import Path

CLAIMS = {"aud": "sts.amazonaws.com", "sub": "repo:acme/models:ref:refs/heads/main"}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer"))


def refusal(issuer: Issuer, token: str, audience: str = "sts.amazonaws.com") -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        issuer.verify(token, audience)
    return caught.value


def test_its_own_token_verifies_and_says_who_signed_it(issuer: Issuer) -> None:
    token = issuer.sign({**CLAIMS, "environment": "staging"})
    claims = issuer.verify(token, ["other", "sts.amazonaws.com"])
    assert claims["environment"] == "staging"
    assert claims["iss"] == issuer_of(token) == "https://token.actions.githubusercontent.com"


def test_the_published_key_verifies_a_token(issuer: Issuer) -> None:
    token = issuer.sign(CLAIMS)
    key = jwt.PyJWKSet.from_dict(issuer.jwks())[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, ["RS256"], audience="sts.amazonaws.com")["sub"] == CLAIMS["sub"]


def test_a_caller_cannot_choose_the_issuer_or_the_expiry(issuer: Issuer) -> None:
    claims = issuer.verify(issuer.sign({**CLAIMS, "iss": "https://evil.example", "exp": 1}), CLAIMS["aud"])
    assert claims["iss"] == issuer.url, "claims of a job must not replace the issuer's own"


def test_another_keys_token_is_refused(issuer: Issuer, tmp_path: Path) -> None:
    assert refusal(issuer, Issuer(tmp_path).sign(CLAIMS)).code == "InvalidIdentityToken"


def test_an_unsigned_token_is_refused(issuer: Issuer) -> None:
    claims = issuer.verify(issuer.sign(CLAIMS), CLAIMS["aud"])
    assert refusal(issuer, jwt.encode(claims, "", "none")).code == "InvalidIdentityToken"


def test_a_token_for_another_audience_is_refused(issuer: Issuer) -> None:
    error = refusal(issuer, issuer.sign({**CLAIMS, "aud": "https://github.com/acme"}))
    assert error.message == "Incorrect token audience"


def test_an_expired_token_is_refused(issuer: Issuer) -> None:
    assert refusal(issuer, issuer.sign(CLAIMS, seconds=-1)).code == "ExpiredTokenException"


def test_what_is_no_token_is_refused() -> None:
    with pytest.raises(ServiceError, match="not a valid JWT"):
        issuer_of("ghp_ada")


def test_the_key_outlives_the_server_and_is_its_owners_alone(tmp_path: Path) -> None:
    token = Issuer(tmp_path).sign(CLAIMS)
    assert Issuer(tmp_path).verify(token, CLAIMS["aud"])
    assert stat.S_IMODE((tmp_path / "oidc-key.pem").stat().st_mode) == 0o600
