"""CloudFormation's API of one account, as the layer serves it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import requests
from sandbox.cloudformation.changesets import ChangeSets
from sandbox.cloudformation.ground import Ground
from sandbox.cloudformation.reading import Reading
from sandbox.cloudformation.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.cloudformation.faults import Faults
    from sandbox.cloudformation.hands import Hands
    from sandbox.sts import Sts
    from sandbox.world import Call

    Handler = Callable[[Call], dict[str, Any]]


def operations(account: str, clock: Clock, hands: Hands, sts: Sts, faults: Faults) -> dict[str, Handler]:
    """The table of operations; what it lacks is refused by name."""
    ground = Ground(account, clock, hands, sts, faults)
    found = {
        **Stacks(ground).operations,
        **ChangeSets(ground).operations,
        **Reading(ground).operations,
    }
    return {name: functools.partial(_serve, ground, handler) for name, handler in found.items()}


def _serve(ground: Ground, handler: Handler, call: Call) -> dict[str, Any]:
    ground.faults.admit()
    requests.check(call.operation, call.params)
    with ground.news:
        return handler(call)
