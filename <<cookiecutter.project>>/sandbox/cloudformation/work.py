"""Operations on one stack from begin to end: create, update, delete, and back again where they fail."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import live
from sandbox.cloudformation.errors import ResourceError
from sandbox.cloudformation.kinds import changed
from sandbox.cloudformation.records import Undo

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sandbox.cloudformation.acts import Acts
    from sandbox.cloudformation.design import Design, Part
    from sandbox.cloudformation.records import Journal, Resource, Stack
    from sandbox.cloudformation.store import Store

GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})
REPLACES = "Requested update requires the creation of a new physical resource; hence creating one."
FAILED = {"create": "CREATE_FAILED", "update": "UPDATE_FAILED", "delete": "DELETE_FAILED"}


class Work:
    """One operation on a stack. Resources are made one after the other, each after what it needs."""

    def __init__(self, stack: Stack, store: Store, acts: Acts, journal: Journal) -> None:
        self._stack = stack
        self._store = store
        self._acts = acts
        self._journal = journal

    def create(self, design: Design, on_failure: str, keep_new: bool) -> None:
        """Make all resources; `keep_new` is False where even those with Retain go in a rollback."""
        try:
            for part in design.parts.values():
                self._make(part, design)
            self._stack.outputs = live.outputs(design, self._stack, self._store)
        except ResourceError as error:
            self._undo_create(self._reason(error), on_failure, keep_new)
            return
        self._journal.stack(self._stack, "CREATE_COMPLETE")

    def adopt(self, design: Design, imported: Mapping[str, str]) -> None:
        """Take over resources that are there; where one cannot be, the stack has none."""
        try:
            for name, part in design.parts.items():
                self._acts.adopt(part, imported[name], functools.partial(self._properties, part, design))
        except ResourceError as error:
            self._journal.stack(self._stack, "IMPORT_ROLLBACK_IN_PROGRESS", error.message)
            self._stack.resources.clear()
            self._journal.stack(self._stack, "IMPORT_ROLLBACK_COMPLETE")
            return
        self._journal.stack(self._stack, "IMPORT_COMPLETE")

    def _undo_create(self, reason: str, on_failure: str, keep_new: bool) -> None:
        if on_failure == "DO_NOTHING":
            self._journal.stack(self._stack, "CREATE_FAILED", reason)
            return
        verb = "DELETE" if on_failure == "DELETE" else "ROLLBACK"
        asked = f"{reason}{verb.capitalize()} requested by user."
        self._journal.stack(self._stack, f"{verb}_IN_PROGRESS", asked)
        self._remove(lambda each: keep_new and each.deletion == "Retain")
        self._end(verb)

    def delete(self, retained: Collection[str], force: bool) -> None:
        """Delete all resources but those that are to stay."""
        for output in self._stack.outputs.values():
            if users := self._store.importers(output.export):
                in_use = f"Export {output.export} cannot be deleted as it is in use by {' and '.join(users)}"
                self._journal.stack(self._stack, "DELETE_FAILED", in_use)
                return
        self._remove(lambda each: each.logical in retained or each.deletion != "Delete")
        self._end("DELETE", force)

    def update(self, design: Design, keeps_failed: bool, keep_new: bool) -> None:
        """Bring the stack to another design; back to the one it has where that fails."""
        stack = self._stack
        stack.undo, stack.discarded = {}, []
        imports, stack.imports = stack.imports, set()
        try:
            for part in design.parts.values():
                self._advance(part, design)
            outputs = live.outputs(design, stack, self._store)
        except ResourceError as error:
            stack.imports |= imports
            if keeps_failed:
                stack.design = design
                self._journal.stack(stack, "UPDATE_FAILED", self._reason(error))
            else:
                self._journal.stack(stack, "UPDATE_ROLLBACK_IN_PROGRESS", self._reason(error))
                self.roll_back((), keep_new)
            return
        before, stack.design, stack.outputs = stack.design, design, outputs
        self._clean_up(before, design)

    def _clean_up(self, before: Design | None, design: Design) -> None:
        """Delete what the new design no longer has, and what others have replaced."""
        self._journal.stack(self._stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        for logical, undo in reversed(self._stack.undo.items()):
            if undo.replaced and undo.before:
                policy = design.parts[logical].replacing
                self._discard(replace(undo.before, deletion=policy), keep=policy != "Delete")
        order = list(before.parts) if before else []
        removed = [name for name in order if name not in design.parts and name in self._stack.resources]
        for name in reversed(removed):
            each = self._stack.resources.pop(name)
            self._discard(each, keep=each.deletion != "Delete")
        self._stack.undo = {}
        self._journal.stack(self._stack, "UPDATE_COMPLETE")

    def _discard(self, resource: Resource, keep: bool) -> None:
        """Delete what is no longer of the stack; a failure is told, and stops nothing."""
        if resource.status in GONE:
            return
        if keep:
            self._acts.skip(resource, aside=True)
            return
        try:
            self._acts.delete(resource, aside=True)
        except ResourceError:
            return

    def _make(self, part: Part, design: Design, reason: str = "") -> None:
        self._acts.create(part, lambda: self._properties(part, design), reason)

    def _properties(self, part: Part, design: Design) -> dict[str, Any]:
        return live.properties(part, design, self._stack, self._store)

    def _advance(self, part: Part, design: Design) -> None:
        """Make, change or replace one resource, where it is not yet what the design says."""
        resource, undo = self._stack.resources.get(part.logical), self._stack.undo
        if resource and resource.status == "CREATE_FAILED":  # left by an operation that kept what failed
            self._acts.delete(resource)
            resource = None
        if resource is None or resource.status in GONE:
            undo[part.logical] = Undo(None)
            self._make(part, design)
            return
        try:
            after = self._properties(part, design)
            replaced = self._is_replaced(part, resource, after)
        except ResourceError as error:
            undo[part.logical] = Undo(resource)
            self._acts.fail(resource, error)
            raise
        if replaced:
            undo[part.logical] = Undo(resource, replaced=True)
            self._make(part, design, REPLACES)
        elif after != resource.properties or resource.attempted is not None:
            undo[part.logical] = Undo(resource)
            same = after == resource.properties
            before = (resource.attempted or {}) if same else resource.properties
            self._acts.update(replace(resource, deletion=part.deletion), before, after)
        else:
            self._stack.resources[part.logical] = replace(resource, deletion=part.deletion)

    @staticmethod
    def _is_replaced(part: Part, resource: Resource, after: Mapping[str, Any]) -> bool:
        """Whether another resource must take the place; refused where it would have the same name."""
        kind = part.kind
        if kind.name == resource.kind.name and not kind.fixed & set(changed(resource.properties, after)):
            return False
        name = after.get(kind.named_by)
        if name is not None and name == resource.properties.get(kind.named_by):
            raise ResourceError(
                "InvalidRequest",
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again.",
            )
        return True

    def roll_back(self, skipped: Collection[str], keep_new: bool = True) -> None:
        """Take an update back; raises nothing: a stack that cannot go back stays UPDATE_ROLLBACK_FAILED."""
        stack = self._stack
        for logical in reversed(list(stack.undo)):
            undo, resource = stack.undo[logical], stack.resources[logical]
            try:
                if undo.before is None or undo.replaced:
                    stack.discarded.append(resource)
                elif logical not in skipped:
                    attempted = resource.attempted or resource.properties
                    self._acts.update(resource, attempted, undo.before.properties)
            except ResourceError as error:
                self._journal.stack(stack, "UPDATE_ROLLBACK_FAILED", self._reason(error))
                return
            del stack.undo[logical]
            if undo.replaced and undo.before:
                stack.resources[logical] = undo.before
        self._journal.stack(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for each in stack.discarded:
            if stack.resources.get(each.logical) is each:
                del stack.resources[each.logical]
            self._discard(each, keep=keep_new and each.deletion == "Retain")
        self._journal.stack(stack, "UPDATE_ROLLBACK_COMPLETE")

    def _remove(self, stays: Callable[[Resource], bool]) -> None:
        """Delete the stack's resources, users first; what a failed one needs is let be."""
        parts = self._stack.design.parts if self._stack.design else {}
        order, blocked = list(parts), set[str]()
        living = [each for each in self._stack.resources.values() if each.status not in GONE]
        living.sort(key=lambda each: order.index(each.logical) if each.logical in order else len(order))
        for each in reversed(living):
            try:
                if stays(each):
                    self._acts.skip(each)
                elif each.logical not in blocked:
                    self._acts.delete(each)
            except ResourceError:
                blocked |= parts[each.logical].needs if each.logical in parts else set()

    def _end(self, verb: str, force: bool = False) -> None:
        failed = self._failed("DELETE_FAILED")
        if failed and not force:
            said = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            self._journal.stack(self._stack, f"{verb}_FAILED", said)
            return
        if verb == "DELETE":
            self._stack.deleted, self._stack.outputs = self._journal.now(), {}
        self._journal.stack(self._stack, f"{verb}_COMPLETE")

    def _failed(self, status: str) -> list[str]:
        return sorted(name for name, each in self._stack.resources.items() if each.status == status)

    def _reason(self, error: ResourceError) -> str:
        """Why an operation failed: the resources at fault, else the error itself."""
        found = [
            f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
            for verb, status in FAILED.items()
            if verb != "delete" and (names := self._failed(status))
        ]
        return "".join(found) or f"{error.message}. "
