"""The WSGI layer in front of moto: names each call, serves ours, refuses what nobody serves, records all."""

from __future__ import annotations

import gzip
import io
import logging
import uuid
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from botocore.parsers import create_parser

from sandbox import identity, stacks, trail, wire
from sandbox.errors import ServiceError
from sandbox.sagemaker.service import refused
from sandbox.world import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.clock import Clock
    from sandbox.filters import Filters
    from sandbox.sagemaker.service import SageMaker

    Table = dict[str, Callable[[Call], dict[str, Any]]]

log = logging.getLogger("sandbox")
Environ = dict[str, Any]
READ_INTO_MEMORY = 64 * 2**20


@dataclass
class Answer:
    """A whole response, and what the trail says of it."""

    status: str
    headers: list[tuple[str, str]]
    body: Iterable[bytes]
    elements: Any = None
    error: tuple[str, str] | None = None


@dataclass(frozen=True)
class Request:
    """A request whose operation is known."""

    environ: Environ
    credential: wire.Credential | None
    target: wire.Target | None
    body: bytes | None
    form: dict[str, str]


class Layer:
    """The application that the server runs."""

    def __init__(
        self,
        moto: Any,
        service: SageMaker,
        tables: dict[str, Table],
        filters: Filters,
        records: trail.Trail,
        account: str,
        region: str,
        clock: Clock,
    ) -> None:
        self._moto = moto
        self._service = service
        self._tables = {**tables, "logs": filters.operations}
        self._filters = filters
        self._clock = clock
        self._records = records
        self._account = account
        self._region = region

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = read_request(environ)
        request_id = str(uuid.uuid4())
        who = identity.user_identity(request.credential, self._account)
        try:
            answer = self._answer(request, who)
        except ServiceError as error:
            answer = refusal(error, request)
        except Exception as error:
            log.exception("sandbox fault in %s", request.target)
            answer = refusal(ServiceError("InternalFailure", f"sandbox fault: {error!r}", 500), request)
        try:
            self._record(request, who, answer, request_id)
        except OSError as error:
            said = f"the trail cannot be written: {error.strerror}"
            answer = refusal(ServiceError("InternalFailure", said, 500), request)
        names = {name.lower() for name, _ in answer.headers}
        extra = [] if "x-amzn-requestid" in names else [("x-amzn-RequestId", request_id)]
        if "date" not in names:  # how a client learns what time it is here
            extra.append(("Date", format_datetime(self._clock.now(), usegmt=True)))
        start_response(answer.status, [*answer.headers, *extra])
        return answer.body

    def _answer(self, request: Request, who: dict[str, Any]) -> Answer:
        target = request.target
        if target and self._is_ours(target):
            return self._serve(request, target, who)
        if request.credential and request.credential.signing_name == "sagemaker" and target is None:
            name = request.environ.get("HTTP_X_AMZ_TARGET", request.environ.get("PATH_INFO", ""))
            raise ServiceError(
                "UnknownOperationException", f"no operation {name!r} in this botocore's SageMaker"
            )
        if target and target.service == "cloudformation":
            stacks.check(request.form)
        return self._pass(request)

    def _is_ours(self, target: wire.Target) -> bool:
        """Whether we serve or refuse an operation; moto serves the rest of logs, and keeps dashboards."""
        if target.service == "logs":
            return target.operation in self._tables["logs"]
        if target.service == "cloudwatch" and "Dashboard" in target.operation:
            return False
        return target.service in self._service.services or target.service in self._tables

    def _serve(self, request: Request, target: wire.Target, who: dict[str, Any]) -> Answer:
        if target.service == "sagemaker-runtime":
            status, headers, body = self._service.invoke(target, request.environ, request.body or b"")
            return Answer(status, headers, [body])
        handler = self._tables.get(target.service, {}).get(target.operation)
        if handler is None:
            raise refused(target)
        operation = wire.operation_model(target.service, target.operation)
        params = wire.parse_json(read_body(request, target))
        wire.validate(operation, params)
        found = handler(Call(target.operation, params, who))
        body = wire.serialise(operation, found)
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        return Answer("200 OK", headers, [body], wire.recorded(operation.output_shape, found))

    def _pass(self, request: Request) -> Answer:
        seen: list[Any] = []
        body = self._moto(
            request.environ, lambda status, headers, exc_info=None: seen.append((status, headers))
        )
        status, headers = seen[0]
        answer = Answer(status, list(headers), body)
        target = request.target
        if target and target.service == "logs" and status.startswith("200"):
            self._follow_logs(target.operation, wire.parse_json(request.body or b""))
        if (
            target
            and target.service != "s3"
            and (int(status[:3]) >= 400 or not trail.is_read_only(target.operation))
        ) or (target and target.service == "sts"):
            _read_elements(answer, target)
        elif int(status[:3]) >= 400:
            answer.error = (status[4:].replace(" ", ""), status)
        return answer

    def _follow_logs(self, operation: str, params: dict[str, Any]) -> None:
        """Let metric filters see what moto has taken."""
        if operation == "PutLogEvents":
            self._filters.observe(params["logGroupName"], params["logEvents"])
        elif operation == "DeleteLogGroup":
            self._filters.forget(params["logGroupName"])

    def _record(self, request: Request, who: dict[str, Any], answer: Answer, request_id: str) -> None:
        target, credential = request.target, request.credential
        if target is None or (target.service, target.operation) in trail.UNRECORDED:
            return
        self._records.append(
            trail.Event(
                service=credential.signing_name if credential else target.service,
                name=target.operation,
                region=credential.region if credential else self._region,
                account=self._account,
                identity=who,
                request=parameters(request, target),
                response=None if answer.error else answer.elements,
                error=answer.error,
                source_ip=request.environ.get("REMOTE_ADDR", ""),
                user_agent=request.environ.get("HTTP_USER_AGENT", ""),
                request_id=request_id,
            )
        )


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
    return Request(environ, credential, wire.identify(environ, credential, form), body, form)


