"""The reverse join: every merged pin has its events in time, and the last one is what is live."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlops.audit.chain import describe_hours, stamp
from mlops.audit.claims import SKEW
from mlops.audit.evidence_rules import attest, find_ratifying, judge_merge
from mlops.audit.verdict import Change, Flag, refer
from mlops.pin import Pin, Tombstone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops.audit.case import Case
    from mlops.audit.history import Move
    from mlops.audit.replay import Turn

DUE = timedelta(
    hours=24
)  # from the merge to the endpoint: `deploy` runs at once, people may have to release it
PULL = (
    "#"  # forges write a pull request's number into the subject of its merge or squash, unless told otherwise
)
FORGE = "noreply@github.com"  # what GitHub merges or squashes, it commits itself; not what it rebases


def judge_pins(case: Case, data: Mapping[str, str]) -> list[Change]:
    """Every pin that was merged in the range, oldest first. `data` says which data a source commit names."""
    moves = (move for moves in case.history.moves.values() for move in moves)
    asked = (move for move in moves if is_asked(case, move))
    changes = [judge_pin(case, move, data) for move in asked]
    return sorted(changes, key=lambda change: (change.time, change.environment, change.model, change.commit))


def is_asked(case: Case, move: Move) -> bool:
    """Whether a move is in the range. One whose date is made up may be in any."""
    return move.is_misdated or case.asked.since <= move.time < case.asked.until


def judge_pin(case: Case, move: Move, data: Mapping[str, str]) -> Change:
    """One commit that moved a pin: by itself, and by what followed."""
    content = case.history.content(move)
    change = Change(
        "pin",
        max(move.time, case.asked.since),
        move.environment,
        move.model,
        f"{move.path} at {move.commit[:12]}",
        "",
        "",
        "",
        commit=move.commit,
    )
    if isinstance(content, str):
        why = content or "the pin was deleted; a tombstone would have kept its history"
        return replace(change, flags=(Flag("unreadable-pin", "contradicted", why),))
    flags = [*judge_date(move), *judge_alone(move), *judge_merge(case, move)]
    if isinstance(content, Pin):
        flags += judge_origin(case, move, content)
        flags += judge_data(content, data)
    flags += judge_outcome(case, move, content)
    after = content.release if isinstance(content, Pin) else "retired"
    change = replace(change, after=after, flags=tuple(flags), **attest(case, move))
    return ratify(case, move, change)


def ratify(case: Case, move: Move, change: Change) -> Change:
    """A merge past the rules is closed by a later pull request on the same pin."""
    if {flag.rule for flag in change.flags} <= {"bypass"} and change.flags:
        later = find_ratifying(case, move)
        return replace(change, ratified=later.commit if later else "")
    return change


def judge_date(move: Move) -> Iterator[Flag]:
    """Main's dates run forward; one that does not would hide its commit from the time that is asked for."""
    if move.is_misdated:
        why = f"its date {stamp(move.dated)} runs against main's other dates; ask the forge who pushed it"
        yield Flag("misdated", "contradicted", why)


def judge_alone(move: Move) -> Iterator[Flag]:
    """A commit that moves a pin changes nothing else, so that its reviewers judged one release."""
    others = [path for path in move.paths if path != move.path]
    if others:
        yield Flag("not-alone", "contradicted", f"the commit also changed {', '.join(map(repr, others[:3]))}")


def judge_origin(case: Case, move: Move, pin: Pin) -> Iterator[Flag]:
    """What prod pins was pinned in staging before, byte for byte."""
    if move.environment != "prod":
        return
    earlier = (
        other for other in case.history.moves.get(("staging", move.model), []) if other.place >= move.place
    )
    found = (case.history.pin(other) for other in earlier)
    if not any(other and other.artifact == pin.artifact for other in found):
        yield Flag(
            "never-staged", "contradicted", f"release {pin.release} was never pinned in staging before"
        )


def judge_data(pin: Pin, data: Mapping[str, str]) -> Iterator[Flag]:
    """The data that a release says it was made from is what its source commit names."""
    said = data.get(source_key(pin))
    if said == "":
        why = f"its source commit {pin.artifact.commit[:12]}, or the data pointer there, is not in this clone"
        yield Flag("source-unseen", "unproved", why)
    elif said is not None and said != pin.artifact.data:
        why = (
            f"the release says data {pin.artifact.data!r}, its commit {pin.artifact.commit[:12]} names "
            f"{said!r}"
        )
        yield Flag("other-data", "contradicted", why)


