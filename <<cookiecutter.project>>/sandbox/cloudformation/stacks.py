"""Operations that change stacks: create, update, delete, and go back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import changes, requests
from sandbox.cloudformation.errors import refused
from sandbox.cloudformation.ground import require_updatable
from sandbox.cloudformation.records import REVIEW, Stack
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.cloudformation.ground import Ground
    from sandbox.world import Call

BEGUN = "User Initiated"


class Stacks:
    """Begins operations; their threads do the rest."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._journal = ground.journal
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "CreateStack": self.create,
            "UpdateStack": self.update,
            "DeleteStack": self.delete,
            "ContinueUpdateRollback": self.continue_rollback,
            "UpdateTerminationProtection": self.protect,
        }

    def create(self, call: Call) -> dict[str, Any]:
        params, store = call.params, self._ground.store(call)
        name = params["StackName"]
        requests.check_name(name)
        if store.find(name):
            raise ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")
        place = store.new_place(name)
        design = self._ground.reader(call).design(params, place)
        stack = Stack(
            place,
            self._journal.now(),
            design,
            capabilities=tuple(params.get("Capabilities") or ()),
            role=self._ground.require_role(call),
            protected=bool(params.get("EnableTerminationProtection")),
        )
        on_failure = _on_failure(params)
        stack.disable_rollback = on_failure == "DO_NOTHING"
        store.stacks.append(stack)
        self._journal.stack(stack, "CREATE_IN_PROGRESS", BEGUN)
        keep_new = not params.get("RetainExceptOnCreate")
        self._ground.start(stack, call, lambda work: work.create(design, on_failure, keep_new))
        return {"StackId": stack.id}

    def update(self, call: Call) -> dict[str, Any]:
        params, store = call.params, self._ground.store(call)
        stack, keeps_failed = store.require(params["StackName"]), bool(params.get("DisableRollback"))
        require_updatable(stack, keeps_failed)
        design = self._ground.reader(call).design(params, stack.place, stack)
        changes.check_types(stack, design)
        if changes.is_idle(stack, design, changes.find(stack, design, store)):
            raise refused("No updates are to be performed.")
        stack.role = self._ground.require_role(call) or stack.role
        stack.capabilities = tuple(params.get("Capabilities") or ())
        stack.updated = self._journal.now()
        self._journal.stack(stack, "UPDATE_IN_PROGRESS", BEGUN)
        keep_new = not params.get("RetainExceptOnCreate")
        self._ground.start(stack, call, lambda work: work.update(design, keeps_failed, keep_new))
        return {"StackId": stack.id}

    def delete(self, call: Call) -> dict[str, Any]:
        params = call.params
        stack = self._ground.store(call).find(params["StackName"])
        if stack is None or stack.is_deleted:
            return {}
        if stack.protected:
            raise refused(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.is_busy:
            raise refused(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
        retained, force = (
            params.get("RetainResources") or (),
            params.get("DeletionMode") == "FORCE_DELETE_STACK",
        )
        if (retained or force) and stack.status != "DELETE_FAILED":
            raise refused(
                f"Stack [{stack.name}] is in {stack.status} state: RetainResources and FORCE_DELETE_STACK "
                "are for stacks in the DELETE_FAILED state only"
            )
        stack.role = self._ground.require_role(call) or stack.role
        stack.change_sets = {}
        self._journal.stack(stack, "DELETE_IN_PROGRESS", BEGUN)
        self._ground.start(stack, call, lambda work: work.delete(retained, force))
        return {}

    def continue_rollback(self, call: Call) -> dict[str, Any]:
        stack = self._ground.store(call).require(call.params["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise refused(
                f"Stack:{stack.id} is in {stack.status} state and can not continue update rollback."
            )
        skipped = tuple(call.params.get("ResourcesToSkip") or ())
        if unknown := [name for name in skipped if name not in stack.undo]:
            raise refused(f"ResourcesToSkip: [{', '.join(unknown)}] did not fail to be rolled back")
        stack.role = self._ground.require_role(call) or stack.role
        self._journal.stack(stack, "UPDATE_ROLLBACK_IN_PROGRESS", BEGUN)
        self._ground.start(stack, call, lambda work: work.roll_back(skipped))
        return {}

    def protect(self, call: Call) -> dict[str, Any]:
        stack = self._ground.store(call).require(call.params["StackName"])
        if stack.status.startswith("DELETE_") or stack.status == REVIEW:
            raise refused(f"TerminationProtection cannot be changed while the stack is in {stack.status}")
        stack.protected = bool(call.params["EnableTerminationProtection"])
        return {"StackId": stack.id}


def _on_failure(params: dict[str, Any]) -> str:
    if params.get("OnFailure") and params.get("DisableRollback") is not None:
        raise refused("You can specify either DisableRollback or OnFailure, but not both.")
    return str(params.get("OnFailure") or ("DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK"))
