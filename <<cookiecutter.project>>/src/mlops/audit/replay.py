"""What was made and what endpoints were pointed at, replayed from events alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mlops.audit.event import Event, Who, list_at, mapping_at, text_at
from mlops.audit.store import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mlops.audit.names import Names
    from mlops.audit.witness import Witness
    from mlops.project import Environment

MOVES = ("CreateEndpoint", "UpdateEndpoint")
OTHER_MOVES = (
    "DeleteEndpoint", "UpdateEndpointWeightsAndCapacities", "CreateInferenceComponent",
    "UpdateInferenceComponent",
    "DeleteInferenceComponent", "UpdateInferenceComponentRuntimeConfig",
)  # fmt: skip


ROLLED_BACK = "RolledBack"  # no call: SageMaker took a release back, and `deploy` wrote it down


@dataclass(frozen=True)
class Made:
    """A model: the packages in its containers, and containers that are none, as image and archive."""

    event: Event
    packages: tuple[str, ...]
    raw: tuple[str, ...]


@dataclass(frozen=True)
class Served:
    """An endpoint config: (variant, model) of what answers, and of what only gets copies."""

    event: Event
    variants: tuple[tuple[str, str], ...]
    shadows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Turn:
    """One call that changed what an endpoint of the project serves; `before` and `after` are configs."""

    event: Event
    environment: Environment
    model: str
    endpoint: str
    before: str
    after: str


@dataclass
class Facts:
    """All that was replayed. What is looked up by name is as it was made last before a moment."""

    models: dict[tuple[str, str], list[Made]] = field(default_factory=lambda: defaultdict(list))
    configs: dict[tuple[str, str], list[Served]] = field(default_factory=lambda: defaultdict(list))
    turns: list[Turn] = field(default_factory=list)
    by_endpoint: dict[tuple[str, str], list[Turn]] = field(default_factory=lambda: defaultdict(list))
    live: dict[tuple[str, str], str] = field(default_factory=dict)
    packages: dict[str, Event] = field(default_factory=dict)
    approvals: list[tuple[str, Event]] = field(default_factory=list)
    approved: dict[str, datetime] = field(
        default_factory=dict
    )  # stage and commit of a pin → when first written
    denied: list[Event] = field(default_factory=list)

    def turns_of(self, environment: str, model: str) -> list[Turn]:
        """What happened to one endpoint."""
        return self.by_endpoint[(environment, model)]

    def turns_between(self, place: tuple[str, str], since: datetime, until: datetime) -> list[Turn]:
        """What happened to one endpoint from one time to another, both included."""
        turns = self.by_endpoint[place]
        first = bisect_left(turns, since, key=lambda turn: turn.event.time)
        return turns[first : bisect_right(turns, until, key=lambda turn: turn.event.time)]

    def turn_at(self, place: tuple[str, str], moment: datetime) -> Turn | None:
        """The last that happened to one endpoint by a moment."""
        turns = self.by_endpoint[place]
        count = bisect_right(turns, moment, key=lambda turn: turn.event.time)
        return turns[count - 1] if count else None


Thing = TypeVar("Thing", Made, Served)


def newest(things: Sequence[Thing], moment: datetime) -> Thing | None:
    """The last that was made by a moment."""
    return next((thing for thing in reversed(things) if thing.event.time <= moment), None)


def replay(events: Iterable[Event], names: Names) -> Facts:
    """Fold the events, in their order."""
    facts = Facts()
    for event in events:
        if event.is_denied:
            facts.denied.append(event)
        elif not event.error and event.source == "sagemaker":
            replay_one(facts, event, names)
    return facts


def replay_one(facts: Facts, event: Event, names: Names) -> None:
    """One call that happened."""
    if event.name == "CreateModel":
        facts.models[(event.account, event.asked("modelName"))].append(read_model(event))
    elif event.name == "CreateEndpointConfig":
        facts.configs[(event.account, event.asked("endpointConfigName"))].append(read_config(event))
    elif event.name in (*MOVES, *OTHER_MOVES, ROLLED_BACK):
        replay_turn(facts, event, names)
    elif event.name == "CreateModelPackage":
        facts.packages.setdefault(event.answered("modelPackageArn"), event)
    elif event.name in {"UpdateModelPackage", "DeleteModelPackage"}:
        arn = event.asked("modelPackageArn") or event.asked("modelPackageName")
        model = names.package(arn)
        if model:
            facts.approvals.append((model, event))
            for member, value in mapping_at(event.request, "customerMetadataProperties").items():
                if member.endswith(".commit"):
                    facts.approved.setdefault(f"{member} {value}", event.time)


def replay_turn(facts: Facts, event: Event, names: Names) -> None:
    """A call about an endpoint; those of other projects are passed over."""
    place = names.endpoint(event.asked("endpointName"))
    if place is None or event.account != names.project.account(place[0]):
        return
    before = facts.live.get(place, "")
    after = before
    if event.name == ROLLED_BACK and not is_return(facts, place, event):
        return
    if event.name in (*MOVES, ROLLED_BACK):
        after = event.asked("endpointConfigName")
    elif event.name == "DeleteEndpoint":
        after = ""
    turn = Turn(event, *place, event.asked("endpointName"), before, after)
    facts.turns.append(turn)
    facts.by_endpoint[place].append(turn)
    facts.live[place] = after


def is_return(facts: Facts, place: tuple[str, str], event: Event) -> bool:
    """Whether a rollback undoes the last call about an endpoint: it goes back to what was there before."""
    turns = facts.turns_of(*place)
    undone = (event.asked("endpointConfigName"), event.asked("failed"))
    return bool(turns) and (turns[-1].before, turns[-1].after) == undone


def read_rollbacks(witnesses: Iterable[Witness], names: Names) -> list[Event]:
    """What `deploy` wrote of automatic rollbacks, as events: CloudTrail records none."""
    found = []
    for witness in witnesses:
        endpoint, moment = text_at(witness.content, "endpoint"), parse_time(witness.content.get("at"))
        place = names.endpoint(endpoint)
        if place and moment and witness.key.startswith(f"evidence/{place[0]}/{place[1]}/"):
            account, who = (
                names.project.account(place[0]),
                Who("AWSService", service="sagemaker.amazonaws.com"),
            )
            members = {"endpointName": endpoint, "why": text_at(witness.content, "why")}
            members |= {"endpointConfigName": text_at(witness.content, "live")}
            members |= {"failed": text_at(witness.content, "failed")}
            region = names.project.region
            event = Event(
                witness.sha256,
                moment,
                "sagemaker",
                ROLLED_BACK,
                account,
                region,
                who,
                request=members,
                file=witness.key,
            )
            found.append(event)
    return found


def read_model(event: Event) -> Made:
    """What a model is made from."""
    primary = mapping_at(event.request, "primaryContainer")
    containers = [*([primary] if primary else []), *list_at(event.request, "containers")]
    packages = tuple(found for container in containers if (found := text_at(container, "modelPackageName")))
    raw = tuple(
        f"{text_at(container, 'image')} with {text_at(container, 'modelDataUrl') or 'no archive'}"
        for container in containers
        if not text_at(container, "modelPackageName")
    )
    return Made(event, packages, raw)


def read_config(event: Event) -> Served:
    """What a config serves."""
    return Served(
        event,
        read_variants(list_at(event.request, "productionVariants")),
        read_variants(list_at(event.request, "shadowProductionVariants")),
    )


def read_variants(variants: Sequence[Any]) -> tuple[tuple[str, str], ...]:
    """(variant, model) of each."""
    return tuple((text_at(variant, "variantName"), text_at(variant, "modelName")) for variant in variants)
