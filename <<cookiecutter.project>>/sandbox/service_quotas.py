"""Service Quotas of SageMaker: how many instances of a type an account may have at once.

The uses are AWS's; the numbers are the sandbox's own, much as a new account has them: a few small instances,
none with a GPU.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError
from sandbox.wire import operation_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.world import Call

SERVICE = "sagemaker"
USES = ("endpoint usage", "training job usage", "processing job usage", "transform job usage")
GPU = re.compile(r"ml\.(?:p|g|trn|inf)\d")
SMALL, NONE = 20.0, 0.0
MOST = 100  # on a page
# quotas that are not of an instance type
OTHERS = {
    "Number of instances across active endpoints": 200.0,
    "Number of instances across training jobs": 20.0,
    "Number of instances across processing jobs": 20.0,
}


class ServiceQuotas:
    """The quotas of one account, which is granted no more than every other."""

    def __init__(self, account: str, region: str) -> None:
        self._account, self._region = account, region
        self.operations: Mapping[str, Callable[[Call], dict[str, Any]]] = {
            "GetServiceQuota": self.get_quota,
            "GetAWSDefaultServiceQuota": self.get_quota,
            "ListAWSDefaultServiceQuotas": self.list_quotas,
            "ListServiceQuotas": self.list_quotas,
        }

    def list_quotas(self, call: Call) -> dict[str, Any]:
        """A page of them, in the order of their names."""
        quotas = self._quotas(call.params["ServiceCode"])
        if code := call.params.get("QuotaCode"):
            quotas = [quota for quota in quotas if quota["QuotaCode"] == code]
        start = _start(call.params.get("NextToken", "0"))
        end = start + call.params.get("MaxResults", MOST)
        return {"Quotas": quotas[start:end], **({"NextToken": str(end)} if end < len(quotas) else {})}

    def get_quota(self, call: Call) -> dict[str, Any]:
        """One of them, by its code."""
        code = call.params["QuotaCode"]
        for quota in self._quotas(call.params["ServiceCode"]):
            if quota["QuotaCode"] == code:
                return {"Quota": quota}
        raise _missing()

    def _quotas(self, service: str) -> list[dict[str, Any]]:
        if service != SERVICE:
            raise ServiceError(
                "NoSuchResourceException",
                f"the sandbox knows quotas of {SERVICE!r} alone, not of {service!r}",
            )
        return [self._quota(name, value) for name, value in sorted(granted().items())]

    def _quota(self, name: str, value: float) -> dict[str, Any]:
        code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
        return {
            "ServiceCode": SERVICE,
            "ServiceName": "Amazon SageMaker",
            "QuotaArn": f"arn:aws:servicequotas:{self._region}:{self._account}:{SERVICE}/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def granted() -> dict[str, float]:
    """Quota name → number, for each instance type that botocore's SageMaker knows."""
    shape: Any = operation_model(SERVICE, "CreateTrainingJob").input_shape
    types = shape.members["ResourceConfig"].members["InstanceType"].enum
    own = {f"{each} for {use}": NONE if GPU.match(each) else SMALL for each in types for use in USES}
    return {**OTHERS, **own}


def _start(token: str) -> int:
    if not token.isdecimal():
        raise ServiceError("InvalidPaginationTokenException", "An invalid pagination token was passed.")
    return int(token)


def _missing() -> ServiceError:
    return ServiceError("NoSuchResourceException", "The specified resource does not exist.")