def source_key(pin: Pin) -> str:
    """What `data` is keyed by: a model at a commit."""
    return f"{pin.artifact.commit} {pin.model}"


def judge_outcome(case: Case, move: Move, content: Pin | Tombstone) -> Iterator[Flag]:
    """What followed a merge: it was served in time, or overtaken, or is still due, or something is wrong."""
    after = case.history.next_after(move)
    due = due_time(move, content)
    end = min(after.time if after else case.asked.until, case.asked.until)
    if is_served(case, move, content, max(end, due) if after is None else end):
        return
    if after and after.time < due:
        return  # overtaken: the newer pin is what had to be deployed
    gap = case.in_gap(case.project.account(move.environment), move.time - SKEW, min(due, case.asked.until))
    if gap:
        why = f"may have been deployed while nothing was recorded ({describe_hours(gap.since, gap.until)})"
        yield Flag("unseen", "unproved", why, incomplete=True)
        return
    if due > case.asked.due:
        yield Flag("pending", "pending", f"is due until {stamp(due)}")
        return
    yield describe_undeployed(case, move)


def has_own_approval(case: Case, move: Move) -> bool:
    """Whether evidence or the trail tells of a pull request."""
    return "pull" in attest(case, move)


def due_time(move: Move, content: Pin | Tombstone) -> datetime:
    """By when a merge must have had its effect."""
    if isinstance(content, Tombstone):
        since = datetime.fromisoformat(content.retired.since).replace(tzinfo=UTC)
        return max(since + timedelta(days=content.retired.drain_days), move.time) + DUE
    return move.time + DUE


def is_served(case: Case, move: Move, content: Pin | Tombstone, until: datetime) -> bool:
    """Whether the endpoint was at what a merge asks for at some time before the next one."""
    wanted = case.config_of(move) if isinstance(content, Pin) else ""
    turns = case.facts.turns_of(move.environment, move.model)
    if isinstance(content, Tombstone) and not turns:
        return True  # nothing was ever served, so nothing must go
    if turns and case.config_at(move.environment, move.model, move.time) == wanted:
        return True
    near = case.facts.turns_between(move.key, move.time - SKEW, until)
    return any(turn.after == wanted for turn in near)


def names_pull(move: Move) -> bool:
    """Whether a commit looks like what a forge makes of a pull request. Nothing is proved by that."""
    return PULL in move.subject or move.committer == FORGE


def describe_undeployed(case: Case, move: Move) -> Flag:
    """A merge without effect. One that no pull request brought is worse: `deploy` refused it."""
    if not names_pull(move) and not has_own_approval(case, move):
        why = (
            f"shows no pull request ({move.subject!r} by {move.committer}), and was not deployed; unless the "
            f"forge knows one, revert it: git revert {move.commit[:12]}"
        )
        return Flag("no-pull-request", "contradicted", why)
    why = (
        f"was merged at {stamp(move.time)} and never deployed; the log of the last run says why, and so does "
        f"another: mlops deploy {move.environment} {move.model}"
    )
    return Flag("merged-not-deployed", "unproved", why)


def find_drift(case: Case, judged: Sequence[Change]) -> list[Change]:
    """Endpoints that are not at what main pins last, where nothing in the range says why already."""
    known = {(change.environment, change.model) for change in judged if is_open(change)}
    found = []
    for (environment, model), moves in sorted(case.history.moves.items()):
        turns = [
            turn for turn in case.facts.turns_of(environment, model) if turn.event.time <= case.asked.until
        ]
        flag = judge_drift(case, moves[0], turns)
        if flag and (environment, model) not in known:
            what = f"endpoint {case.project.endpoint(environment, model)}"
            events = refer(*(turn.event for turn in turns[-1:]))
            change = Change(
                "state", case.asked.until, environment, model, what, "", "", "", (flag,), events=events
            )
            found.append(replace(change, commit=moves[0].commit))
    return found


def is_open(change: Change) -> bool:
    """Whether a change is a finding about what is live."""
    return change.kind != "approval" and not change.ratified and change.verdict not in {"proved", "pending"}


def judge_drift(case: Case, move: Move, turns: Sequence[Turn]) -> Flag | None:
    """The replayed state against the last pin."""
    content = case.history.content(move)
    if not turns or isinstance(content, str) or due_time(move, content) > case.asked.due:
        return None
    wanted = case.config_of(move)
    if turns[-1].after == wanted:
        return None
    live = case.release_of(move.environment, move.model, turns[-1].after)
    pinned = case.release_of(move.environment, move.model, wanted)
    return Flag("drift", "contradicted", f"serves {live}, main pins {pinned}")
