"""Brings a stack to where it should be, one step after the other, from whatever state it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.errors import AwsError
from mlops.foundation.adoption import import_options, import_template
from mlops.foundation.steps import Act, Step, decide, is_stateful

if TYPE_CHECKING:
    from mlops.foundation.changesets import Cloud
    from mlops.foundation.survey import Planned

MOST_STEPS = 8  # wait, delete, adopt, update, protect: a stack that needs more is going in circles


def bring(cloud: Cloud, planned: Planned) -> None:
    """Do what a stack needs until it is as it should be. Raises where it cannot be brought there."""
    stack, step = planned.stack, planned.step
    for _ in range(MOST_STEPS):
        if step.act is Act.KEEP or take(cloud, planned, step):
            return
        step = decide(stack, cloud.standing(stack.name))
    raise AwsError(f"{stack.name} is still to {step.act} after {MOST_STEPS} steps: {step.because}")


def take(cloud: Cloud, planned: Planned, step: Step) -> bool:
    """One step; whether it is certainly the last."""
    stack = planned.stack
    match step.act:
        case Act.CREATE:
            create(cloud, planned)
        case Act.UPDATE:
            return not update(cloud, planned)
        case Act.REPLACE:
            cloud.delete(stack)
        case Act.REPAIR:
            cloud.repair(stack)
        case Act.PROTECT:
            cloud.protect(stack)
            return True
        case Act.WAIT:
            cloud.settle(stack)
        case _:
            raise AwsError(f"{stack.name} stays as it is: {step.because}")
    return False


def create(cloud: Cloud, planned: Planned) -> None:
    """Create a stack, or first import what an earlier one left."""
    stack, adopted = planned.stack, planned.adopted
    if adopted:
        body = import_template(stack, adopted)
        prepared = cloud.prepare(stack, "IMPORT", {}, body, **import_options(stack, adopted))
    else:
        prepared = cloud.prepare(stack, "CREATE", {})
    if prepared is None:
        raise AwsError(f"{stack.name}: CloudFormation finds nothing to create in {stack.template.path.name}")
    cloud.execute(prepared, is_first=not adopted)
    if is_stateful(stack):
        cloud.protect(stack)


def update(cloud: Cloud, planned: Planned) -> bool:
    """Make the changes that were shown, or that an earlier step brought about; whether there were any."""
    stack, prepared = planned.stack, planned.change_set
    if prepared is None:
        prepared = cloud.prepare(stack, "UPDATE", cloud.standing(stack.name).parameters)
    if prepared is None:
        return False
    cloud.execute(prepared, is_first=False)
    return True
