"""The WSGI layer in front of moto: names each call, decides it, serves ours, refuses others, records all."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from botocore.parsers import create_parser

from sandbox import identity, protocols, sessions, trail, wire
from sandbox.access import check_bucket_policy
from sandbox.cloudtrail import kinds, members
from sandbox.errors import ServiceError
from sandbox.identity import NOBODY, Caller
from sandbox.incoming import read_request
from sandbox.sagemaker.service import SageMaker, refused
from sandbox.world import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.access import Access
    from sandbox.clock import Clock
    from sandbox.identity import Callers
    from sandbox.incoming import Request
    from sandbox.planes import Plane
    from sandbox.sts import Sts

log = logging.getLogger("sandbox")
# In a request's environment, which no client writes: the service that calls for a caller
VIA = "sandbox.via"
QUERY = frozenset({"cloudformation", "sts"})
Environ = dict[str, Any]
PARTLY = ("athena", "logs")  # what we do not serve of these, moto does


@dataclass
class Answer:
    """A whole response, and what the trail says of it."""

    status: str
    headers: list[tuple[str, str]]
    body: Iterable[bytes]
    elements: Any = None
    error: tuple[str, str] | None = None


@dataclass
class Passage:
    """What is known of a request so far; the trail gets it however the request ends."""

    request: Request
    id: str
    caller: Caller = NOBODY
    owner: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def accounts(self) -> tuple[str, ...]:
        """In whose trails the call stands: the caller's, and that of the resource's owner."""
        return tuple(dict.fromkeys(filter(None, (self.caller.account, self.owner))))


class Layer:
    """The application that the server runs."""

    def __init__(
        self,
        moto: Any,
        planes: Mapping[str, Plane],
        callers: Callers,
        access: Access,
        sts: Sts,
        records: trail.Trail,
        region: str,
        clock: Clock,
    ) -> None:
        self._moto = moto
        self._planes = planes
        self._callers = callers
        self._access = access
        self._sts = sts
        self._records = records
        self._region = region
        self._clock = clock

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)  # a client does not choose whose account it is in
        passage = Passage(read_request(environ), str(uuid.uuid4()))
        try:
            answer = self._answer(passage)
        except ServiceError as error:
            answer = refusal(error, passage.request)
        except Exception as error:
            log.exception("sandbox fault in %s", passage.request.target)
            fault = ServiceError("InternalFailure", f"sandbox fault: {error!r}", 500)
            answer = refusal(fault, passage.request)
        try:
            self._record(passage, answer)
        except OSError as error:
            said = f"the trail cannot be written: {error.strerror}"
            answer = refusal(ServiceError("InternalFailure", said, 500), passage.request)
        names = {name.lower() for name, _ in answer.headers}
        extra = [] if "x-amzn-requestid" in names else [("x-amzn-RequestId", passage.id)]
        if "date" not in names:  # how a client learns what time it is here
            extra.append(("Date", format_datetime(self._clock.now(), usegmt=True)))
        start_response(answer.status, [*answer.headers, *extra])
        return answer.body

    def _answer(self, passage: Passage) -> Answer:
        target = passage.request.target
        if target is None:
            raise self._unknown(passage.request)
        passage.caller = self._caller(passage, target)
        passage.params = protocols.parse(target, passage.request.environ, passage.request.body)
        if target.operation == "AssumeRoleWithWebIdentity":
            passage.caller = self._sts.read_token(passage.params)
        if passage.caller.session and passage.caller.session.has_expired():
            raise sessions.expired()
        passage.owner = self._access.check(passage.caller, target, passage.params, passage.request.environ)
        plane = self._planes.get(passage.owner)
        if plane and self._is_ours(plane, target):
            return self._serve(plane, target, passage)
        if target.operation == "PutBucketPolicy":
            check_bucket_policy(passage.request.environ["wsgi.input"].getvalue())
        answer = self._pass(passage, target)
        if answer.status.startswith("404") and target.operation in ("GetObject", "HeadObject"):
            self._hide(passage, target)
        return answer

    def _hide(self, passage: Passage, target: wire.Target) -> None:
        environ = passage.request.environ
        if self._access.hides(passage.caller, target.path["Bucket"], target.path["Key"], environ):
            raise ServiceError("AccessDenied", "Access Denied", 403)

    def _caller(self, passage: Passage, target: wire.Target) -> Caller:
        """Whose key signed; only S3 and the exchange of a token take calls that nobody signed."""
        credential = passage.request.credential
        if credential:
            caller = self._callers.find(credential.access_key, passage.request.token)
            via = passage.request.environ.get(VIA)
            return identity.through(via, caller) if via else caller
        if target.service != "s3" and target.operation != "AssumeRoleWithWebIdentity":
            raise unsigned()
        return NOBODY

    @staticmethod
    def _unknown(request: Request) -> ServiceError:
        if request.credential is None:
            return unsigned()
        name = request.environ.get("HTTP_X_AMZ_TARGET", request.environ.get("PATH_INFO", ""))
        if request.credential.signing_name == "sagemaker":
            said = f"no operation {name!r} in this botocore's SageMaker"
        else:
            said = f"{request.environ['REQUEST_METHOD']} {name!r} is no operation of AWS that botocore knows"
        return ServiceError("UnknownOperationException", said)

    def _is_ours(self, plane: Plane, target: wire.Target) -> bool:
        """Whether we serve or refuse an operation; of some services moto serves the rest."""
        if target.service in PARTLY:
            return target.operation in plane.tables[target.service]
        if target.service == "cloudwatch" and "Dashboard" in target.operation:
            return False
        return target.service in SageMaker.services or target.service in plane.tables

    def _serve(self, plane: Plane, target: wire.Target, passage: Passage) -> Answer:
        request = passage.request
        if target.service == "sagemaker-runtime":
            status, headers, body = plane.service.invoke(target, request.environ, request.body or b"")
            return Answer(status, headers, [body])
        handler = plane.tables.get(target.service, {}).get(target.operation)
        if handler is None:
            raise refused(target)
        protocol = protocols.protocol_of(target, request.environ)
        if protocol != ("query" if target.service in QUERY else "json"):
            raise ServiceError(
                "SerializationException",
                f"the sandbox does not speak this protocol with {target.service}: "
                f"{request.environ.get('CONTENT_TYPE', '')!r}; update boto3 or the AWS CLI",
            )
        operation = wire.operation_model(target.service, target.operation)
        wire.validate(operation, passage.params)
        region = request.credential.region if request.credential else self._region
        found = handler(Call(target.operation, passage.params, passage.caller, region))
        if protocol == "query":
            body, kind = protocols.write_query(target, found, passage.id), "text/xml"
        else:
            body, kind = wire.serialise(operation, found), protocols.JSON
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        return Answer("200 OK", headers, [body], members.of_answer(target, found))

    def _pass(self, passage: Passage, target: wire.Target) -> Answer:
        seen: list[Any] = []
        environ = passage.request.environ
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = passage.owner
        body = self._moto(environ, lambda status, headers, exc_info=None: seen.append((status, headers)))
        status, headers = seen[0]
        answer = Answer(status, list(headers), body)
        failed = int(status[:3]) >= 400
        if target.service == "logs" and not failed:
            self._follow_logs(passage, target.operation)
        if target.service == "s3" and not failed:
            answer.elements = members.of_s3_answer(answer.headers)
        elif failed or kinds.shows_answer(target.operation):
            _read_elements(answer, target)
        return answer

    def _follow_logs(self, passage: Passage, operation: str) -> None:
        """Let metric filters see what moto has taken."""
        filters, params = self._planes[passage.owner].filters, passage.params
        if operation == "PutLogEvents":
            filters.observe(params["logGroupName"], params["logEvents"])
        elif operation == "DeleteLogGroup":
            filters.forget(params["logGroupName"])

    def _record(self, passage: Passage, answer: Answer) -> None:
        request, target = passage.request, passage.request.target
        if target is None or not passage.accounts or (target.service, target.operation) in kinds.UNRECORDED:
            return
        credential = request.credential
        self._records.append(
            trail.Event(
                service=credential.signing_name if credential else target.service,
                name=target.operation,
                region=credential.region if credential else self._region,
                accounts=passage.accounts,
                identity=passage.caller.record,
                request=members.of_request(target, passage.params, request.environ),
                response=answer.elements,
                error=answer.error,
                source_ip=request.environ.get("REMOTE_ADDR", ""),
                user_agent=request.environ.get("HTTP_USER_AGENT", ""),
                request_id=passage.id,
                resources=members.resources(target, passage.params, passage.owner, self._region),
                additional=members.additional(target, request.environ, answer.headers),
            )
        )


def unsigned() -> ServiceError:
    return ServiceError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)


def refusal(error: ServiceError, request: Request) -> Answer:
    """Write an error in the protocol of the service that was called."""
    status, code, kind, body = protocols.write_error(error, request.target, request.environ)
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    return Answer(f"{status} {code}", headers, [body], error=(error.code, error.message))


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
    answer.elements = members.of_answer(target, parsed)
