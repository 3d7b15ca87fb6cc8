"""Acts on one resource: made, changed, deleted; each told to the journal, each failure with its reason."""

from __future__ import annotations

import logging
import re
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.cloudformation import importing
from sandbox.cloudformation.dynamic import fill
from sandbox.cloudformation.errors import ResourceError
from sandbox.cloudformation.kinds import Making
from sandbox.cloudformation.records import Resource
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.cloudformation.design import Part
    from sandbox.cloudformation.faults import Faults
    from sandbox.cloudformation.records import Journal, Stack

log = logging.getLogger("sandbox")
# What resource handlers call the errors of all services.
CODES = (
    ("AccessDenied", re.compile("AccessDenied|Unauthorized|NotAuthorized|AuthorizationError")),
    ("NotFound", re.compile("NoSuch|NotFound|DoesNotExist|UnknownResource")),
    ("AlreadyExists", re.compile("AlreadyExist|AlreadyOwned|Duplicate|ResourceExists")),
    ("InvalidCredentials", re.compile("ExpiredToken|InvalidClientToken|UnrecognizedClient|InvalidAccessKey")),
    ("Throttling", re.compile("Throttl|TooManyRequests|SlowDown|RequestLimit")),
    ("ServiceLimitExceeded", re.compile("LimitExceeded|QuotaExceeded")),
    ("ResourceConflict", re.compile("Conflict|InUse|NotEmpty|DependencyViolation")),
    ("InternalFailure", re.compile("InternalFailure|InternalError|ServiceFailure")),
)


def code_of(error: str) -> str:
    """A handler's error code for a service's."""
    return next((code for code, pattern in CODES if pattern.search(error)), "InvalidRequest")


@contextmanager
def translated() -> Iterator[None]:
    """Whatever a type's calls raise, as the failure of a resource."""
    try:
        yield
    except ResourceError:
        raise
    except ClientError as error:
        said = error.response.get("Error", {})
        raise ResourceError(code_of(said.get("Code", "")), said.get("Message", str(error))) from None
    except ServiceError as error:
        raise ResourceError("InvalidRequest", error.message) from None
    except BotoCoreError as error:
        raise ResourceError("InvalidRequest", " ".join(str(error).split())) from None
    except Exception as error:
        log.exception("sandbox fault in a resource type")
        raise ResourceError("InternalFailure", f"sandbox fault: {error!r}") from None


class Acts:
    """Hands on the resources of one stack, for one operation."""

    def __init__(self, stack: Stack, client: Callable[[str], Any], journal: Journal, faults: Faults) -> None:
        self._stack = stack
        self._client = client
        self._journal = journal
        self._faults = faults

    def create(self, part: Part, find: Callable[[], Mapping[str, Any]], reason: str = "") -> Resource:
        """Make a resource of what `find` says; what there is of it when that fails stays on record."""
        plain = Resource(part.logical, part.kind, "", self._journal.now(), deletion=part.deletion)
        begun = "UPDATE" if reason else "CREATE"
        resource = self._journal.resource(self._stack, plain, f"{begun}_IN_PROGRESS", reason)
        making = self._making(resource, {})
        with self._told(resource, making, f"{begun}_FAILED"):
            self._give(making, find())
            part.kind.create(making)
        made = self._journal.resource(
            self._stack, resource, f"{begun}_IN_PROGRESS", "Resource creation Initiated", **_found(making)
        )
        return self._journal.resource(self._stack, made, f"{begun}_COMPLETE")

    def adopt(self, part: Part, identifier: str, find: Callable[[], Mapping[str, Any]]) -> Resource:
        """Take over a resource that is there, and give it the stack's tags."""
        plain = Resource(part.logical, part.kind, "", self._journal.now(), deletion=part.deletion)
        begun = self._journal.resource(self._stack, plain, "IMPORT_IN_PROGRESS", "Resource import started.")
        making = self._making(begun, {})
        with self._told(begun, making, "IMPORT_FAILED"):
            self._give(making, find())
            importing.adopt(part.kind.name, identifier, making)
            tags = part.kind.tags
            part.kind.update(
                making, {name: value for name, value in making.properties.items() if name != tags}
            )
        return self._journal.resource(
            self._stack, begun, "IMPORT_COMPLETE", "Resource import completed.", **_found(making)
        )

    def update(self, resource: Resource, before: Mapping[str, Any], after: Mapping[str, Any]) -> Resource:
        """Bring a resource from some properties to others."""
        begun = self._journal.resource(self._stack, resource, "UPDATE_IN_PROGRESS", attempted=after)
        making = self._making(resource, {})
        with self._told(begun, making, "UPDATE_FAILED"):
            self._give(making, after)
            resource.kind.update(making, fill(dict(before), self._client))
        return self._journal.resource(self._stack, begun, "UPDATE_COMPLETE", attempted=None, **_found(making))

    def fail(self, resource: Resource, error: ResourceError) -> None:
        """A resource whose update failed before it began."""
        self._journal.resource(self._stack, resource, "UPDATE_FAILED", said(error))

    def delete(self, resource: Resource, aside: bool = False) -> None:
        """Delete a resource, if it was ever made; one that is gone already is deleted."""
        tell = self._journal.aside if aside else self._journal.resource
        if resource.id:
            resource = tell(self._stack, resource, "DELETE_IN_PROGRESS")
            try:
                with translated():
                    self._faults.before(resource.logical)
                    resource.kind.delete(self._making(resource, resource.properties))
            except ResourceError as error:
                if error.code != "NotFound":
                    tell(self._stack, resource, "DELETE_FAILED", said(error))
                    raise
        tell(self._stack, resource, "DELETE_COMPLETE")

    def skip(self, resource: Resource, aside: bool = False) -> None:
        """Let a resource be, which is no longer the stack's."""
        tell = self._journal.aside if aside else self._journal.resource
        tell(self._stack, resource, "DELETE_SKIPPED")

    def _give(self, making: Making, written: Mapping[str, Any]) -> None:
        """Properties as a template has them, and with what its dynamic references stand for."""
        making.written = dict(written)
        making.properties = fill(making.written, self._client)

    def _making(self, resource: Resource, properties: Mapping[str, Any]) -> Making:
        place = self._stack.place
        return Making(
            resource.logical, dict(properties), place, self._client, resource.id, dict(resource.attributes)
        )

    @contextmanager
    def _told(self, resource: Resource, making: Making, failed: str) -> Iterator[None]:
        """An act of which a failure is told to the journal; a resource half made keeps its id."""
        try:
            with translated():
                self._faults.before(resource.logical)
                yield
        except ResourceError as error:
            news = _found(making) if failed == "CREATE_FAILED" or not resource.id else {}
            self._journal.resource(self._stack, resource, failed, said(error), **news)
            raise


def _found(making: Making) -> dict[str, Any]:
    return {"id": making.id, "properties": making.written, "attributes": making.attributes}


def said(error: ResourceError) -> str:
    """A failure as events give its reason."""
    return (
        f'Resource handler returned message: "{error.message}" '
        f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {error.code})"
    )
