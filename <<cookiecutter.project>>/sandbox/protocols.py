"""The protocols of AWS: what a request says, and how its answer and its errors are written."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.model import StructureShape
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import EnvironHeaders, MultiDict

from sandbox import wire
from sandbox.errors import ServiceError

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
    if target is None:
        return "json"
    model = wire.service_model(target.service)
    named = str(model.metadata["protocol"]) if model else "json"
    if named.startswith(("rest", "ec2")):
        return named
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return "query" if is_form else "json"


def parse(target: Target, environ: Environ, body: bytes | None) -> dict[str, Any]:
    """The parameters of a request, by the service's model; the bytes of an object are not read."""
    protocol = protocol_of(target, environ)
    if protocol == "json":
        return {**target.path, **wire.parse_json(plain_body(environ, body or b""))}
    # moto's models are botocore's with what its parsers need
    operation = get_service_model(target.service).operation_model(target.operation)
    values: MultiDict[str, str] = MultiDict(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if protocol in ("query", "ec2"):
        values.update(parse_qs((body or b"").decode(), keep_blank_values=True))
    request: Any = {
        "method": environ["REQUEST_METHOD"],
        "values": values,
        "headers": EnvironHeaders(environ),
        "body": _document(operation.input_shape, environ, body),
        "url_path": environ.get("PATH_INFO", "/"),
        "url_params": target.path,
    }
    try:
        return PROTOCOL_PARSERS[protocol](operation).parse(request)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the request that cannot be read
        raise ServiceError("MalformedInput", f"the request cannot be read: {error}") from None


def _document(shape: Any, environ: Environ, body: bytes | None) -> bytes:
    """The body of a request where it is a document; what an S3 operation streams stays unread."""
    if body is not None:
        return body
    payload = shape.serialization.get("payload") if isinstance(shape, StructureShape) else None
    if payload is None or shape.members[payload].type_name == "blob":
        return b""
    read = bytes(environ["wsgi.input"].read())
    environ["wsgi.input"] = io.BytesIO(read)
    return read


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
    operation = get_service_model(target.service).operation_model(target.operation)
    made = get_serializer_class(target.service, "query")(operation, SerializationContext(request_id))
    text = made.serialize(found)["body"]
    return text if isinstance(text, bytes) else text.encode()


def write_error(error: ServiceError, target: Target | None, environ: Environ) -> tuple[str, str, bytes]:
    """An error as its client parses it: code, content type and document."""
    protocol = protocol_of(target, environ)
    family = "json" if protocol.endswith("json") else protocol
    code = SPELLED.get(family, {}).get(error.code, error.code)
    if family == "json":
        return code, JSON, json.dumps({"__type": code, "message": error.message, **error.members}).encode()
    said = f"<Code>{escape(code)}</Code><Message>{escape(error.message)}</Message>"
    return code, "text/xml", XML_ERRORS[protocol].format(error=said).encode()
