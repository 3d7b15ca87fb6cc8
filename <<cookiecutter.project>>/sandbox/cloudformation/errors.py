"""What CloudFormation refuses: a request at once, a resource in the middle of a stack."""

from __future__ import annotations

from sandbox.errors import ServiceError


def refused(message: str) -> ServiceError:
    """CloudFormation's answer to nearly every bad request."""
    return ServiceError("ValidationError", message)


def malformed(message: str) -> ServiceError:
    return refused(f"Template format error: {message}")


def unserved(what: str) -> ServiceError:
    """What the sandbox's CloudFormation does not have."""
    return refused(f"the sandbox's CloudFormation has no {what}; see docs/sandbox.md")


class ResourceError(Exception):
    """A resource that could not be made, changed or deleted; `code` as resource handlers name it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def already_exists(what: str) -> ResourceError:
    """A resource whose create call would quietly take what is there."""
    return ResourceError("AlreadyExists", f"{what} already exists")
