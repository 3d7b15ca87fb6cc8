"""What a session of a deploy role claims by its name, joined with main."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mlops.audit.sessions import judge_opening
from mlops.audit.verdict import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mlops.audit.case import Breach, Case
    from mlops.audit.event import Event
    from mlops.audit.history import Move
    from mlops.audit.names import Duty
    from mlops.audit.sessions import Opening

SKEW = timedelta(minutes=15)  # between the clocks of the forge and of AWS, and for a run that is under way


@dataclass(frozen=True)
class Claim:
    """The pin that main held at the commit which a session names; what is wrong with the session."""

    opening: Opening | None
    move: Move | None
    flags: tuple[Flag, ...]


def read_claim(case: Case, event: Event, duty: Duty, model: str) -> Claim:
    """Join an event to its session by access key, and the session to main by its commit."""
    opening = case.openings.get(event.who.key)
    if opening is None:
        why = (
            f"the opening of session {event.who.session!r} is not in the trail, so that no CI job "
            "answers for it"
        )
        return Claim(None, None, (Flag("session-unseen", "unproved", why), *judge_breach(case, event)))
    flags = [*judge_session(case, opening, duty), *judge_breach(case, event)]
    place = case.history.find(opening.commit) if opening.commit else None
    if place is None:
        why = (
            f"session {opening.name!r} names no commit of main: history was rewritten, or the name is made up"
        )
        return Claim(opening, None, (*flags, Flag("unknown-commit", "contradicted", why)))
    move = case.history.at(duty.environment, model, place)
    if move is None:
        why = f"main pinned nothing for {model!r} in {duty.environment} at {opening.commit}"
        flags.append(Flag("no-pin", "contradicted", why))
    return Claim(opening, move, (*flags, *judge_staleness(case, opening, move)))


def judge_session(case: Case, opening: Opening, duty: Duty) -> Iterator[Flag]:
    """Whether the session is the CI job's that it should be."""
    for doubt in judge_opening(case, opening, duty):
        yield Flag(doubt.rule, doubt.verdict, f"session {opening.name!r} {doubt.message}")


def judge_breach(case: Case, event: Event) -> Iterator[Flag]:
    """Whether the role was as it should be: after a change of its trust, anybody may have had it."""
    opening = case.openings.get(event.who.key)
    held = [(event.account, event.who.role)]
    if opening and opening.event.who.role:  # the role that took this one
        held.append((opening.event.who.account, opening.event.who.role))
    for account, role in held:
        name = role.rpartition("/")[2]
        breach = find_breach(case, account, name, event.time)
        if breach:
            why = f"who may be {name!r} was changed before, by {breach.event.name} ({breach.event.id})"
            yield Flag("breached-role", "unproved", why)


def find_breach(case: Case, account: str, name: str, moment: datetime) -> Breach | None:
    """The first change of what guards a role, before a moment."""
    found = (breach for breach in case.breaches if breach.role in {name, "*"})
    return next(
        (breach for breach in found if breach.event.account == account and breach.event.time <= moment), None
    )


def judge_staleness(case: Case, opening: Opening, move: Move | None) -> Iterator[Flag]:
    """Whether main pinned something newer when the session began: an old run was started again."""
    later = case.history.next_after(move) if move else None
    if move and later and later.time + SKEW < opening.event.time:
        why = (
            f"its session is for {move.commit[:12]}, but {later.commit[:12]} had moved the pin long "
            "before: an old run was started again"
        )
        yield Flag("stale", "contradicted", why)
