"""Reviews and rules on CodeCommit: approvals of revisions, and approval rule templates.

The states of the last revision are what CodeCommit counts; what was said of earlier ones stands in the pull
request's events and is told as what it is: said of another commit.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from mlops.codecommit_people import matches
from mlops.codecommit_pulls import read_target
from mlops.forge import Person, Review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

WORDS = {"APPROVE": "APPROVED", "REVOKE": "DISMISSED"}


def read_reviews(
    pull: Mapping[str, Any],
    events: Iterable[Mapping[str, Any]],
    states: Iterable[Mapping[str, Any]],
    read_person: Callable[[str], Person],
) -> list[Review]:
    """Everything that people said, oldest first; `states` are the last revision's."""
    last, head = pull["revisionId"], read_target(pull)["sourceCommit"]
    current = {state["userArn"]: state["approvalState"] for state in states}
    said, seen = [], ""
    for event in events:
        seen = find_commit(event) or seen
        change = event.get("approvalStateChangedEventMetadata")
        if not change:
            continue
        person, at = read_person(event["actorArn"]), stamp(event)
        if change["revisionId"] != last:
            # the same commit pushed again is another revision, which that approval does not cover
            word = "DISMISSED" if seen == head else WORDS[change["approvalStatus"]]
            said.append(Review(change["revisionId"], person, seen, word, at))
        elif change["approvalStatus"] == current.get(event["actorArn"]):
            said.append(Review(last, person, head, WORDS[change["approvalStatus"]], at))
    return said


def find_commit(event: Mapping[str, Any]) -> str:
    """The commit at which an event put a pull request's source; empty for the others."""
    moved = event.get("pullRequestSourceReferenceUpdatedEventMetadata", {}).get("afterCommitId", "")
    opened = event.get("pullRequestCreatedEventMetadata", {}).get("sourceCommitId", "")
    return str(moved or opened)


def stamp(event: Mapping[str, Any]) -> str:
    """When something was said."""
    return str(event["eventDate"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def applies_to(template: Mapping[str, Any], reference: str) -> bool:
    """Whether a template makes rules for pull requests into a branch."""
    patterns = json.loads(template["approvalRuleTemplateContent"]).get("DestinationReferences")
    return not patterns or any(matches(pattern, reference) for pattern in patterns)


def read_statement(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a template asks for: how many approvals, from which pool."""
    found: Mapping[str, Any] = json.loads(template["approvalRuleTemplateContent"])["Statements"][0]
    return found


def read_rule(template: Mapping[str, Any]) -> dict[str, Any]:
    """A template as a rule, in the words that rules of other forges have."""
    needed = read_statement(template)["NumberOfApprovalsNeeded"]
    return {
        "type": "pull_request",
        "parameters": {"required_approving_review_count": needed},
        "approval_rule_template": {
            "id": template["approvalRuleTemplateId"],
            "name": template["approvalRuleTemplateName"],
            "sha256": template["ruleContentSha256"],
            "content": template["approvalRuleTemplateContent"],
        },
    }
