"""Judge every change of what an endpoint serves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops.audit.claims import SKEW, read_claim
from mlops.audit.evidence_rules import attest, is_sound
from mlops.audit.replay import MOVES, ROLLED_BACK, newest
from mlops.audit.verdict import Change, Flag, refer
from mlops.pin import Tombstone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops.audit.case import Case
    from mlops.audit.claims import Claim
    from mlops.audit.history import Move
    from mlops.audit.names import Duty
    from mlops.audit.replay import Made, Served, Turn
    from mlops.pin import Pin

AUTOSCALING = "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"


def judge_turns(case: Case) -> list[Change]:
    """Every change of the project's endpoints, in the order of time."""
    return [judge_turn(case, turn) for turn in case.facts.turns if not is_autoscaling(turn)]


def is_autoscaling(turn: Turn) -> bool:
    """Application Auto Scaling changes how many instances there are, by its own role."""
    return turn.event.name == "UpdateEndpointWeightsAndCapacities" and AUTOSCALING in turn.event.who.role


def judge_turn(case: Case, turn: Turn) -> Change:
    """One call."""
    event = turn.event
    duty = case.names.duty(event.who.role)
    change = Change(
        "endpoint",
        event.time,
        turn.environment,
        turn.model,
        f"{event.name} {turn.endpoint}",
        case.release_of(turn.environment, turn.model, turn.before),
        case.release_of(turn.environment, turn.model, turn.after),
        str(event.who),
        events=refer(event),
    )
    if event.name == ROLLED_BACK:
        return ratify(case, turn, replace(change, flags=(describe_rollback(turn, change),)))
    if duty is None or duty.environment != turn.environment:
        why = f"{event.who} did it: served was {change.before}, then {change.after}"
        served = judge_served(case, turn, None)
        change = replace(change, flags=(Flag("stranger", "out-of-band", why), *served))
        return ratify(case, turn, change)
    claim = read_claim(case, event, duty, turn.model)
    if duty.kind == "rollback":
        ruled = tuple(judge_rollback(case, turn, change))
        # A rollback is no deployment of the pin: which release main pins says nothing of it
        own = tuple(flag for flag in claim.flags if flag.rule not in {"no-pin", "stale"})
        return ratify(case, turn, replace(change, flags=own + ruled))
    return judge_deployment(case, turn, change, claim, duty)


def describe_rollback(turn: Turn, change: Change) -> Flag:
    """SageMaker took a release back by itself, guarded by alarms: drift, and nobody's attack."""
    asked = turn.event.asked
    why = (
        f"SageMaker took {change.before} back by itself ({asked('why')}); it serves {change.after}. "
        f"Make git say so: mlops rollback {turn.model} --env {turn.environment}"
    )
    return Flag("drift", "break-glass", why)


def judge_deployment(case: Case, turn: Turn, change: Change, claim: Claim, duty: Duty) -> Change:
    """A call of the deploy role: it must be what the pin of its session's commit asks for."""
    pin = case.history.pin(claim.move)
    flags = list(claim.flags)
    if turn.event.name == "DeleteEndpoint":
        flags += judge_deletion(case, turn, claim)
    elif turn.event.name not in MOVES:
        flags.append(Flag("weights", "out-of-band", f"{turn.event.who} did it; `deploy` never does"))
    elif claim.move and pin:
        flags += judge_move(case, turn, claim.move, pin, claim)
    elif claim.move:
        flags.append(Flag("no-pin", "contradicted", f"main pins no release at {claim.move.commit[:12]}"))
    return replace(change, flags=tuple(flags), **attest(case, claim.move))


def judge_move(case: Case, turn: Turn, move: Move, pin: Pin, claim: Claim) -> Iterator[Flag]:
    """The config, all that it serves, and the approval that came before."""
    wanted = case.config_of(move)
    if turn.after != wanted:
        why = (
            f"session {turn.event.who.session!r} is for {wanted!r} ({pin.release}), the call was for "
            f"{turn.after!r}"
        )
        yield Flag("other-release", "contradicted", why)
        return
    yield from judge_pull(case, move, claim)
    yield from judge_served(case, turn, pin)
    yield from judge_approval(case, turn, move)


def judge_pull(case: Case, move: Move, claim: Claim) -> Iterator[Flag]:
    """The session names the pull request of its commit; where that commit moved the pin, it is the pin's."""
    pull, opening = attest(case, move).get("pull"), claim.opening
    if pull and opening and opening.pull and move.commit.startswith(opening.commit) and pull != opening.pull:
        why = f"session {opening.name!r} says #{opening.pull}, the pin was moved by #{pull}"
        yield Flag("other-pull", "contradicted", why)


