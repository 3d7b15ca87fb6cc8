"""Judge every approval in the registry, and what is done to packages beside approvals."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops.audit.claims import read_claim
from mlops.audit.event import list_at, mapping_at, text_at
from mlops.audit.evidence_rules import attest, is_sound, judge_evidence
from mlops.audit.verdict import Change, Flag, refer
from mlops.project import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.audit.case import Case
    from mlops.audit.claims import Claim
    from mlops.audit.event import Event
    from mlops.audit.history import Move
    from mlops.audit.names import Duty


def judge_packages(case: Case) -> list[Change]:
    """Births, approvals and ends of packages, in the order of time."""
    changes = [judge_birth(case, event) for event in case.facts.packages.values() if is_approved(event)]
    changes += [judge_update(case, model, event) for model, event in case.facts.approvals if matters(event)]
    return sorted((change for change in changes if change), key=lambda change: (change.time, change.what))


def is_approved(event: Event) -> bool:
    """Whether a call sets the registry's one status to Approved."""
    return event.asked("modelApprovalStatus") == "Approved"


def matters(event: Event) -> bool:
    """Whether an update says or unsays an approval. People may reject a package at any time."""
    keys = [*mapping_at(event.request, "customerMetadataProperties"), *removed(event)]
    ours = any(str(key).startswith(tuple(f"{name}." for name in ENVIRONMENTS)) for key in keys)
    stage = bool(mapping_at(event.request, "modelLifeCycle"))
    return event.name == "DeleteModelPackage" or is_approved(event) or stage or ours or bool(removed(event))


def removed(event: Event) -> list[Any]:
    """The metadata keys that a call takes away."""
    return list_at(event.request, "customerMetadataPropertiesToRemove")


def describe(case: Case, event: Event, model: str, arn: str) -> Change:
    """The change, before it is judged."""
    stage = text_at(event.request, "modelLifeCycle", "stage") or "staging"
    place = stage if stage in ENVIRONMENTS else "staging"
    number = arn.rpartition("/")[2]
    what = f"{event.name} {case.project.group(model)}/{number}"
    return Change("approval", event.time, place, model, what, "", arn, str(event.who), events=refer(event))


def judge_birth(case: Case, event: Event) -> Change | None:
    """A package is registered as pending; `deploy` approves it."""
    arn = event.answered("modelPackageArn")
    model = case.names.package(arn)
    if model is None:
        return None
    flag = Flag("born-approved", "out-of-band", f"{event.who} registered {arn} as Approved")
    return ratify(case, event, replace(describe(case, event, model, arn), flags=(flag,)), arn)


def judge_update(case: Case, model: str, event: Event) -> Change:
    """An approval, or what takes one away."""
    arn = event.asked("modelPackageArn") or event.asked("modelPackageName")
    change = describe(case, event, model, arn)
    if event.name == "DeleteModelPackage":
        flag = Flag(
            "deleted-package", "out-of-band", f"{event.who} deleted {arn}; its history stays in the trail"
        )
        return replace(change, flags=(flag,))
    if removed(event):
        keys = ", ".join(map(repr, removed(event)))
        flag = Flag("stripped", "out-of-band", f"{event.who} removed {keys} from {arn}")
        return replace(change, flags=(flag,))
    duty = case.names.duty(event.who.role)
    if duty is None or duty.kind != "deploy":
        flag = Flag("console-approval", "out-of-band", f"{event.who} approved {arn}; only `deploy` does")
        return ratify(case, event, replace(change, flags=(flag,)), arn)
    return judge_approval(case, event, change, duty, model)


def judge_approval(case: Case, event: Event, change: Change, duty: Duty, model: str) -> Change:
    """An approval that `deploy` wrote: what it says must be what git and the evidence say."""
    claim = read_claim(case, event, duty, model)
    said = text_at(event.request, "customerMetadataProperties", f"{duty.environment}.commit")
    move = case.history.by_commit(duty.environment, model, said)
    flags = [*claim.flags, *judge_stage(event, duty)]
    if move is None:
        flags.append(
            Flag(
                "unknown-commit",
                "contradicted",
                f"it names commit {said[:12]!r}, which moved no such pin of main",
            )
        )
        return replace(change, environment=duty.environment, flags=tuple(flags))
    flags += judge_claimed(event, claim, move)
    flags += judge_words(case, event, move)
    recorded = text_at(event.request, "customerMetadataProperties", f"{duty.environment}.evidence")
    flags += judge_evidence(case, move, recorded)
    return replace(change, environment=duty.environment, flags=tuple(flags), **attest(case, move))


def judge_stage(event: Event, duty: Duty) -> Iterator[Flag]:
    """A role approves for its own environment."""
    stage = text_at(event.request, "modelLifeCycle", "stage")
    if stage != duty.environment:
        yield Flag("other-stage", "contradicted", f"the role of {duty.environment} approved stage {stage!r}")


def judge_claimed(event: Event, claim: Claim, move: Move) -> Iterator[Flag]:
    """The pin that the approval names is the one at its session's commit."""
    if claim.move and claim.move.commit != move.commit:
        why = (
            f"session {event.who.session!r} is for {claim.move.commit[:12]}, the approval for "
            f"{move.commit[:12]}"
        )
        yield Flag("other-commit", "contradicted", why)


def judge_words(case: Case, event: Event, move: Move) -> Iterator[Flag]:
    """Package, release and pull request of the approval are the pin's."""
    pin = case.history.pin(move)
    arn = event.asked("modelPackageArn")
    if pin is None or pin.artifact.package != arn:
        wanted = pin.artifact.package if pin else "no release"
        yield Flag(
            "other-package", "contradicted", f"it approves {arn!r}, but {move.commit[:12]} pins {wanted!r}"
        )
        return
    said = read_description(text_at(event.request, "modelLifeCycle", "stageDescription"))
    if said.get("release") != pin.release:
        yield Flag(
            "other-release",
            "contradicted",
            f"it says release {said.get('release')!r}, the pin {pin.release!r}",
        )
    found = attest(case, move)
    if "pull" in found and said.get("pr") != found["pull"]:
        why = f"it says #{said.get('pr')}, the {found['proof']} #{found['pull']}"
        yield Flag("other-pull", "contradicted", why)


def read_description(text: str) -> dict[str, Any]:
    """What a stage's description says; nothing where it is not ours."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def ratify(case: Case, event: Event, change: Change, arn: str) -> Change:
    """An approval past git is closed when people approve the same package by pull request after it."""
    for environment in ENVIRONMENTS:
        for move in reversed(case.history.moves.get((environment, change.model), [])):
            pin = case.history.pin(move) if move.time >= event.time else None
            if pin and pin.artifact.package == arn and is_sound(case, move):
                return replace(change, ratified=move.commit)
    return change
