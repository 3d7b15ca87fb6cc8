"""Every SageMaker operation is served or refused by name; requests are judged by AWS's own model."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

from sandbox import protocols, routes, wire
from sandbox.cloudtrail import members
from sandbox.errors import ServiceError
from sandbox.sagemaker.service import SageMaker
from sandbox.wire import Target

from .conftest import PAYLOAD, Sandbox

MODEL = botocore.session.get_session().get_service_model("sagemaker")


def send(sandbox: Sandbox, target: str, body: bytes, path: str = "/") -> tuple[int, dict[str, Any]]:
    """A signed-looking request of our own making, which no client library would send."""
    scope = "AKIAROOT222222222222/20260101/eu-west-1/sagemaker/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.1",
    }
    request = urllib.request.Request(f"{sandbox.endpoint}{path}", body, headers)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def served() -> set[str]:
    world: Any = type("Nowhere", (), {"account": "1", "region": "r"})()
    return set(SageMaker(world, {}).operations)


@pytest.mark.parametrize("operation", sorted(set(MODEL.operation_names) - served()))
def test_an_operation_that_is_not_served_is_refused_by_name(sandbox: Sandbox, operation: str) -> None:
    status, document = send(sandbox, f"SageMaker.{operation}", b"{}")
    assert status == 400
    assert document["__type"] == "UnknownOperationException"
    assert document["message"] == f"the sandbox does not serve sagemaker:{operation}; see docs/sandbox.md"


@pytest.mark.parametrize("operation", sorted(served()))
def test_a_served_operation_refuses_a_member_it_does_not_know(sandbox: Sandbox, operation: str) -> None:
    assert operation in MODEL.operation_names
    status, document = send(sandbox, f"SageMaker.{operation}", b'{"Colour": "blue"}')
    assert status == 400
    assert document["__type"] == "ValidationException"
    assert re.match(r"\d+ validation errors? detected: ", document["message"])


def test_the_documentation_lists_every_served_operation() -> None:
    text = (PAYLOAD / "docs/sandbox.md").read_text()
    assert [name for name in sorted(served()) if name not in text] == []


def test_an_operation_that_no_model_has_is_refused(sandbox: Sandbox) -> None:
    status, document = send(sandbox, "SageMaker.MakeCoffee", b"{}")
    assert (status, document["__type"]) == (400, "UnknownOperationException")
    assert "MakeCoffee" in document["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_not_a_json_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    status, document = send(sandbox, "SageMaker.ListModels", body)
    assert (status, document["__type"]) == (400, "SerializationException")


def test_a_missing_member_is_named(sagemaker: Any, sandbox: Sandbox) -> None:
    status, document = send(sandbox, "SageMaker.CreateModelPackageGroup", b"{}")
    assert status == 400
    assert 'Missing required parameter in input: "ModelPackageGroupName"' in document["message"]


def test_the_asynchronous_runtime_is_refused_by_name(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="does not serve sagemaker-runtime:InvokeEndpointAsync"):
        sandbox.client("sagemaker-runtime").invoke_endpoint_async(EndpointName="x", InputLocation="s3://a/b")


def test_an_answer_with_a_member_that_the_model_lacks_is_our_fault() -> None:
    with pytest.raises(TypeError, match=r"ListModels: the model has no members \['Colour'\]"):
        wire.serialise(MODEL.operation_model("ListModels"), {"Models": [], "Colour": "blue"})


def test_a_bad_token_is_refused(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="Invalid NextToken"):
        sagemaker.list_models(NextToken="soon")


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "operation"),
    [
        ("GET", "/", "", {}, "ListBuckets"),
        ("GET", "/b", "list-type=2&prefix=a", {}, "ListObjectsV2"),
        ("GET", "/b", "", {}, "ListObjects"),
        ("GET", "/b/k", "", {}, "GetObject"),
        ("HEAD", "/b/deep/k", "", {}, "HeadObject"),
        ("PUT", "/b", "", {}, "CreateBucket"),
        ("PUT", "/b", "versioning", {}, "PutBucketVersioning"),
        ("PUT", "/b/k", "", {}, "PutObject"),
        ("PUT", "/b/k", "", {"HTTP_X_AMZ_COPY_SOURCE": "b/x"}, "CopyObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {}, "UploadPart"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {"HTTP_X_AMZ_COPY_SOURCE": "b/x"}, "UploadPartCopy"),
        ("POST", "/b/k", "uploads", {}, "CreateMultipartUpload"),
        ("POST", "/b/k", "uploadId=u", {}, "CompleteMultipartUpload"),
        ("POST", "/b", "delete", {}, "DeleteObjects"),
        ("DELETE", "/b/k", "", {}, "DeleteObject"),
        ("GET", "/b/k", "retention", {}, "GetObjectRetention"),
    ],
)
def test_s3_operations_are_told_apart(
    method: str, path: str, query: str, headers: dict[str, str], operation: str
) -> None:
    model = wire.service_model("s3")
    assert model is not None
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **headers}
    found = routes.match(model, environ)
    assert found is not None
    assert found[0] == operation


def test_a_sensitive_member_is_never_recorded() -> None:
    shape = wire.operation_model("ssm", "PutParameter").input_shape
    recorded = members.recorded(shape, {"Name": "n", "Value": "hunter2", "Type": "String"}, "ssm")
    assert recorded == {"name": "n", "value": members.HIDDEN, "type": "String"}


@pytest.mark.parametrize(
    ("service", "operation", "status", "code"),
    [
        ("sagemaker", "ListEndpoints", 400, "AccessDeniedException"),
        ("sagemaker-runtime", "InvokeEndpoint", 400, "AccessDeniedException"),
        ("iam", "ListRoles", 403, "AccessDenied"),
        ("s3", "ListBuckets", 403, "AccessDenied"),
        ("ec2", "DescribeVpcs", 403, "AccessDenied"),
    ],
)
def test_a_refusal_is_written_in_each_protocol(service: str, operation: str, status: int, code: str) -> None:
    model = wire.operation_model(service, operation)
    kind = "application/x-www-form-urlencoded" if service in ("iam", "ec2") else ""
    environ = {"CONTENT_TYPE": kind, "REQUEST_METHOD": "POST"}
    error = ServiceError("AccessDenied", "no <b>", 403)
    found = protocols.write_error(error, Target(service, operation, {}), environ)
    headers = {"x-amzn-errortype": found[1]} if found[2] == protocols.JSON else {}
    answer = {"status_code": found[0], "headers": headers, "body": found[3]}
    protocol = {"sagemaker": "json", "sagemaker-runtime": "rest-json", "iam": "query", "s3": "rest-xml"}
    parser: Any = create_parser(protocol.get(service, "ec2"))
    parsed = parser.parse(answer, model.output_shape)
    assert (found[0], parsed["Error"]["Code"], parsed["Error"]["Message"]) == (status, code, "no <b>")


def test_service_errors_carry_code_message_and_members() -> None:
    error = ServiceError("ModelError", "no", 424, OriginalStatusCode=500)
    target = Target("sagemaker-runtime", "InvokeEndpoint", {})
    status, code, _, body = protocols.write_error(error, target, {"REQUEST_METHOD": "POST"})
    assert (status, code) == (424, "ModelError")
    assert json.loads(body) == {"__type": "ModelError", "message": "no", "OriginalStatusCode": 500}
