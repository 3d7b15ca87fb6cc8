"""What CodeCommit really enforces: the approval rule of main, and that people push to branches alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import Check, Trouble
from mlops.codecommit_settings import rule_content, rule_name
from mlops.forge import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops.checkup.site import Site

SETTLE = "mlops bootstrap training"
PUSHES = frozenset({"codecommit:GitPush", "codecommit:CreateCommit", "codecommit:PutFile"})


@dataclass(frozen=True)
class Rule:
    """What main's template should ask, what the account has, and which templates the repository has."""

    name: str
    wanted: Mapping[str, Any]
    found: Mapping[str, Any] | None
    associated: tuple[str, ...]


def is_here(site: Site) -> bool:
    """Whether the repository is CodeCommit's, in the account that is signed in to."""
    return site.project.forge == "codecommit" and site.account == site.project.accounts.training


def read_rule(site: Site) -> Iterator[tuple[str, Rule]]:
    """The project's approval rule template."""
    if not is_here(site):
        return
    name, repository = rule_name(site.project), site.project.repository
    listed = site.reads.aws("codecommit", "list_approval_rule_templates")["approvalRuleTemplateNames"]
    found = None
    if name in listed:
        kept = site.reads.aws("codecommit", "get_approval_rule_template", approvalRuleTemplateName=name)
        found = json.loads(kept["approvalRuleTemplate"]["approvalRuleTemplateContent"])
    having = site.reads.aws(
        "codecommit", "list_associated_approval_rule_templates_for_repository", repositoryName=repository
    )
    names = tuple(having["approvalRuleTemplateNames"])
    yield name, Rule(name, rule_content(site.project), found, names)


def judge_rule(rule: Rule) -> Trouble | None:
    """It is there, for main, asks for as many approvals, and the repository has it."""
    if rule.found is None:
        return Trouble("there is no such approval rule template", SETTLE)
    if rule.name not in rule.associated:
        return Trouble("the repository does not have it: pull requests are merged unapproved", SETTLE)
    if f"refs/heads/{MAIN}" not in rule.found.get("DestinationReferences", [f"refs/heads/{MAIN}"]):
        return Trouble(f"it is not for {MAIN}", SETTLE)
    needed = [each.get("NumberOfApprovalsNeeded", 0) for each in rule.found.get("Statements", [])]
    wanted = rule.wanted["Statements"][0]["NumberOfApprovalsNeeded"]
    if max(needed, default=0) < wanted:
        return Trouble(f"it asks for {max(needed, default=0)} approvals, not {wanted}", SETTLE)
    return None


def read_denial(site: Site) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """The policy that people contribute by."""
    if not is_here(site):
        return
    name = f"{site.project.project}-contribute"
    arn = f"arn:aws:iam::{site.account}:policy/{name}"
    kept = site.reads.aws("iam", "get_policy", PolicyArn=arn)
    if kept is None:
        yield name, []
        return
    version = kept["Policy"]["DefaultVersionId"]
    found = site.reads.aws("iam", "get_policy_version", PolicyArn=arn, VersionId=version)
    document = found["PolicyVersion"]["Document"]
    yield name, (json.loads(document) if isinstance(document, str) else document)["Statement"]


def judge_denial(statements: list[Mapping[str, Any]]) -> Trouble | None:
    """Some statement denies what moves main without a pull request."""
    if not statements:
        return Trouble("there is no such policy: nothing tells what people may do", SETTLE)
    for each in statements:
        named = json.dumps(each.get("Condition", {}).get("StringEqualsIfExists", {}))
        if each["Effect"] == "Deny" and set(each["Action"]) >= PUSHES and f"refs/heads/{MAIN}" in named:
            return None
    return Trouble(f"it does not deny pushes to {MAIN}", SETTLE)


CHECKS = (
    Check("approval-rule", "main's pull requests need approvals", read_rule, judge_rule),
    Check("direct-push", "people reach main by pull request alone", read_denial, judge_denial),
)
