"""The inventory: what the account has of a project, for which duty, and what of it stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlops.aws import describe_failure
from mlops.errors import MlopsError
from mlops.foundation import DUTIES
from mlops.foundation.account import JOB_LOGS
from mlops.foundation.stacks import duties_of, stack_name
from mlops.teardown import buckets, engines
from mlops.teardown.catalogue import KINDS
from mlops.teardown.item import Held
from mlops.teardown.owning import find_neighbours, owner_of
from mlops.teardown.stacks import recall

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from mlops.foundation import Template
    from mlops.project import Project
    from mlops.teardown.item import Clients, Item, Kind

PARALLEL = 8
KEY_USD = 1.0  # a month, for each key: https://aws.amazon.com/kms/pricing/, read November 2026
PROVIDER = "oidc-provider"


@dataclass(frozen=True)
class Unseen:
    """A kind whose things could not be listed."""

    kind: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """All that the account has, of whomever, and what could not be looked at."""

    items: tuple[Item, ...]
    unseen: tuple[Unseen, ...]
    remembered: frozenset[str]  # ids of what the project's stacks have made, also of those that are gone


@dataclass(frozen=True)
class Scope:
    """What is to go: a project's things for one duty, and what its duties share if no other is left."""

    project: str
    duty: str
    duties: tuple[str, ...]  # that project.yml puts into this account
    shared_stacks: frozenset[str]  # stacks that an account has once


@dataclass(frozen=True)
class Inventory:
    """What is to go, in order; what stays; what of other duties is in the account."""

    going: tuple[Item, ...]
    staying: tuple[Held, ...]
    others: tuple[Item, ...]
    unseen: tuple[Unseen, ...]


def make_scope(project: Project, templates: Sequence[Template], duty: str) -> Scope:
    """The scope of a duty."""
    account = getattr(project.accounts, duty)
    here = tuple(each for each in DUTIES if getattr(project.accounts, each) == account)
    shared = {
        stack_name(project, template, each)
        for template in templates
        for each in duties_of(template, project)
        if template.facts.applied_to != "every duty" and getattr(project.accounts, each) == account
    }
    return Scope(project.project, duty, here, frozenset(shared))


def survey(clients: Clients, scope: Scope, kinds: Sequence[Kind] = KINDS) -> Survey:
    """List every kind; one that cannot be listed is said, and keeps no other from being looked at."""
    unseen: list[Unseen] = []

    def look(kind: str, find: Callable[[], Iterable[Item]]) -> list[Item]:
        try:
            return list(find())
        except Exception as error:  # noqa: BLE001 - said, and it keeps no other from being looked at
            unseen.append(Unseen(kind, explain(error)))
            return []

    with ThreadPoolExecutor(PARALLEL) as pool:
        found = list(pool.map(lambda kind: look(kind.name, lambda: kind.find(clients)), kinds))
    items = tuple(item for items in found for item in items)
    neighbours = find_neighbours(scope.project, named(items, "bucket"), named(items, "stack"))
    remembered: frozenset[str] = frozenset()
    try:
        remembered = recall(clients, lambda name: owner_of(name, scope.project, neighbours) == scope.project)
    except Exception as error:  # noqa: BLE001 - said like any other listing that fails
        unseen.append(Unseen("what stacks have left", explain(error)))
    return Survey(items, tuple(unseen), remembered)


def explain(error: Exception) -> str:
    """One line for a failure of AWS; anything else is a bug and is raised."""
    if isinstance(error, MlopsError):
        return str(error)
    said = describe_failure(error)
    if said is None:
        raise error
    return said


def named(items: Iterable[Item], kind: str) -> list[str]:
    """The names of the things of a kind."""
    return [item.name for item in items if item.kind == kind]


