"""Pull requests on AWS's own forge, replayed from their calls: who wrote, who approved, what was merged."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.audit.event import list_at, mapping_at, text_at
from mlops.codecommit_people import fold, may_judge, read_person

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops.audit.event import Event
    from mlops.project import Project

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
    """One pull request, as its calls tell it. Records that say less than they should leave members empty."""

    number: str
    repository: str = ""
    branch: str = ""
    opened: Event | None = None
    pushes: list[Event] = field(default_factory=list)  # to its branch, also before it was opened
    approvals: list[Event] = field(default_factory=list)
    overrides: list[Event] = field(default_factory=list)
    merged: Event | None = None

    @property
    def shown(self) -> Mapping[str, Any]:
        """The pull request as its merge answered it."""
        return mapping_at(self.merged.answer, "pullRequest") if self.merged else {}

    @property
    def target(self) -> Mapping[str, Any]:
        """Whence and whither, as its merge answered it; a pull request has one target."""
        found = next(iter(list_at(self.shown, "pullRequestTargets")), None)
        return found if isinstance(found, dict) else {}

    @property
    def commit(self) -> str:
        """The commit of main that its merge made."""
        return text_at(self.target, "mergeMetadata", "mergeCommitId")

    @property
    def head(self) -> str:
        """The commit that was merged."""
        return text_at(self.target, "sourceCommit") or (
            self.merged.asked("sourceCommitId") if self.merged else ""
        )

    @property
    def author(self) -> str:
        """Who opened it."""
        if self.opened:
            return person(self.opened)
        return fold(text_at(self.shown, "authorArn").rpartition("/")[2])

    @property
    def authors(self) -> set[str]:
        """Who wrote it: whoever opened it or moved its branch."""
        return ({self.author} | {person(event) for event in self.pushes}) - {""}

    @property
    def standing(self) -> list[Event]:
        """The approvals of what was merged; each push makes another revision, which no earlier one covers."""
        revision = text_at(self.shown, "revisionId")
        return [event for event in self.approvals if not revision or event.asked("revisionId") == revision]

    @property
    def rules(self) -> list[Mapping[str, Any]]:
        """What its approval rules ask for."""
        texts = [text_at(rule, "approvalRuleContent") for rule in list_at(self.shown, "approvalRules")]
        return [statement for text in texts for statement in read_statements(text)]

    def counted(self, project: Project) -> list[Event]:
        """The approvals of different people that count: who is no author, and whose name cannot be chosen."""
        pools = [list_at(rule, "ApprovalPoolMembers") for rule in self.rules]
        found: dict[str, Event] = {}
        for event in self.standing:
            who = read_person(event.who.arn, project)
            if not who.is_bot and may_judge(who, pools) and person(event) not in self.authors:
                found.setdefault(person(event), event)
        return list(found.values())

    def required(self) -> int:
        """How many approvals its rules ask for."""
        asked = (rule.get("NumberOfApprovalsNeeded") for rule in self.rules)
        return max((number for number in asked if isinstance(number, int)), default=0)


@dataclass(frozen=True)
class Pulls:
    """The pull requests of a repository by number, and the pushes to its main that went past them."""

    by_number: Mapping[str, Pull]
    direct: tuple[Event, ...]

    @property
    def by_commit(self) -> dict[str, Pull]:
        """By the commit of main that each made."""
        return {pull.commit: pull for pull in self.by_number.values() if pull.commit}

    def people(self, commit: str) -> frozenset[str]:
        """Who brought a commit into main, under every name that the trail has for them."""
        pull = self.by_commit.get(commit)
        if pull is None:
            return frozenset()
        events = [event for event in (pull.opened, pull.merged, *pull.pushes) if event]
        plain = {fold(event.who.arn.rpartition("/")[2]) for event in events}
        return frozenset(plain | {person(event) for event in events})


def read_statements(text: str) -> list[Mapping[str, Any]]:
    """The statements of a rule's content; none where it does not parse."""
    try:
        found = list_at(json.loads(text), "Statements")
    except ValueError:
        return []
    return [statement for statement in found if isinstance(statement, dict)]


def person(event: Event) -> str:
    """Who stands behind a call: the source identity, which survives a change of roles, else the name that the
    caller has in every role; without the host of an address.
    """
    return fold(event.who.source or event.who.arn.rpartition("/")[2])


def read_pulls(events: Iterable[Event], repository: str) -> Pulls:
    """The pull requests of a repository, and the pushes to its main. Numbers are an account's own."""
    pulls: dict[str, Pull] = {}
    heads: dict[str, list[Event]] = {}  # branch: what moved it since its last pull request
    direct: list[Event] = []
    for event in events:
        if event.source != "codecommit" or event.error:
            continue
        if event.name in PUSHES:
            direct += add_push(event, pulls, heads, repository)
        elif event.name == "CreatePullRequest":
            open_pull(event, pulls, heads)
        elif event.asked("pullRequestId"):
            add_step(
                event, pulls.setdefault(event.asked("pullRequestId"), Pull(event.asked("pullRequestId")))
            )
    own = {number: pull for number, pull in pulls.items() if repository in (pull.repository, "")}
    return Pulls(own, tuple(direct))


def open_pull(event: Event, pulls: dict[str, Pull], heads: dict[str, list[Event]]) -> None:
    """A pull request begins."""
    target = next(iter(list_at(event.request, "targets")), None)
    number = event.answered("pullRequest", "pullRequestId")
    if number:
        branch = HEADS + text_at(target, "sourceReference").removeprefix(HEADS)
        repository = text_at(target, "repositoryName")
        pulls[number] = Pull(number, repository, branch, event, heads.pop(f"{repository} {branch}", []))


def add_push(
    event: Event, pulls: dict[str, Pull], heads: dict[str, list[Event]], repository: str
) -> list[Event]:
    """A push: to the branch of an open pull request, to another one, or past all of them to main."""
    if repository not in {event.asked("repositoryName"), text_at(event.extra, "repositoryName")}:
        return []
    refs = {reference for reference, _ in moved_references(event)}
    for pull in pulls.values():
        if pull.branch in refs and pull.merged is None and pull.repository == repository:
            pull.pushes.append(event)
            refs.discard(pull.branch)
    for reference in refs - {MAIN}:
        heads.setdefault(f"{repository} {reference}", []).append(event)
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
        pull.repository = pull.repository or event.asked("repositoryName")
