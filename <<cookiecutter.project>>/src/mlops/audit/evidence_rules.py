"""Whether the evidence of a pin proves that enough other people approved what was merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.audit.event import mapping_at
from mlops.audit.testimony import contradict, judge_testimony, testify
from mlops.audit.verdict import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.audit.case import Case
    from mlops.audit.history import Move
    from mlops.audit.witness import Witness


def judge_evidence(case: Case, move: Move, recorded: str = "") -> Iterator[Flag]:
    """Every rule on the evidence of a move. `recorded` is the hash that the approval's event carries."""
    witness = case.witnesses.find(move.environment, move.model, move.commit)
    told, pin = testify(case, move), case.history.pin(move)
    if witness is None and told:
        yield from judge_testimony(case, move, told)
        if pin:
            yield from case.work.judge(move, pin, told)
        return
    if witness is None:
        why = f"its evidence evidence/{move.environment}/{move.model}/{move.commit}.json is not in the folder"
        yield Flag("evidence-missing", "unproved", why, incomplete=True)
        return
    if recorded and recorded != witness.sha256:
        why = (
            f"{witness.key} was altered: its SHA-256 is {witness.sha256[:12]}…, the approval recorded "
            f"{recorded[:12]}…"
        )
        yield Flag("evidence-altered", "unproved", why, incomplete=True)
        return
    yield from judge_content(case, move, witness)
    yield from judge_people(case, move, witness)
    yield from contradict(case, move, witness)
    if pin:
        yield from case.work.judge(move, pin, witness)


def judge_content(case: Case, move: Move, witness: Witness) -> Iterator[Flag]:
    """The evidence must speak of this pin."""
    pin = case.history.pin(move)
    wanted = (move.environment, move.model, pin.release if pin else "", case.config_of(move), move.commit)
    found = witness.speaks_of()
    if pin and found != wanted:
        other = next(
            f"{mine!r} where git says {theirs!r}"
            for mine, theirs in zip(found, wanted, strict=True)
            if mine != theirs
        )
        yield Flag("evidence-contradicts", "contradicted", f"{witness.key} says {other}")


def judge_people(case: Case, move: Move, witness: Witness) -> Iterator[Flag]:
    """Four eyes: enough different people, none of them the author, each of whom saw what was merged."""
    blind = [approval for approval in witness.approvals if approval.commit != witness.head]
    for approval in blind:
        why = (
            f"@{approval.login} approved {approval.commit[:12]}, but {witness.head[:12]} was merged as "
            f"#{witness.pull}"
        )
        yield Flag("unreviewed", "contradicted", why)
    own = [approval for approval in witness.approvals if approval.person == witness.author]
    for approval in own:
        why = f"@{approval.login} (number {approval.person}) opened #{witness.pull} and approved it too"
        yield Flag("four-eyes", "contradicted", why)
    counted = {approval.person for approval in witness.approvals if approval not in own + blind}
    required = max(witness.required, getattr(case.project.approvals, move.environment))
    if len(counted) < required and not own + blind:
        why = f"#{witness.pull} has {len(counted)} approvals of different people, {required} are required"
        yield Flag("four-eyes", "contradicted", why)


def judge_merge(case: Case, move: Move) -> Iterator[Flag]:
    """Where main's rules ask for approvals, a merge before them went around the rules."""
    witness = case.witnesses.find(move.environment, move.model, move.commit)
    if witness is None:
        return
    demanded = max((demands(rule) for rule in witness.rules), default=0)
    there = [approval for approval in witness.approvals if approval.at and approval.at <= move.time]
    if len(there) < demanded:
        why = (
            f"#{witness.pull} was merged with {len(there)} of {demanded} approvals that main's rules ask "
            "for: they were bypassed"
        )
        yield Flag("bypass", "break-glass", why)


def demands(rule: Any) -> int:
    """How many approvals one of main's rules asks for."""
    if not isinstance(rule, dict) or rule.get("type") != "pull_request":
        return 0
    found = mapping_at(rule, "parameters").get("required_approving_review_count", 1)
    return found if isinstance(found, int) else 1


def is_sound(case: Case, move: Move) -> bool:
    """Whether a move has evidence without a flaw: it may ratify what was done before."""
    pull = case.pulls.by_commit.get(move.commit)
    if pull and pull.overrides:
        return False
    return not any(judge_evidence(case, move)) and not any(judge_merge(case, move))


def attest(case: Case, move: Move | None) -> dict[str, Any]:
    """What a change of a pin says of its pull request, and what proves that: evidence, the trail, or both."""
    if move is None:
        return {}
    witness = case.witnesses.find(move.environment, move.model, move.commit)
    told = testify(case, move)
    found = witness or told
    if found is None:
        return {"commit": move.commit}
    return {
        "commit": move.commit,
        "pull": found.pull,
        "url": found.url,
        "approvers": tuple(f"@{approval.login}" for approval in found.approvals),
        "proof": " and ".join([*(["evidence"] if witness else []), *(["trail"] if told else [])]),
    }


def find_ratifying(case: Case, move: Move) -> Move | None:
    """A later pull request on the same pin that people approved as they should."""
    later = [other for other in case.history.moves.get(move.key, []) if other.place < move.place]
    return next((other for other in reversed(later) if is_sound(case, other)), None)