def sort_out(found: Survey, scope: Scope, kinds: Sequence[Kind] = KINDS) -> Inventory:
    """Whose each thing is, and whether it goes. Locks are looked at afterwards."""
    neighbours = find_neighbours(scope.project, named(found.items, "bucket"), named(found.items, "stack"))
    duties = {kind.name: kind.duty for kind in kinds}
    own = [item for item in found.items if is_own(item, scope.project, neighbours, found.remembered)]
    by_duty = {item: duty_in(scope, item, duties[item.kind]) for item in own}
    left = {duty for duty in by_duty.values() if duty and duty != scope.duty}
    goes = {scope.duty} if left or is_guest(scope) else {scope.duty, ""}
    going = [item for item in own if by_duty[item] in goes]
    staying = [held for item in going if (held := hold_shared(item, scope.project, neighbours))]
    kept = {held.item for held in staying}
    others = tuple(item for item in own if by_duty[item] in left)
    return Inventory(tuple(each for each in going if each not in kept), tuple(staying), others, found.unseen)


def is_own(item: Item, project: str, neighbours: Collection[str], remembered: Collection[str]) -> bool:
    """Whether a thing is the project's: by tag, else by what its stacks made, else by name."""
    if item.owner:
        return item.owner == project
    if item.id in remembered or item.arn in remembered:
        return True
    return item.kind != PROVIDER and owner_of(item.name, project, neighbours) == project


def is_guest(scope: Scope) -> bool:
    """Whether the account is training's first: what duties share goes with training alone, then."""
    return "training" in scope.duties and scope.duty != "training"


def hold_shared(item: Item, project: str, neighbours: Collection[str]) -> Held | None:
    """Why a thing stays that others use; None for one that is the project's alone."""
    if item.kind == "log-group" and item.id in JOB_LOGS:
        return Held(item, "the jobs of every project of the account log there")
    strangers = [role for role in item.name.split() if owner_of(role, project, neighbours) != project]
    if item.kind == PROVIDER and strangers:
        return Held(item, f"roles of others trust it: {', '.join(strangers)}")
    return None


def duty_in(scope: Scope, item: Item, duty: Callable[[str], str]) -> str:
    """The duty of a thing; empty for what the account shares, or for a duty that is not of this account."""
    if item.kind == "stack" and item.name in scope.shared_stacks:
        return ""
    found = duty(item.name.removeprefix(scope.project).lstrip("-._ "))
    return found if found in scope.duties else ""


def hold_locked(clients: Clients, inventory: Inventory) -> Inventory:
    """Let buckets that Object Lock holds stay, and the keys without which nobody could read them."""
    held: list[Held] = []
    unseen: list[Unseen] = []
    idle: list[Item] = []
    for item in inventory.going:
        if item.kind == "code-repository" and (history := engines.hold_history(clients, item)):
            held.append(history)
            idle.append(item)
        if item.kind == "bucket":
            try:
                locked = buckets.describe_lock(clients, item.id)
            except Exception as error:  # noqa: BLE001 - said, and it keeps no other from being looked at
                unseen.append(Unseen(f"what is locked in {item.id}", explain(error)))
                continue
            held += [buckets.hold(item, locked)] if locked else []
            idle += [item] if locked and not locked.free else []
    locked_up = [each for each in held if each.item.kind == "bucket"]
    if locked_up:
        names = ", ".join(each.item.id for each in locked_up)
        keys = [item for item in inventory.going if item.kind in ("key", "key-alias")]
        reason = f"what stays in {names} may be encrypted with it"
        held += [Held(item, reason, KEY_USD * (item.kind == "key")) for item in keys]
        idle += keys
    going = tuple(item for item in inventory.going if item not in idle)
    staying, blind = (*inventory.staying, *held), (*inventory.unseen, *unseen)
    return replace(inventory, going=going, staying=staying, unseen=blind)


def left_over(inventory: Inventory) -> list[Item]:
    """What should be gone, and is not: a bucket that is empty but for what is locked is not counted."""
    kept = {held.item for held in inventory.staying}
    return [item for item in inventory.going if item not in kept]
