"""RetryPolicies of a pipeline's step: which failure is tried again, when, and how often."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = (
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)
CODES = {
    "ThrottlingException": "Step.THROTTLING",
    "Throttling": "Step.THROTTLING",
    "InternalFailure": "Step.SERVICE_FAULT",
    "ServiceUnavailable": "Step.SERVICE_FAULT",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}
REASONS = {
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}
MOST_ATTEMPTS, MOST_MINUTES = 20, 14400


class Retries:
    """The attempts of one step."""

    def __init__(self, policies: Sequence[dict[str, Any]]) -> None:
        self._policies = policies
        self._used: Counter[int] = Counter()
        self._began = time.monotonic()

    def delay(self, error: Exception) -> float | None:
        """How long to wait before the next attempt; None when the failure stands."""
        kind = kind_of(error)
        for number, policy in enumerate(self._policies):
            if kind in policy["ExceptionType"]:
                used = self._used[number]
                self._used[number] += 1
                minutes = policy.get("ExpireAfterMin")
                spent = used >= policy.get("MaxAttempts", float("inf"))
                late = minutes is not None and time.monotonic() - self._began > 60 * minutes
                interval = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** used
                return None if spent or late else float(interval)
        return None


def kind_of(error: Exception) -> str | None:
    """The exception type of a failure, as policies name it."""
    if isinstance(error, ClientError):
        return CODES.get(error.response["Error"]["Code"])
    return REASONS.get(str(error).split(":", 1)[0])


def check(policies: Sequence[dict[str, Any]], said: str) -> None:
    """Refuse a policy that AWS refuses."""
    for policy in policies:
        unknown = sorted(set(policy.get("ExceptionType", ())) - set(KINDS))
        if unknown or not policy.get("ExceptionType"):
            raise invalid(f"{said}: RetryPolicies: ExceptionType {unknown!r}; allowed: {', '.join(KINDS)}")
        most, minutes = policy.get("MaxAttempts"), policy.get("ExpireAfterMin")
        if (most is None) == (minutes is None):
            raise invalid(f"{said}: RetryPolicies: give one of MaxAttempts and ExpireAfterMin")
        if not 1 <= (most or 1) <= MOST_ATTEMPTS or not 1 <= (minutes or 1) <= MOST_MINUTES:
            raise invalid(
                f"{said}: RetryPolicies: MaxAttempts is 1 to {MOST_ATTEMPTS}, "
                f"ExpireAfterMin 1 to {MOST_MINUTES}"
            )
