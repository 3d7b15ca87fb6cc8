"""One request after a deployment: the endpoint must answer what the release was sealed with.

The request stands in the evaluation. It is made from the test set's columns, not from its rows: each column's
most ordinary value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mlops.aws import describe_failure
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.aws import Aws
    from mlops.target import Target


def smoke(aws: Aws, target: Target, evaluation: Mapping[str, Any]) -> None:
    """Send the sealed request; raise MlopsError unless the endpoint answers it."""
    request = evaluation.get("smoke")
    if not request:
        raise MlopsError(f"{target.pin.model}: the evaluation has no smoke request; train the release anew")
    kind = request["content_type"]
    try:
        answer = aws.runtime.invoke_endpoint(
            EndpointName=target.endpoint, ContentType=kind, Accept=kind, Body=request["body"].encode()
        )
    except ClientError as error:
        reason = describe_failure(error)
        raise MlopsError(
            f"endpoint {target.endpoint!r} does not answer its smoke request: {reason}. Revert the pin"
        ) from None
    if not answer["Body"].read().strip():
        raise MlopsError(f"endpoint {target.endpoint!r} answers its smoke request with nothing")
