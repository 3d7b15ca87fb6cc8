"""The AWS wire, by botocore's own models: what is called, is it valid, how does an answer look."""

from __future__ import annotations

import base64
import functools
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.loaders import create_loader
from botocore.validate import ParamValidator

from sandbox import routes
from sandbox.errors import ServiceError, invalid

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

SCOPE = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")
# Signing names under which several of botocore's services are called, or that differ from its own name.
SIGNED_AS = {
    "sagemaker": ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime"),
    "s3": ("s3", "s3control"),
    "monitoring": ("cloudwatch",),
    "servicequotas": ("service-quotas",),
    "states": ("stepfunctions",),
    "email": ("ses", "sesv2"),
    "tagging": ("resourcegroupstaggingapi",),
    "elasticloadbalancing": ("elbv2", "elb"),
}


@dataclass(frozen=True)
class Credential:
    """The credential scope of a signed request."""

    access_key: str
    region: str
    signing_name: str


@dataclass(frozen=True)
class Target:
    """The operation that a request names; `service` is botocore's name for it."""

    service: str
    operation: str
    path: dict[str, str]


def read_credential(environ: dict[str, Any]) -> Credential | None:
    """Read who signed, for which service; header or presigned URL."""
    query = str(environ.get("QUERY_STRING", "")).replace("%2F", "/").replace("X-Amz-Credential", "Credential")
    found = SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")) or SCOPE.search(
        query if query.endswith("aws4_request") else query.replace("aws4_request&", "aws4_request ")
    )
    return Credential(found[1], found[3], found[4]) if found else None


def identify(environ: dict[str, Any], credential: Credential | None, form: dict[str, str]) -> Target | None:
    """Name the operation of a request, from its target header, its path, or its form."""
    for service in _candidates(credential, form):
        model = service_model(service)
        operation = _operation(model, environ, form) if model else None
        if operation:
            return Target(service, *operation)
    return None


def _candidates(credential: Credential | None, form: dict[str, str]) -> tuple[str, ...]:
    if credential is None:
        return ("sts",) if form.get("Action", "").startswith("AssumeRoleWith") else ("s3",)
    return SIGNED_AS.get(credential.signing_name, (credential.signing_name,))


def _operation(
    model: ServiceModel, environ: dict[str, Any], form: dict[str, str]
) -> tuple[str, dict[str, str]] | None:
    target = environ.get("HTTP_X_AMZ_TARGET")
    rpc = re.search(r"/service/[^/]+/operation/(\w+)$", environ.get("PATH_INFO", ""))
    name = target.rsplit(".", 1)[-1] if target else form.get("Action") or (rpc and rpc[1])
    if name:
        return (name, {}) if name in model.operation_names else None
    if str(model.metadata["protocol"]).startswith("rest"):
        return routes.match(model, environ)
    return None


@functools.cache
def service_model(name: str) -> ServiceModel | None:
    """Load a service's model; None for a name that botocore does not know."""
    try:
        return session().get_service_model(name)
    except UnknownServiceError:
        return None


@functools.cache
def session() -> botocore.session.Session:
    """One session: it keeps the service models that it has loaded."""
    made = botocore.session.get_session()
    # nobody else's: a client of S3 rewrites the model that it is made of
    made.register_component("data_loader", create_loader())
    return made


def operation_model(service: str, operation: str) -> OperationModel:
    model = service_model(service)
    assert model is not None  # noqa: S101  # identify() found the operation in it
    return model.operation_model(operation)


def parse_json(body: bytes) -> dict[str, Any]:
    """Parse the body of a JSON-protocol request."""
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        raise ServiceError("SerializationException", "The request body is not JSON") from None
    if not isinstance(parsed, dict):
        raise ServiceError("SerializationException", "The request body is not a JSON object")
    return parsed


