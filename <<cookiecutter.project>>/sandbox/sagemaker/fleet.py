"""The instances behind one variant of one version of an endpoint."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError
from sandbox.sagemaker.instance import ANSWER_SECONDS, Instance, Reply

if TYPE_CHECKING:
    from sandbox.sagemaker.store import Record
    from sandbox.world import World

NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


class Fleet:
    """The instances of one variant; requests in flight are counted, so that none is cut off."""

    def __init__(self, world: World, endpoint: str, config: str, container: Record, variant: Record) -> None:
        self._world = world
        self._endpoint = endpoint
        self.config = config
        self.container = container
        self.variant = variant
        self.name: str = variant["VariantName"]
        self.weight: float = variant["InitialVariantWeight"]
        self.made = world.clock.now()
        self.wanted: int = variant["InitialInstanceCount"]
        self.instances: list[Instance] = []
        self._turn = 0
        self._flying = 0
        self._calm = threading.Condition()

    def scale(self, count: int) -> None:
        """Start instances until there are `count`, or drain and end the surplus."""
        if (missing := count - len(self.instances)) > 0:
            self._grow(missing)
        with self._calm:
            surplus, self.instances = self.instances[count:], self.instances[:count]
        self._end(surplus)

    def _grow(self, missing: int) -> None:
        if self.variant.get("InstanceType") in self._world.no_capacity:
            raise SandboxError(NO_CAPACITY)
        new = [Instance(self._world, self._endpoint, self.container, self.name) for _ in range(missing)]
        try:
            with ThreadPoolExecutor(len(new)) as pool:
                list(pool.map(Instance.start, new))
        except BaseException:
            self._end(new)
            raise
        with self._calm:
            self.instances = [*self.instances, *new]

    def enter(self) -> None:
        with self._calm:
            self._flying += 1

    def leave(self) -> None:
        with self._calm:
            self._flying -= 1
            self._calm.notify_all()

    def invoke(self, body: bytes, headers: dict[str, str]) -> Reply:
        """Let the least busy instance answer, each in its turn."""
        with self._calm:
            self._turn += 1
            count = len(self.instances)
            order = [self.instances[(self._turn + place) % count] for place in range(count)]
            instance = min(order, key=lambda each: each.busy)
            instance.busy += 1
        try:
            return instance.invoke(body, headers)
        finally:
            with self._calm:
                instance.busy -= 1
                self._calm.notify_all()

    def _end(self, instances: list[Instance]) -> None:
        with self._calm:
            self._calm.wait_for(lambda: not any(each.busy for each in instances), ANSWER_SECONDS)
        for each in instances:
            each.stop()

    def stop(self) -> None:
        """End the fleet once the requests that it was given are answered."""
        with self._calm:
            self._calm.wait_for(lambda: self._flying <= 0, ANSWER_SECONDS)
            instances, self.instances = self.instances, []
        self._end(instances)
