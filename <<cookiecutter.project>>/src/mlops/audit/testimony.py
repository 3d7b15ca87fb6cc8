"""What CloudTrail says of a pull request on CodeCommit: it stands in for evidence, or speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.audit.claims import SKEW
from mlops.audit.codecommit import person
from mlops.audit.verdict import Flag
from mlops.audit.witness import Witness
from mlops.codecommit_people import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.audit.case import Case
    from mlops.audit.codecommit import Pull
    from mlops.audit.event import Event
    from mlops.audit.history import Move


def testify(case: Case, move: Move) -> Witness | None:
    """What the trail says of the pull request that moved a pin; None where it saw no merge that did."""
    pull = case.pulls.by_commit.get(move.commit) if case.project.forge == "codecommit" else None
    if pull is None or not pull.number.isdecimal():
        return None
    request = {
        "number": int(pull.number),
        "head": pull.head,
        "merge_commit": pull.commit,
        "author": {"id": pull.author, "login": pull.author},
    }
    content = {
        "pull_request": request,
        "required": max(pull.required(), getattr(case.project.approvals, move.environment)),
        "approvals": [describe_approval(event, pull) for event in pull.counted(case.project)],
    }
    return Witness(f"the trail of pull request {pull.number}", "", content)


def describe_approval(event: Event, pull: Pull) -> dict[str, Any]:
    """An approval in the form that evidence has."""
    who = {"id": person(event), "login": event.who.arn.rpartition("/")[2], "arn": event.who.arn}
    return {"by": who, "commit": pull.head, "at": f"{event.time:%Y-%m-%dT%H:%M:%SZ}"}


def judge_testimony(case: Case, move: Move, told: Witness) -> Iterator[Flag]:
    """Whether the trail alone proves that enough other people approved what was merged."""
    pull, found = case.pulls.by_commit[move.commit], len(told.approvals)
    if found >= told.required:
        return
    if pull.opened is None:
        why = f"its evidence is not in the folder, and the trail begins after pull request {told.pull} did"
        yield Flag("evidence-missing", "unproved", why, incomplete=True)
        return
    why = f"#{told.pull} has {found} approvals of different people in the trail, {told.required} are required"
    yield Flag("four-eyes", "contradicted", why)


def contradict(case: Case, move: Move, witness: Witness) -> Iterator[Flag]:
    """What the trail says against the evidence of a pin, where it saw the time that the evidence tells of."""
    if case.project.forge != "codecommit" or not is_seen(case, move):
        return
    pull = case.pulls.by_number.get(str(witness.pull))
    if pull is None or pull.merged is None:
        yield disagree(witness, f"#{witness.pull} was merged, the trail holds no such merge")
        return
    if pull.commit and pull.commit != move.commit:
        yield disagree(witness, f"#{witness.pull} made {move.commit[:12]}, the trail {pull.commit[:12]}")
        return
    if pull.head and pull.head != witness.head:
        yield disagree(witness, f"{witness.head[:12]} was merged, the trail {pull.head[:12]}")
    told = {fold(event.who.arn.rpartition("/")[2]) for event in pull.standing}
    for approval in witness.approvals:
        if approval.at and approval.at > case.asked.since and approval.person not in told:
            yield disagree(witness, f"@{approval.login} approved what was merged, the trail does not")


def is_seen(case: Case, move: Move) -> bool:
    """Whether the trail covers the time of a merge."""
    account = case.project.accounts.training
    return case.asked.since <= move.time and not case.in_gap(account, move.time - SKEW, move.time + SKEW)


def disagree(witness: Witness, what: str) -> Flag:
    """Evidence that the trail does not bear out."""
    return Flag("evidence-contradicts", "contradicted", f"{witness.key} says that {what}")