def validate(operation: OperationModel, params: dict[str, Any]) -> None:
    """Refuse what the service's model does not allow."""
    if operation.input_shape is None:
        return
    report = ParamValidator().validate(params, operation.input_shape)
    faults = report.generate_report().splitlines() if report.has_errors() else []
    faults = faults or list(_constraint_faults(operation.input_shape, params, ""))
    if faults:
        errors = "error" if len(faults) == 1 else "errors"
        said = f"{len(faults)} validation {errors} detected: {'; '.join(faults)}"
        own = _own_error(operation, faults[0])
        raise ServiceError(own, said) if own else invalid(said)


def _own_error(operation: OperationModel, fault: str) -> str:
    """The error that a service has for one of its members, as CodeCommit's InvalidTitleException."""
    found = re.search(r" at '(\w+)", fault)
    wanted = f"Invalid{found[1][:1].upper()}{found[1][1:]}Exception" if found else ""
    return wanted if any(shape.name == wanted for shape in operation.error_shapes) else ""


def _constraint_faults(shape: Any, value: Any, path: str) -> list[str]:
    """The constraints that botocore leaves to the service: enumerations, patterns, upper bounds."""
    if shape.type_name == "structure":
        return [
            fault
            for name, member in value.items()
            for fault in _constraint_faults(
                shape.members[name], member, f"{path}.{name}" if path else _lower(name)
            )
        ]
    if shape.type_name == "list":
        return _length_faults(shape, value, path) + [
            fault
            for index, member in enumerate(value, 1)
            for fault in _constraint_faults(shape.member, member, f"{path}.{index}.member")
        ]
    if shape.type_name == "map":
        return _length_faults(shape, value, path) + [
            fault
            for key, member in value.items()
            for part in ((shape.key, key), (shape.value, member))
            for fault in _constraint_faults(*part, f"{path}.{key}")
        ]
    return _scalar_faults(shape, value, path)


def _scalar_faults(shape: Any, value: Any, path: str) -> list[str]:
    said = f"Value {value!r} at {path!r} failed to satisfy constraint: "
    if not isinstance(value, str) or shape.type_name != "string":
        return []
    if shape.enum and value not in shape.enum:
        return [f"{said}Member must satisfy enum value set: [{', '.join(shape.enum)}]"]
    pattern = _compiled(shape.metadata.get("pattern", ""))
    if pattern and not pattern.fullmatch(value):
        return [f"{said}Member must satisfy regular expression pattern: {shape.metadata['pattern']}"]
    return _length_faults(shape, value, path)


def _length_faults(shape: Any, value: Any, path: str) -> list[str]:
    most = shape.metadata.get("max")
    if most is None or len(value) <= int(most):
        return []
    return [
        (
            f"Value at {path!r} failed to satisfy constraint: "
            f"Member must have length less than or equal to {most}"
        )
    ]


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Java's pattern as Python's; None where it cannot be said (the length is checked all the same)."""
    for java, python in (
        (r"\p{L}", r"\w"),
        (r"\p{N}", r"\w"),
        (r"\p{M}", r"\w"),
        (r"\p{Z}", r" "),
        (r"\/", "/"),
    ):
        pattern = pattern.replace(java, python)
    try:
        return re.compile(re.sub(r"\)\$\{(\d+),(\d+)\}$", ")", pattern)) if pattern else None
    except re.error:
        return None


def serialise(operation: OperationModel, answer: dict[str, Any]) -> bytes:
    """Write an answer as JSON; a member that the service's model lacks is our fault and raises."""
    shape = operation.output_shape
    return json.dumps(_plain(shape, answer, operation.name) if shape else {}).encode()


def _plain(shape: Any, value: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if unknown := sorted(set(value) - set(shape.members)):
            raise TypeError(f"{path}: the model has no members {unknown}")
        return {
            name: _plain(shape.members[name], member, f"{path}.{name}")
            for name, member in value.items()
            if member is not None
        }
    if kind == "list":
        return [_plain(shape.member, member, f"{path}[]") for member in value]
    if kind == "map":
        return {key: _plain(shape.value, member, f"{path}.{key}") for key, member in value.items()}
    if kind == "timestamp":
        return value.timestamp() if isinstance(value, datetime) else value
    return base64.b64encode(value).decode() if kind == "blob" else value


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
