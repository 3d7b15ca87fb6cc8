"""What the sandbox refuses.

SandboxError   the command line: one line, then exit 1
└─ AlreadyRunningError
ServiceError   a call: becomes the error document that an AWS client parses
"""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot do what its command line asked for."""


class AlreadyRunningError(SandboxError):
    """Another server holds the state directory."""


class ServiceError(Exception):
    """An AWS error as its client sees it: code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400, **members: str | int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def invalid(message: str) -> ServiceError:
    """SageMaker's answer to nearly every bad request, a missing resource included."""
    return ServiceError("ValidationException", message)
