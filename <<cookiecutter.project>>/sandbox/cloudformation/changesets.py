"""Change sets: what a change would do, told before it is done."""

from __future__ import annotations

import re
import threading
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import changes, importing, parameters, requests, views
from sandbox.cloudformation.errors import ResourceError, refused, unserved
from sandbox.cloudformation.ground import require_updatable
from sandbox.cloudformation.records import REVIEW, ChangeSet, Stack
from sandbox.cloudformation.stacks import BEGUN
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.cloudformation.ground import Ground
    from sandbox.cloudformation.work import Work
    from sandbox.world import Call

NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
UNCHANGED = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


class ChangeSets:
    """Plans and executes changes."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._journal = ground.journal
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "CreateChangeSet": self.create,
            "DescribeChangeSet": self.describe,
            "ExecuteChangeSet": self.execute,
            "DeleteChangeSet": self.delete,
            "ListChangeSets": self.list,
        }

    def create(self, call: Call) -> dict[str, Any]:
        params, name = call.params, call.params["ChangeSetName"]
        kind = params.get("ChangeSetType") or "UPDATE"
        if not NAME.fullmatch(name):
            raise refused(f"{name!r} is no name of a change set: it must match {NAME.pattern}")
        stack = self._existing(call) if kind == "UPDATE" else self._new(call)
        if name in stack.change_sets:
            raise ServiceError("AlreadyExistsException", f"ChangeSet {name} already exists")
        design = self._ground.reader(call).design(params, stack.place, stack)
        changes.check_types(stack, design)
        imported = importing.check(params, design) if kind == "IMPORT" else {}
        place = stack.place
        made = ChangeSet(
            place.arn("cloudformation", f"changeSet/{name}/{uuid.uuid4()}"),
            name,
            kind,
            self._journal.now(),
            design,
            params.get("Description", ""),
            tuple(params.get("Capabilities") or ()),
            self._ground.require_role(call),
            params.get("OnStackFailure") or "ROLLBACK",
            imported,
        )
        if stack not in self._ground.store(call).stacks:
            self._ground.store(call).stacks.append(stack)
            self._journal.stack(stack, REVIEW, BEGUN)
        stack.change_sets[name] = made
        threading.Thread(target=self._plan, args=(call, stack, made), name=name, daemon=True).start()
        return {"Id": made.id, "StackId": stack.id}

    def _new(self, call: Call) -> Stack:
        """The stack that a change set is to create: new, or still without anything."""
        name, store = call.params["StackName"], self._ground.store(call)
        found = store.find(name)
        if found and call.params["ChangeSetType"] == "IMPORT" and found.status != REVIEW:
            raise unserved("an import into a stack that has resources")
        if found is None:
            requests.check_name(name)
            return Stack(store.new_place(name), self._journal.now(), None)
        if found.status != REVIEW:
            raise refused(
                f"Stack [{name}] already exists and cannot be created again with the changeSet "
                f"[{call.params['ChangeSetName']}]."
            )
        return found

    def _existing(self, call: Call) -> Stack:
        stack = self._ground.store(call).require(call.params["StackName"])
        require_updatable(stack, keeps_failed=True)
        return stack

    def _plan(self, call: Call, stack: Stack, made: ChangeSet) -> None:
        """Find the changes, as a thread."""
        with self._ground.news:
            made.status = "CREATE_IN_PROGRESS"
        try:
            self._ground.faults.before(made.name)
            with self._ground.news:
                importing.require_free(made.imported, self._ground.store(call))
                found = changes.find(stack, made.design, self._ground.store(call), made.imported)
                idle = changes.is_idle(stack, made.design, found)
            status, reason = ("FAILED", UNCHANGED) if idle else ("CREATE_COMPLETE", "")
        except (ResourceError, ServiceError) as error:
            found, status, reason = [], "FAILED", error.message
        with self._ground.news:
            made.changes, made.status, made.reason = found, status, reason
            made.execution = "UNAVAILABLE" if status == "FAILED" else "AVAILABLE"
            self._ground.news.notify_all()

    def describe(self, call: Call) -> dict[str, Any]:
        stack, found = self._find(call)
        self._ground.wait(lambda: found.status not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"))
        design = found.design
        return {
            **views.change_set(stack, found),
            "Parameters": parameters.shown(design.template, design.chosen),
            "NotificationARNs": [],
            "RollbackConfiguration": {},
            "Capabilities": list(found.capabilities),
            "Tags": views.tags(design.tags),
            "OnStackFailure": found.on_failure,
            **views.page("Changes", found.changes, call.params.get("NextToken")),
        }

    def execute(self, call: Call) -> dict[str, Any]:
        stack, found = self._find(call)
        if found.execution != "AVAILABLE":
            raise ServiceError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]",
            )
        keeps_failed = bool(call.params.get("DisableRollback")) or found.on_failure == "DO_NOTHING"
        if found.kind == "UPDATE":
            require_updatable(stack, keeps_failed)
        stack.change_sets = {found.name: found}
        stack.change_set, stack.capabilities = found.id, found.capabilities
        stack.role = found.role or stack.role
        stack.disable_rollback = keeps_failed
        keep_new = not call.params.get("RetainExceptOnCreate")
        found.execution = "EXECUTE_IN_PROGRESS"
        self._begin(stack, found)
        self._ground.start(stack, call, lambda work: self._run(work, stack, found, keeps_failed, keep_new))
        return {}

    def _begin(self, stack: Stack, found: ChangeSet) -> None:
        verb = found.kind
        if verb != "UPDATE":
            stack.design = found.design
        else:
            stack.updated = self._journal.now()
        self._journal.stack(stack, f"{verb}_IN_PROGRESS", BEGUN)

    def _run(self, work: Work, stack: Stack, found: ChangeSet, keeps_failed: bool, keep_new: bool) -> None:
        if found.kind == "IMPORT":
            work.adopt(found.design, found.imported)
        elif found.kind == "CREATE":
            work.create(found.design, "DO_NOTHING" if keeps_failed else found.on_failure, keep_new)
        else:
            work.update(found.design, keeps_failed, keep_new)
        ended_well = stack.status in ("CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE")
        found.execution = "EXECUTE_COMPLETE" if ended_well else "EXECUTE_FAILED"

    def delete(self, call: Call) -> dict[str, Any]:
        try:
            stack, found = self._find(call)
        except ServiceError as error:
            if error.code == "ChangeSetNotFound":
                return {}
            raise
        if found.execution == "EXECUTE_IN_PROGRESS":
            raise ServiceError(
                "InvalidChangeSetStatus",
                f"An operation on this ChangeSet [{found.id}] is currently in progress.",
            )
        del stack.change_sets[found.name]
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        stack = self._ground.store(call).require(call.params["StackName"])
        found = [views.change_set(stack, each) for each in stack.change_sets.values()]
        return views.page("Summaries", found, call.params.get("NextToken"))

    def _find(self, call: Call) -> tuple[Stack, ChangeSet]:
        name, store = call.params["ChangeSetName"], self._ground.store(call)
        if name.startswith("arn:"):
            found = store.change_set(name)
        elif "StackName" not in call.params:
            raise refused("StackName must be specified if ChangeSetName is not specified as an ARN.")
        else:
            stack = store.require(call.params["StackName"])
            found = (stack, stack.change_sets[name]) if name in stack.change_sets else None
        if found is None:
            raise ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
        return found
