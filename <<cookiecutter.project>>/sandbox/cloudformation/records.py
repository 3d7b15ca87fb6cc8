"""What CloudFormation keeps: stacks with their resources and events, and change sets."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.clock import Clock
    from sandbox.cloudformation.design import Design
    from sandbox.cloudformation.kinds import Kind, Place

DELETED = "DELETE_COMPLETE"
REVIEW = "REVIEW_IN_PROGRESS"
STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Resource:
    """One resource of a stack, as it was last seen."""

    logical: str
    kind: Kind
    status: str
    moment: datetime
    id: str = ""
    reason: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    deletion: str = "Delete"
    attempted: Mapping[str, Any] | None = None  # what an update that failed would have made of it


@dataclass(frozen=True)
class Event:
    """What happened to a stack or one of its resources."""

    id: str
    moment: datetime
    logical: str
    physical: str
    kind: str
    status: str
    reason: str
    token: str


@dataclass(frozen=True)
class Output:
    """One output: its value, and the name under which other stacks may import it."""

    name: str
    value: str
    description: str = ""
    export: str = ""


@dataclass(frozen=True)
class Undo:
    """What an update did to a resource, to be taken back: nothing was there `before` where it made it."""

    before: Resource | None
    replaced: bool = False


@dataclass
class Stack:
    """One stack and its history. Every change of it goes through `note`, which wakes who waits."""

    place: Place
    created: datetime
    design: Design | None
    status: str = REVIEW
    reason: str = ""
    updated: datetime | None = None
    deleted: datetime | None = None
    capabilities: tuple[str, ...] = ()
    role: str = ""
    description: str = ""
    protected: bool = False
    disable_rollback: bool = False
    resources: dict[str, Resource] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    outputs: dict[str, Output] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    undo: dict[str, Undo] = field(default_factory=dict)
    discarded: list[Resource] = field(default_factory=list)  # made by an update that is being taken back
    change_set: str = ""
    token: str = ""

    @property
    def name(self) -> str:
        return self.place.stack

    @property
    def id(self) -> str:
        return self.place.stack_id

    @property
    def is_busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != REVIEW

    @property
    def is_deleted(self) -> bool:
        return self.status == DELETED

    @property
    def tags(self) -> Mapping[str, str]:
        return self.design.tags if self.design else {}


class Journal:
    """Writes down what happens, in sandbox time."""

    def __init__(self, clock: Clock, news: threading.Condition) -> None:
        self._clock = clock
        self._news = news

    def now(self) -> datetime:
        return self._clock.now()

    def stack(self, stack: Stack, status: str, reason: str = "") -> None:
        """A stack comes into another state."""
        with self._news:
            stack.status, stack.reason = status, reason
            self._tell(stack, stack.name, stack.id, STACK, status, reason)
            self._news.notify_all()

    def resource(
        self, stack: Stack, resource: Resource, status: str, reason: str = "", **news: Any
    ) -> Resource:
        """A resource of a stack comes into another state; what it is then."""
        with self._news:
            found = self.aside(stack, replace(resource, **news), status, reason)
            stack.resources[found.logical] = found
            return found

    def aside(self, stack: Stack, resource: Resource, status: str, reason: str = "") -> Resource:
        """The same of a resource whose place in the stack another has taken."""
        with self._news:
            found = replace(resource, status=status, reason=reason, moment=self.now())
            self._tell(stack, found.logical, found.id, found.kind.name, status, reason)
            return found

    def _tell(self, stack: Stack, logical: str, physical: str, kind: str, status: str, reason: str) -> None:
        ident = str(uuid.uuid4()) if kind == STACK else f"{logical}-{status}-{uuid.uuid4()}"
        stack.events.append(Event(ident, self.now(), logical, physical, kind, status, reason, stack.token))


@dataclass
class ChangeSet:
    """A change of a stack that waits to be executed."""

    id: str
    name: str
    kind: str  # CREATE, IMPORT or UPDATE
    created: datetime
    design: Design
    description: str
    capabilities: tuple[str, ...]
    role: str
    on_failure: str
    imported: Mapping[str, str] = field(default_factory=dict)  # of IMPORT: logical → identifier
    status: str = "CREATE_PENDING"
    reason: str = ""
    execution: str = "UNAVAILABLE"
    changes: list[dict[str, Any]] = field(default_factory=list)
