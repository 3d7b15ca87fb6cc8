"""A call's own members as CloudTrail writes them: request, answer, resources; without secrets."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import xmltodict  # type: ignore[import-untyped]

from sandbox import wire
from sandbox.cloudtrail import kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botocore.model import Shape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
# Members that records lack altogether; others that are secret are only hidden.
LEFT_OUT = frozenset({"SecretAccessKey", "WebIdentityToken", "SAMLAssertion", "logEvents"})
SECRET_MEMBERS = frozenset({"SessionToken", "SecretString", "Password", "NewPassword", "OldPassword"})
DOCUMENTS = re.compile(r"(?:Put|Create)(?!Object$)")  # S3's operations that send a document
UNSHOWN = re.compile(
    r"(?i)x-id|x-amz-(?:algorithm|credential|date|expires|security-token|signature|signedheaders)"
)
SHOWN = re.compile(
    r"HTTP_(X_AMZ_(?:ACL|COPY_SOURCE\w*|SERVER_SIDE_\w+|STORAGE_CLASS|OBJECT_\w+|BYPASS_\w+)|IF_\w*MATCH)"
)
NEVER_ANSWERED = ("x-amz-request-id", "x-amz-id-2")


def of_request(target: wire.Target, params: Mapping[str, Any], environ: Mapping[str, Any]) -> Any:
    """The request as CloudTrail shows it; of S3 only where and how, never what."""
    if target.service == "s3":
        return _of_s3_request(target, environ)
    if target.service == "sagemaker-runtime":
        return {"endpointName": target.path["EndpointName"]}
    shape = wire.operation_model(target.service, target.operation).input_shape
    return recorded(shape, dict(params or target.path), target.service)


def of_answer(target: wire.Target, found: Any) -> Any:
    """An answer as CloudTrail shows it."""
    return recorded(
        wire.operation_model(target.service, target.operation).output_shape, found, target.service
    )


def recorded(shape: Shape | None, value: Any, service: str, name: str = "") -> Any:
    """A value in a record: lower-camel names, dates as texts, secrets hidden, no bytes."""
    if value is None or shape is None:
        return value
    found: Any = shape
    if found.metadata.get("sensitive") or name in SECRET_MEMBERS:
        return HIDDEN
    if found.type_name == "structure" and isinstance(value, dict):
        return {
            _lower(key): recorded(found.members[key], member, service, key)
            for key, member in value.items()
            if _is_shown(found, key)
        }
    if found.type_name == "list" and isinstance(value, list):
        return [recorded(found.member, member, service) for member in value]
    if found.type_name == "map" and isinstance(value, dict):
        return {
            key: HIDDEN if name == "Environment" else recorded(found.value, member, service)
            for key, member in value.items()
        }
    return _date(value, service) if found.type_name == "timestamp" else value


def _is_shown(shape: Any, name: str) -> bool:
    return name in shape.members and name not in LEFT_OUT and shape.members[name].type_name != "blob"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _date(value: Any, service: str) -> Any:
    """A moment as Java prints it; IAM's records have it without the second comma."""
    if isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        return value
    comma = "" if service == "iam" else ","
    return f"{value:%b} {value.day}, {value.year}{comma} {value.hour % 12 or 12}:{value:%M:%S %p}"


def _of_s3_request(target: wire.Target, environ: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if DOCUMENTS.match(target.operation):
        found |= _document(target, environ)
    if "Bucket" in target.path:
        found["bucketName"] = target.path["Bucket"]
    found["Host"] = environ.get("HTTP_HOST", "")
    if "Key" in target.path:
        found["key"] = target.path["Key"]
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found |= {name: value for name, value in query if not UNSHOWN.fullmatch(name)}
    for key in sorted(filter(SHOWN.fullmatch, environ)):
        found[key.removeprefix("HTTP_").lower().replace("_", "-")] = environ[key]
    return found


def _document(target: wire.Target, environ: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a call on a bucket: a policy as JSON, all else as its XML says it."""
    read = getattr(environ["wsgi.input"], "getvalue", None)
    body: bytes = read() if read else b""
    try:
        if target.operation == "PutBucketPolicy":
            return {"bucketPolicy": json.loads(body)}
        return _plain(xmltodict.parse(body)) if body.lstrip()[:1] == b"<" else {}
    except Exception:  # noqa: BLE001  # expat's own; the call is refused for what cannot be read
        return {}


def _plain(found: Any) -> Any:
    """A parsed document without its namespace."""
    if isinstance(found, dict):
        return {key: _plain(value) for key, value in found.items() if not key.startswith("@")}
    return [_plain(each) for each in found] if isinstance(found, list) else found


def of_s3_answer(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What an answer of S3 says of the object: version, encryption, lock."""
    found = {name.lower(): value for name, value in headers}
    return {
        name: value
        for name, value in found.items()
        if name.startswith("x-amz-") and name not in NEVER_ANSWERED and not name.startswith("x-amz-meta-")
    }


def resources(
    target: wire.Target, params: Mapping[str, Any], owner: str, region: str
) -> tuple[dict[str, str], ...]:
    """What a call concerns, for the services whose records say it."""
    if target.service == "s3":
        return _s3_resources(target, owner)
    if target.service == "sts" and params.get("RoleArn"):
        return (_resource("AWS::IAM::Role", str(params["RoleArn"]), owner),)
    if target.service == "kms" and str(params.get("KeyId", "")).startswith("arn:"):
        return (_resource("AWS::KMS::Key", params["KeyId"], owner),)
    if target.service == "sagemaker-runtime":
        arn = f"arn:aws:sagemaker:{region}:{owner}:endpoint/{target.path['EndpointName'].lower()}"
        return (_resource("AWS::SageMaker::Endpoint", arn, owner),)
    return ()


def _resource(kind: str, arn: str, account: str) -> dict[str, str]:
    return {"accountId": account, "type": kind, "ARN": arn}


def _s3_resources(target: wire.Target, owner: str) -> tuple[dict[str, str], ...]:
    if "Bucket" not in target.path:
        return ()
    arn = f"arn:aws:s3:::{target.path['Bucket']}"
    bucket = _resource("AWS::S3::Bucket", arn, owner)
    if "Key" in target.path:
        return ({"type": "AWS::S3::Object", "ARN": f"{arn}/{target.path['Key']}"}, bucket)
    if kinds.is_data("s3", target.operation):
        return (bucket, {"type": "AWS::S3::Object", "ARNPrefix": f"{arn}/"})
    return (bucket,)


def additional(
    target: wire.Target, environ: Mapping[str, Any], headers: Iterable[tuple[str, str]]
) -> dict[str, Any] | None:
    """What S3 adds: how the call was signed, and how many bytes went each way."""
    if target.service != "s3":
        return None
    sent = next((value for name, value in headers if name.lower() == "content-length"), "0")
    signed = "AuthHeader" if environ.get("HTTP_AUTHORIZATION") else "QueryString"
    return {
        "SignatureVersion": "SigV4",
        "bytesTransferredIn": int(environ.get("CONTENT_LENGTH") or 0),
        "AuthenticationMethod": signed,
        "x-amz-id-2": uuid.uuid4().hex,
        "bytesTransferredOut": int(sent),
    }
