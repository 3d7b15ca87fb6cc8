"""InvokeEndpoint: carries a request to the fleet that serves, and its errors back as ModelError."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from sandbox.sagemaker.endpoints import Endpoints
    from sandbox.sagemaker.fleet import Reply

Headers = list[tuple[str, str]]
PASSED = {
    "CONTENT_TYPE": "Content-Type",
    "HTTP_ACCEPT": "Accept",
    "HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES": "X-Amzn-SageMaker-Custom-Attributes",
    "HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID": "X-Amzn-SageMaker-Inference-Id",
}


def invoke(
    endpoints: Endpoints, name: str, environ: dict[str, Any], body: bytes
) -> tuple[str, Headers, bytes]:
    """Serve one InvokeEndpoint."""
    fleet = endpoints.serving(name)
    headers = {header: environ[key] for key, header in PASSED.items() if environ.get(key)}
    variant = fleet.variant["VariantName"]
    try:
        reply = fleet.invoke(body, headers)
    except (OSError, http.client.HTTPException) as error:
        raise model_error(name, variant, 500, f"the container did not answer: {error!r}") from error
    if reply.status != 200:
        raise model_error(name, variant, reply.status, reply.body.decode(errors="replace"))
    return "200 OK", answer_headers(reply, variant), reply.body


def answer_headers(reply: Reply, variant: str) -> Headers:
    return [
        ("Content-Type", reply.kind),
        ("Content-Length", str(len(reply.body))),
        ("x-Amzn-Invoked-Production-Variant", variant),
    ]


def model_error(endpoint: str, variant: str, status: int, said: str) -> ServiceError:
    """What a client sees of a container's failure."""
    side = "client" if 400 <= status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    return ServiceError(
        "ModelError",
        f'Received {side} error ({status}) from {variant} with message "{said}". '
        f"See the log group {group} for more information.",
        424,
        OriginalStatusCode=status,
        OriginalMessage=said,
        LogStreamArn=group,
    )
