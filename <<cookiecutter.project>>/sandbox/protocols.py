"""The protocols of AWS: what a request says, and how its answer and its errors are written."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model

from sandbox import wire
from sandbox.errors import ServiceError
from sandbox.iam import read_parameters

if TYPE_CHECKING:
    from sandbox.wire import Target

Environ = dict[str, Any]
JSON = "application/x-amz-json-1.1"
# What each family of protocols calls the errors that every service has.
SPELLED = {
    "json": {
        "AccessDenied": "AccessDeniedException",
        "ExpiredToken": "ExpiredTokenException",
        "InvalidClientTokenId": "UnrecognizedClientException",
        "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    },
    "rest-xml": {"InvalidClientTokenId": "InvalidAccessKeyId", "MissingAuthenticationToken": "AccessDenied"},
}
XML_ERRORS = {
    "query": "<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>",
    "ec2": "<Response><Errors><Error>{error}</Error></Errors></Response>",
    "rest-xml": "<Error>{error}</Error>",
}


def protocol_of(target: Target | None, environ: Environ) -> str:
    """The protocol in which a request speaks: json, query, ec2, rest-xml or rest-json."""
    model = wire.service_model(target.service) if target else None
    named = str(model.metadata["protocol"]) if model else "json"
    if named.startswith(("rest", "ec2")):
        return named
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return "query" if is_form else "json"


def parse(target: Target, environ: Environ, body: bytes | None) -> dict[str, Any]:
    """The parameters of a request, by the service's model; the bytes of an object are not read."""
    if protocol_of(target, environ) == "json":
        return {**target.path, **wire.parse_json(plain_body(environ, body or b""))}
    shape = wire.operation_model(target.service, target.operation).input_shape
    if body is None and _has_document(shape):
        body = bytes(environ["wsgi.input"].read())
        environ["wsgi.input"] = io.BytesIO(body)
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    form = dict(parse_qsl((body or b"").decode(), keep_blank_values=True)) if is_form else {}
    found = read_parameters(target, environ, form, body)
    return {name: _typed(shape.members.get(name), value) for name, value in found.items()} if shape else {}


def _typed(shape: Any, value: Any) -> Any:
    """The numbers and switches of a form, which is all text, as such."""
    if shape is None or value is None:
        return value
    if shape.type_name == "structure":
        return {name: _typed(shape.members.get(name), member) for name, member in value.items()}
    if shape.type_name == "list":
        return [_typed(shape.member, member) for member in value]
    if shape.type_name == "boolean" and str(value) in ("true", "false"):
        return str(value) == "true"
    return int(value) if shape.type_name == "integer" and str(value).isdecimal() else value


def _has_document(shape: Any) -> bool:
    """Whether an operation takes a document; what S3 stores stays unread."""
    payload = shape.serialization.get("payload") if shape else None
    return payload is not None and shape.members[payload].type_name != "blob"


def plain_body(environ: Environ, body: bytes) -> bytes:
    """A document as its client wrote it; botocore compresses large ones."""
    if environ.get("HTTP_CONTENT_ENCODING") != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError):
        raise ServiceError("SerializationException", "The request body is not gzip") from None


def write_query(target: Target, found: dict[str, Any], request_id: str) -> bytes:
    """An answer in the query protocol's XML."""
    # moto's models are botocore's, with what its serialisers need
    operation = get_service_model(target.service).operation_model(target.operation)
    made = get_serializer_class(target.service, "query")(operation, SerializationContext(request_id))
    text = made.serialize(found)["body"]
    return text if isinstance(text, bytes) else text.encode()


def write_error(error: ServiceError, target: Target | None, environ: Environ) -> tuple[int, str, str, bytes]:
    """An error as its client parses it: status, code, content type and document."""
    protocol = protocol_of(target, environ)
    family = "json" if protocol.endswith("json") else protocol
    code = SPELLED.get(family, {}).get(error.code, error.code)
    if family == "json":
        body = json.dumps({"__type": code, "message": error.message, **error.members}).encode()
        return (400 if error.code in SPELLED["json"] else error.status), code, JSON, body
    said = f"<Code>{escape(code)}</Code><Message>{escape(error.message)}</Message>"
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else XML_ERRORS[protocol].format(error=said).encode()
    return error.status, code, "text/xml", body
