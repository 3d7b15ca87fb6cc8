"""A request as it comes in: its head, its caller's key, the operation that it names."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from sandbox import wire

Environ = dict[str, Any]
READ_INTO_MEMORY = 64 * 2**20


@dataclass(frozen=True)
class Request:
    """A request whose operation is known, or that names none."""

    environ: Environ
    credential: wire.Credential | None
    target: wire.Target | None
    body: bytes | None

    @property
    def token(self) -> str:
        """The session token that came with the key, in a header or a presigned URL."""
        header: str = self.environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "")
        query = parse_qs(self.environ.get("QUERY_STRING", ""))
        return header or query.get("X-Amz-Security-Token", [""])[0]


def read_request(environ: Environ) -> Request:
    """Read a request's head, and its body where that is a document rather than data."""
    environ["RAW_URI"] = environ.get("REQUEST_URI", "")  # moto takes keys from it, still encoded
    credential = wire.read_credential(environ)
    kind = environ.get("CONTENT_TYPE", "")
    is_object = credential is not None and credential.signing_name == "s3"
    is_document = not is_object and int(environ.get("CONTENT_LENGTH") or 0) <= READ_INTO_MEMORY
    body = environ["wsgi.input"].read() if is_document else None
    if body is not None:
        environ["wsgi.input"] = io.BytesIO(body)
    is_form = body and kind.startswith("application/x-www-form-urlencoded")
    form = dict(parse_qsl(body.decode(), keep_blank_values=True)) if body and is_form else {}
    return Request(environ, credential, wire.identify(environ, credential, form), body)
