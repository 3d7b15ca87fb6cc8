"""Approval rule templates of CodeCommit: whoever lowers what they ask for, or takes them away, is found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.audit.chain import stamp
from mlops.audit.event import list_at
from mlops.audit.verdict import Finding, refer
from mlops.codecommit_settings import rule_content, rule_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops.audit.case import Case
    from mlops.audit.event import Event
    from mlops.project import Project

DELETED = "DeleteApprovalRuleTemplate"
RENAMED = "UpdateApprovalRuleTemplateName"
CHANGED = "UpdateApprovalRuleTemplateContent"
OF_PULL = frozenset({"DeletePullRequestApprovalRule", "UpdatePullRequestApprovalRuleContent"})


@dataclass
class Templates:
    """The project's templates as their calls tell of them: the one that bootstrap makes, and any other's."""

    project: Project
    own: set[str] = field(default_factory=set)
    contents: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.own.add(rule_name(self.project))

    def read(self, event: Event) -> str:
        """What a call lowers or takes away, in words; empty for one that does neither."""
        name, repository = event.asked("approvalRuleTemplateName"), self.project.repository
        is_here = repository in (event.asked("repositoryName"), *list_at(event.request, "repositoryNames"))
        if event.name == "CreateApprovalRuleTemplate":
            self.contents[name] = parse(event.asked("approvalRuleTemplateContent"))
        elif "Disassociate" in event.name:
            return f"took template {name!r} off {repository!r}" if is_here else ""
        elif "Associate" in event.name:
            self.own |= {name} if is_here else set()
        elif event.name == CHANGED:
            return self.change(name, parse(event.asked("newRuleContent")))
        elif event.name in (DELETED, RENAMED):
            verb = "deleted" if event.name == DELETED else "renamed"
            name = name or event.asked("oldApprovalRuleTemplateName")
            return f"{verb} template {name!r}" if name in self.own else ""
        return ""

    def change(self, name: str, content: Any) -> str:
        """A template's new content: what main says, or at least as much as before, lowers nothing."""
        before = self.contents.get(name)
        self.contents[name] = content
        is_mains = name == rule_name(self.project) and content == rule_content(self.project)
        if name not in self.own or is_mains or asks_as_much(before, content):
            return ""
        return f"changed template {name!r} to {json.dumps(content)}"


def parse(text: str) -> Any:
    """A template's content; the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def asks_as_much(before: Any, after: Any) -> bool:
    """Whether a content differs from the one before by more approvals alone."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return False
    old, new = list_at(before, "Statements"), list_at(after, "Statements")
    rest = {**before, "Statements": [strip(one) for one in old]}
    return (
        rest == {**after, "Statements": [strip(one) for one in new]}
        and len(old) == len(new)
        and all(needed(one) <= needed(other) for one, other in zip(old, new, strict=True))
    )


def strip(statement: Any) -> Any:
    """A statement without its number."""
    if not isinstance(statement, dict):
        return statement
    return {key: value for key, value in statement.items() if key != "NumberOfApprovalsNeeded"}


def needed(statement: Any) -> int:
    """How many approvals a statement asks for."""
    found = statement.get("NumberOfApprovalsNeeded") if isinstance(statement, dict) else None
    return found if isinstance(found, int) else 0


def judge_templates(case: Case, events: Iterable[Event]) -> Iterator[Finding]:
    """Rules of main that somebody lowered, for every pull request or for one."""
    templates, account = Templates(case.project), case.project.accounts.training
    for event in events:
        if event.source != "codecommit" or event.error or event.account != account:
            continue
        number = event.asked("pullRequestId")
        what = templates.read(event)
        if event.name in OF_PULL and number in case.pulls.by_number:
            what = f"changed the approval rules of pull request {number}"
        if what and case.project.forge == "codecommit":
            why = f"{event.who} {what}, by {event.name}"
            subject = f"rules of {case.project.repository}"
            yield Finding("rules-changed", "out-of-band", subject, why, stamp(event.time), "", refer(event))
