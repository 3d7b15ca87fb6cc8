"""One thing of an account, and the kind that it is of."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.foundation.account import client
from mlops.teardown.owning import duty_by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlops.aws import Aws


@dataclass(frozen=True)
class Item:
    """A thing as its service lists it. `name` tells whose it is; prefixes of the service's are cut off."""

    kind: str
    id: str  # what removes it
    name: str
    arn: str = ""
    owner: str = ""  # the project that its tags name
    size: int = 0  # bytes, of what is paid by the byte

    def __str__(self) -> str:
        """As a line of a listing shows it."""
        return f"{self.kind} {self.id}"


@dataclass(frozen=True)
class Held:
    """Why a thing stays: until when, and what it costs meanwhile."""

    item: Item
    reason: str
    usd_per_month: float = 0.0


class Clients:
    """The clients of one account and region, each made once."""

    def __init__(self, aws: Aws, account: str) -> None:
        self.aws, self.account, self.region = aws, account, aws.region
        self._made: dict[str, Any] = {}
        self._guard = threading.Lock()

    def of(self, service: str) -> Any:
        """A client of a service."""
        with self._guard:
            if service not in self._made:
                self._made[service] = client(self.aws, service)
            return self._made[service]

    def pages(self, service: str, operation: str, member: str, **parameters: Any) -> list[Any]:
        """All that a listing has, under one member of its answer."""
        client = self.of(service)
        if not client.can_paginate(operation):
            return list(getattr(client, operation)(**parameters).get(member) or [])
        pages = client.get_paginator(operation).paginate(**parameters)
        return [each for page in pages for each in page.get(member) or []]


@dataclass(frozen=True)
class Kind:
    """How things of a kind are found and removed. `types` are CloudFormation's, `made_by` boto3's methods."""

    name: str
    find: Callable[[Clients], Iterable[Item]]
    remove: Callable[[Clients, Item], None]
    types: tuple[str, ...] = ()
    made_by: tuple[str, ...] = ()
    duty: Callable[[str], str] = duty_by_name