def read_body(request: Request, target: wire.Target) -> bytes:
    """The document of a JSON request; botocore compresses large ones, older ones speak other protocols."""
    kind = request.environ.get("CONTENT_TYPE", "")
    if "json" not in kind and request.body:
        raise ServiceError(
            "SerializationException",
            f"the sandbox speaks JSON with {target.service}, not {kind!r}; update boto3 or the AWS CLI",
        )
    body = request.body or b""
    return gzip.decompress(body) if request.environ.get("HTTP_CONTENT_ENCODING") == "gzip" else body


def refusal(error: ServiceError, request: Request) -> Answer:
    """Write an error in the protocol of the service that was called."""
    if request.target and request.target.service == "cloudformation":
        body = stacks.error_document(error)
        kind = "text/xml"
    else:
        body = wire.error_body(error)
        kind = "application/x-amz-json-1.1"
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", error.code)]
    return Answer(f"{error.status} {error.code}", headers, [body], error=(error.code, error.message))


def parameters(request: Request, target: wire.Target) -> Any:
    """The request as CloudTrail shows it; of S3 only where, never what."""
    if target.service in ("s3", "sagemaker-runtime"):
        names = {"Bucket": "bucketName", "Key": "key", "EndpointName": "endpointName"}
        return {names[key]: value for key, value in target.path.items() if key in names}
    shape = wire.operation_model(target.service, target.operation).input_shape
    if request.form:
        known = shape.members if shape else {}
        return wire.recorded(shape, {key: value for key, value in request.form.items() if key in known})
    try:
        return wire.recorded(shape, {**target.path, **wire.parse_json(request.body or b"")})
    except ServiceError:
        return dict(target.path)


def _read_elements(answer: Answer, target: wire.Target) -> None:
    """Parse what moto answered, by the operation's own model."""
    operation = wire.operation_model(target.service, target.operation)
    body, status = b"".join(answer.body), int(answer.status[:3])
    answer.body = [body]
    headers = {name.lower(): value for name, value in answer.headers}
    whole = {"status_code": status, "headers": headers, "body": body}
    parser: Any = create_parser(str(operation.service_model.resolved_protocol))
    try:
        parsed = parser.parse(whole, operation.output_shape)
    except Exception as error:  # noqa: BLE001  # a trail must not fail the call that it records
        log.warning("unreadable answer of %s: %r", target, error)
        return
    if "Error" in parsed and status >= 400:
        answer.error = (parsed["Error"].get("Code", ""), parsed["Error"].get("Message", ""))
    parsed.pop("ResponseMetadata", None)
    answer.elements = wire.recorded(operation.output_shape, parsed)
