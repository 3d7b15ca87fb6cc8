"""The stacks of one account in one region, by name and id, and what they export to each other."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sandbox.cloudformation.errors import ResourceError, refused
from sandbox.cloudformation.kinds import Place

if TYPE_CHECKING:
    from sandbox.cloudformation.records import ChangeSet, Output, Stack


class Store:
    """Stacks in the order in which they were made, deleted ones too."""

    def __init__(self, account: str, region: str) -> None:
        self.stacks: list[Stack] = []
        self._account = account
        self._region = region

    def new_place(self, name: str) -> Place:
        """Where a new stack of a name will be."""
        plain = Place(self._account, self._region)
        ident = plain.arn("cloudformation", f"stack/{name}/{uuid.uuid4()}")
        return Place(self._account, self._region, name, ident)

    def find(self, name: str) -> Stack | None:
        """A stack by its id, or by its name while it lives."""
        for stack in reversed(self.stacks):
            if stack.id == name or (stack.name == name and not stack.is_deleted):
                return stack
        return None

    def require(self, name: str) -> Stack:
        found = self.find(name)
        if found is None:
            raise refused(f"Stack [{name}] does not exist")
        return found

    def change_set(self, name: str) -> tuple[Stack, ChangeSet] | None:
        """A change set by its id."""
        for stack in self.stacks:
            for each in stack.change_sets.values():
                if each.id == name:
                    return stack, each
        return None

    def exports(self) -> dict[str, tuple[Stack, Output]]:
        return {
            output.export: (stack, output)
            for stack in self.stacks
            for output in stack.outputs.values()
            if output.export and not stack.is_deleted
        }

    def exported(self, name: str) -> str:
        """The value of an export; raises ResourceError where there is none."""
        found = self.exports().get(name)
        if found is None:
            raise ResourceError("NotFound", f"No export named {name} found.")
        return found[1].value

    def importers(self, name: str) -> list[str]:
        return [stack.name for stack in self.stacks if name in stack.imports and not stack.is_deleted]