def judge_served(case: Case, turn: Turn, pin: Pin | None) -> Iterator[Flag]:
    """What the config serves, followed to packages: the pin's own and nothing else."""
    if turn.event.name not in MOVES:
        return
    config = newest(case.facts.configs.get((turn.event.account, turn.after), []), turn.event.time)
    if config is None:
        if pin:
            yield Flag(
                "definition-unseen", "unproved", f"the creation of config {turn.after!r} is not in the trail"
            )
        return
    yield from judge_variants(case, turn, config, pin)


def judge_variants(case: Case, turn: Turn, config: Served, pin: Pin | None) -> Iterator[Flag]:
    """One variant that answers, none that gets copies."""
    if pin:
        own = case.project.model_name(turn.environment, turn.model, pin.model_hex)
        others = [f"{name}: {model}" for name, model in config.variants if model != own]
        if others or len(config.variants) > 1:
            yield Flag(
                "variant",
                "out-of-band",
                f"its config serves what no pin names: {', '.join(others) or 'a second variant'}",
            )
        if config.shadows:
            names = ", ".join(model for _, model in config.shadows)
            yield Flag("shadow", "out-of-band", f"its config sends copies of requests to {names}")
    for _, name in {*config.variants, *config.shadows}:
        made = newest(case.facts.models.get((turn.event.account, name), []), turn.event.time)
        yield from judge_model(name, made, pin)


def judge_model(name: str, made: Made | None, pin: Pin | None) -> Iterator[Flag]:
    """A model is made from the pinned package, not from files that nobody registered."""
    if made is None:
        if pin:
            yield Flag("definition-unseen", "unproved", f"the creation of model {name!r} is not in the trail")
        return
    if made.raw:
        why = f"model {name!r} was made from no package but from {made.raw[0]} by {made.event.who}"
        yield Flag("unregistered", "out-of-band", why)
    other = [package for package in made.packages if pin and package != pin.artifact.package]
    if other:
        yield Flag(
            "other-package",
            "contradicted",
            f"model {name!r} was made from {other[0]!r}, which the pin does not name",
        )


def judge_approval(case: Case, turn: Turn, move: Move) -> Iterator[Flag]:
    """The approval of this very pin stands in the registry before the endpoint moves."""
    written = case.facts.approved.get(f"{move.environment}.commit {move.commit}")
    if written and written <= turn.event.time + SKEW:
        return
    yield Flag(
        "not-approved", "unproved", f"no approval of {move.commit[:12]} was written on its package before"
    )


def judge_deletion(case: Case, turn: Turn, claim: Claim) -> Iterator[Flag]:
    """An endpoint goes when its tombstone says so, or is made anew at once after its creation failed."""
    tombstone = case.history.content(claim.move) if claim.move else None
    if isinstance(tombstone, Tombstone) and tombstone.retired.is_over(turn.event.time.date()):
        return
    again = (
        later
        for later in case.facts.turns_of(turn.environment, turn.model)
        if later.event.name == "CreateEndpoint" and later.event.who.key == turn.event.who.key
    )
    if not any(later.event.time >= turn.event.time for later in again):
        yield Flag("deletion", "contradicted", "no tombstone at its commit says that the endpoint may go")


def judge_rollback(case: Case, turn: Turn, change: Change) -> Iterator[Flag]:
    """The rollback role may point an endpoint at a config that was live before."""
    if turn.event.name != "UpdateEndpoint":
        yield Flag(
            "rollback-duty", "out-of-band", f"the rollback role did {turn.event.name}, which it never should"
        )
        return
    earlier = [
        other
        for other in case.facts.turns_of(turn.environment, turn.model)
        if other.event.time < turn.event.time
    ]
    if turn.after not in {other.after for other in earlier if case.names.duty(other.event.who.role)}:
        yield Flag(
            "never-live", "contradicted", f"it went back to {change.after}, which was never live there"
        )
        return
    why = (
        f"the glass was broken: from {change.before} to {change.after}; ratify it: mlops rollback "
        f"{turn.model} --env {turn.environment}"
    )
    yield Flag("break-glass", "break-glass", why)


def ratify(case: Case, turn: Turn, change: Change) -> Change:
    """What was done past git is closed by a later pull request that pins it and that people approved."""
    commits = (move for move in reversed(case.history.moves.get((turn.environment, turn.model), [])))
    later = (move for move in commits if move.time >= turn.event.time)
    found = next(
        (move for move in later if case.config_of(move) == turn.after and is_sound(case, move)), None
    )
    return (
        replace(change, ratified=found.commit)
        if found and turn.event.name in (*MOVES, ROLLED_BACK)
        else change
    )


def timeline(changes: Iterable[Change], environment: str, model: str) -> list[Change]:
    """What happened to one endpoint, in the order of time."""
    return [change for change in changes if (change.environment, change.model) == (environment, model)]
