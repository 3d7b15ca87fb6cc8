"""InvokeEndpoint: carries a request to the fleet whose turn it is, and its errors back as ModelError."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError
from sandbox.metrics import Metric, sample
from sandbox.sagemaker.capture import Exchange

if TYPE_CHECKING:
    from sandbox.sagemaker.endpoints import Endpoints
    from sandbox.sagemaker.fleet import Fleet
    from sandbox.sagemaker.instance import Reply
    from sandbox.world import World

Headers = list[tuple[str, str]]
LARGEST_BODY = 6 * 2**20
PASSED = {
    "CONTENT_TYPE": "Content-Type",
    "HTTP_ACCEPT": "Accept",
    "HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES": "X-Amzn-SageMaker-Custom-Attributes",
    "HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID": "X-Amzn-SageMaker-Inference-Id",
}
UNSERVED = (
    "TARGET_MODEL",
    "TARGET_CONTAINER_HOSTNAME",
    "INFERENCE_COMPONENT",
    "ENABLE_EXPLANATIONS",
    "SESSION_ID",
)
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


class Runtime:
    """The runtime's one operation."""

    def __init__(self, world: World, endpoints: Endpoints) -> None:
        self._world = world
        self._endpoints = endpoints

    def invoke(self, name: str, environ: dict[str, Any], body: bytes) -> tuple[str, Headers, bytes]:
        """Serve one InvokeEndpoint."""
        check(environ, body)
        began = time.perf_counter()
        version, fleet = self._endpoints.enter(name, environ.get("HTTP_X_AMZN_SAGEMAKER_TARGET_VARIANT"))
        try:
            headers = {header: environ[key] for key, header in PASSED.items() if environ.get(key)}
            asked = time.perf_counter()
            status, said, reply = ask(fleet, body, headers)
            answered = time.perf_counter()
            self._measure(name, fleet, status, answered - asked, time.perf_counter() - began)
            if version.capture and reply and reply.status == 200:
                version.capture.take(Exchange(fleet.name, body, headers, reply))
        finally:
            fleet.leave()
        if reply is None or reply.status != 200:
            raise model_error(name, self._world, status, said)
        return "200 OK", answer_headers(reply, fleet.name), reply.body

    def _measure(self, endpoint: str, fleet: Fleet, status: int, model: float, whole: float) -> None:
        """Count one request, as SageMaker does: per variant, and per variant of this configuration."""
        moment = self._world.clock.time()
        found = {
            "Invocations": sample(1),
            "Invocation4XXErrors": sample(float(400 <= status < 500)),
            "Invocation5XXErrors": sample(float(not 200 <= status < 500)),
            "InvocationModelErrors": sample(float(not 200 <= status < 300)),
            "ModelLatency": sample(round(model * 1e6), unit="Microseconds"),
            "OverheadLatency": sample(round((whole - model) * 1e6), unit="Microseconds"),
        }
        variant = (("EndpointName", endpoint), ("VariantName", fleet.name))
        for dimensions in (variant, (("EndpointConfigName", fleet.config), *variant)):
            for metric, each in found.items():
                self._world.metrics.add(Metric("AWS/SageMaker", metric, dimensions), moment, each)


def check(environ: dict[str, Any], body: bytes) -> None:
    """Refuse what an endpoint here would silently ignore, and what is too large for one."""
    for member in UNSERVED:
        if environ.get(f"HTTP_X_AMZN_SAGEMAKER_{member}"):
            header = member.replace("_", "-").title()
            raise ServiceError(
                "ValidationError",
                f"the sandbox does not serve X-Amzn-SageMaker-{header}; see docs/sandbox.md",
            )
    if len(body) > LARGEST_BODY:
        raise ServiceError(
            "ValidationError", f"Request body of {len(body)} bytes exceeded {LARGEST_BODY} bytes.", 413
        )


def ask(fleet: Fleet, body: bytes, headers: dict[str, str]) -> tuple[int, str, Reply | None]:
    """Status, error text and answer; status 0 for a container that did not answer."""
    try:
        reply = fleet.invoke(body, headers)
    except TimeoutError:
        return 0, TIMED_OUT, None
    except (OSError, http.client.HTTPException) as error:
        return 0, f"the container did not answer: {error!r}", None
    return reply.status, reply.body.decode(errors="replace") if reply.status != 200 else "", reply


def answer_headers(reply: Reply, variant: str) -> Headers:
    custom = [("X-Amzn-SageMaker-Custom-Attributes", reply.custom)] if reply.custom else []
    return [
        ("Content-Type", reply.kind),
        ("Content-Length", str(len(reply.body))),
        ("x-Amzn-Invoked-Production-Variant", variant),
        *custom,
    ]


def model_error(endpoint: str, world: World, status: int, said: str) -> ServiceError:
    """What a client sees of a container's failure."""
    side = "client" if 400 <= status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    return ServiceError(
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{said}". '
        f"See the log group {group} in account {world.account} for more information.",
        424,
        OriginalStatusCode=status,
        OriginalMessage=said,
        LogStreamArn=f"arn:aws:logs:{world.region}:{world.account}:log-group:{group}",
    )
