"""Pull requests on AWS's own forge, replayed from their calls: who wrote, who approved, what was merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.audit.chain import stamp
from mlops.audit.event import list_at, text_at
from mlops.audit.verdict import Finding, refer
from mlops.codecommit_people import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops.audit.case import Case
    from mlops.audit.event import Event
    from mlops.audit.history import Move
    from mlops.audit.verdict import Verdict

HEADS = "refs/heads/"
MAIN = f"{HEADS}main"
PUSHES = frozenset(
    {
        *("GitPush", "CreateCommit", "PutFile", "DeleteFile"),
        *("MergeBranchesByFastForward", "MergeBranchesBySquash", "MergeBranchesByThreeWay"),
    }
)


@dataclass
class Pull:
    """One pull request, as its calls tell it."""

    number: str
    branch: str = ""
    opened: Event | None = None
    pushes: list[Event] = field(default_factory=list)
    approvals: list[Event] = field(default_factory=list)
    overrides: list[Event] = field(default_factory=list)
    merged: Event | None = None

    @property
    def commit(self) -> str:
        """The commit of main that its merge made."""
        targets = list_at(self.merged.answer, "pullRequest", "pullRequestTargets") if self.merged else []
        return next((text_at(target, "mergeMetadata", "mergeCommitId") for target in targets), "")

    @property
    def authors(self) -> set[str]:
        """Who wrote it."""
        opened = [self.opened] if self.opened else []
        return {person(event) for event in [*opened, *self.pushes]}


def person(event: Event) -> str:
    """Who stands behind a call: the source identity, which survives a change of roles, else the name that the
    caller has in every role; without the host of an address.
    """
    return fold(event.who.source or event.who.arn.rpartition("/")[2])


def read_pulls(events: Iterable[Event], repository: str) -> tuple[dict[str, Pull], list[Event]]:
    """The pull requests of a repository, and the pushes to its main."""
    pulls: dict[str, Pull] = {}
    direct: list[Event] = []
    for event in events:
        if event.source != "codecommit" or event.error:
            continue
        if event.name in PUSHES:
            direct += add_push(event, pulls, repository)
        elif event.name == "CreatePullRequest":
            open_pull(event, pulls, repository)
        elif event.asked("pullRequestId") in pulls:
            add_step(event, pulls[event.asked("pullRequestId")])
    return pulls, direct


def open_pull(event: Event, pulls: dict[str, Pull], repository: str) -> None:
    """A pull request begins."""
    target = next(iter(list_at(event.request, "targets")), None)
    number = event.answered("pullRequest", "pullRequestId")
    if text_at(target, "repositoryName") == repository and number:
        branch = text_at(target, "sourceReference").removeprefix(HEADS)
        pulls[number] = Pull(number, HEADS + branch, event)


def add_push(event: Event, pulls: dict[str, Pull], repository: str) -> list[Event]:
    """A push: to the branch of an open pull request, or past all of them to main."""
    if repository not in {event.asked("repositoryName"), text_at(event.extra, "repositoryName")}:
        return []
    refs = {reference for reference, _ in moved_references(event)}
    for pull in pulls.values():
        if pull.branch in refs and pull.merged is None:
            pull.pushes.append(event)
    return [event] if MAIN in refs else []


def moved_references(event: Event) -> list[tuple[str, str]]:
    """The references that a call moved, and whither: git names several, the API one branch."""
    if event.name == "GitPush":
        listed = list_at(event.request, "references")
        return [(text_at(reference, "ref"), text_at(reference, "commit")) for reference in listed]
    named = event.asked("branchName") or event.asked("targetBranch")
    branch = named or event.asked("destinationCommitSpecifier")
    return [(HEADS + branch.removeprefix(HEADS), event.answered("commitId"))]


def add_step(event: Event, pull: Pull) -> None:
    """An approval, an override, or the merge."""
    if event.name == "UpdatePullRequestApprovalState":
        pull.approvals = [other for other in pull.approvals if other.who.arn != event.who.arn]
        pull.approvals += [event] if event.asked("approvalState") == "APPROVE" else []
    elif event.name == "OverridePullRequestApprovalRules":
        pull.overrides = [] if event.asked("overrideStatus") == "REVOKE" else [*pull.overrides, event]
    elif event.name.startswith("MergePullRequest"):
        pull.merged = event


def judge_codecommit(case: Case, events: Iterable[Event]) -> list[Finding]:
    """Every rule on every merged pull request that moved a pin."""
    repository = case.project.repository.rpartition("/")[2]
    pulls, direct = read_pulls(events, repository)
    moves = {move.commit: move for moves in case.history.moves.values() for move in moves}
    by_commit = {pull.commit: pull for pull in pulls.values() if pull.commit in moves}
    found = [finding for event in direct for finding in judge_push(event, moves)]
    for commit, pull in by_commit.items():
        found += judge_pull(case, pull, moves[commit], by_commit)
    return found


def judge_push(event: Event, moves: dict[str, Move]) -> Iterator[Finding]:
    """A push to main that moves a pin went past review."""
    for reference, commit in moved_references(event):
        move = moves.get(commit)
        if move and reference == MAIN:
            why = f"{event.who} pushed {move.commit[:12]} to main, which moves a pin, without a pull request"
            yield describe("no-pull-request", "contradicted", move, why, event)


def judge_pull(case: Case, pull: Pull, move: Move, by_commit: dict[str, Pull]) -> Iterator[Finding]:
    """Four eyes, the last revision, and the rules."""
    for event in pull.approvals:
        if person(event) in pull.authors:
            name = event.who.source or person(event)
            why = f"{name} wrote pull request {pull.number} and approved it, as {event.who}"
            yield describe("four-eyes", "contradicted", move, why, event)
    last = max((event.time for event in pull.approvals), default=None)
    for event in pull.pushes:
        if last and event.time > last:
            why = f"{event.who} pushed to pull request {pull.number} after it was approved; nobody saw that"
            yield describe("unreviewed", "contradicted", move, why, event)
    later = [other for other in case.history.moves[move.key] if other.place < move.place]
    if not any(is_sound(by_commit.get(other.commit)) for other in later):
        for event in pull.overrides:
            why = f"{event.who} overrode the approval rules of pull request {pull.number}"
            yield describe("bypass", "break-glass", move, why, event)


def is_sound(pull: Pull | None) -> bool:
    """Whether a pull request was approved by another person, and no rule was overridden for it."""
    if pull is None or pull.overrides:
        return False
    return any(person(event) not in pull.authors for event in pull.approvals)


def describe(rule: str, verdict: Verdict, move: Move, why: str, event: Event) -> Finding:
    """A finding about the pin that a pull request moved."""
    return Finding(
        rule, verdict, f"{move.environment}/{move.model}", why, stamp(event.time), move.path, refer(event)
    )


def judge_manual_approvals(case: Case, events: Iterable[Event]) -> Iterator[Finding]:
    """CodePipeline's approvals say neither execution nor revision: only a summary with the release "
    "proves one."""
    for event in events:
        if event.name != "PutApprovalResult" or event.error or not is_approval(case, event):
            continue
        summary = event.asked("result", "summary")
        releases = {
            pin.release
            for moves in case.history.moves.values()
            if (pin := case.history.pin(next((move for move in moves if move.time <= event.time), None)))
        }
        if not any(release in summary for release in releases):
            said = f"says {summary!r}, no release that was pinned then" if summary else "says nothing"
            why = (
                f"{event.who} approved stage {event.asked('stageName')!r}; the summary {said}: it proves "
                "nothing"
            )
            subject = event.asked("pipelineName")
            yield Finding("empty-approval", "unproved", subject, why, stamp(event.time), "", refer(event))


def is_approval(case: Case, event: Event) -> bool:
    """Whether a call approves in one of the project's pipelines."""
    if not event.asked("pipelineName").startswith(case.project.project):
        return False
    return event.account in case.names.accounts and event.asked("result", "status") == "Approved"
