"""Approval rules: what their content may be, and whether the approvals of a revision satisfy them.

https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreatePullRequestApprovalRule.html
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.codecommit.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.codecommit.records import Pull, Rule

KNOWN = {"Type", "NumberOfApprovalsNeeded", "ApprovalPoolMembers"}
VERSIONS = ("2018-11-08", "2012-10-17")
USERS = re.compile(r"arn:aws:(?:iam|sts)::(\d{12}):(?:user|federated-user|assumed-role)/(.+)")


def read_content(text: str, fault: str, with_branches: bool) -> dict[str, Any]:
    """A rule's content, refused where CodeCommit could not read it; only templates name branches."""
    try:
        found = json.loads(text)
    except ValueError:
        raise refuse(fault, "The content of the approval rule is not JSON") from None
    allowed = {"Version", "Statements", *(["DestinationReferences"] if with_branches else [])}
    statements = found.get("Statements") if isinstance(found, dict) else None
    if not isinstance(found, dict) or set(found) - allowed or found.get("Version") not in VERSIONS:
        raise refuse(fault, f"The content has Version {VERSIONS[0]!r} and Statements; allowed: {allowed}")
    if not isinstance(statements, list) or len(statements) != 1 or not _is_statement(statements[0]):
        raise refuse(
            fault, "Statements is one: Type 'Approvers', NumberOfApprovalsNeeded, ApprovalPoolMembers"
        )
    return found


def _is_statement(statement: Any) -> bool:
    if not isinstance(statement, dict):
        return False
    needed, pool = statement.get("NumberOfApprovalsNeeded"), statement.get("ApprovalPoolMembers", [])
    is_number = isinstance(needed, int) and not isinstance(needed, bool) and needed >= 1
    is_pool = isinstance(pool, list) and all(isinstance(member, str) for member in pool)
    is_known = statement.get("Type") == "Approvers" and not set(statement) - KNOWN
    return is_number and is_pool and is_known


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def applies_to(content: str, reference: str) -> bool:
    """Whether a template makes a rule for pull requests into a branch."""
    patterns = json.loads(content).get("DestinationReferences")
    return not patterns or any(_matches(pattern, reference) for pattern in patterns)


def without_branches(content: str) -> str:
    """The rule that a template makes."""
    found = json.loads(content)
    found.pop("DestinationReferences", None)
    return json.dumps(found)


def is_satisfied(rule: Rule, approvers: Iterable[str]) -> bool:
    """Whether enough of the approvers are in the rule's pool."""
    statement: dict[str, Any] = json.loads(rule.content)["Statements"][0]
    pool = statement.get("ApprovalPoolMembers") or []
    counted = [arn for arn in approvers if not pool or any(is_member(arn, member) for member in pool)]
    return len(counted) >= int(statement["NumberOfApprovalsNeeded"])


def is_member(arn: str, member: str) -> bool:
    """Whether a pool names an identity: by ARN, or by account and name, which covers users by that name."""
    kind, _, rest = member.partition(":")
    if kind != "CodeCommitApprovers":
        return _matches(member, arn)
    account, _, name = rest.partition(":")
    found = USERS.fullmatch(arn)
    return found is not None and found[1] == account and _matches(name, found[2])


def _matches(pattern: str, text: str) -> bool:
    said = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(said, text) is not None


def evaluate(pull: Pull, revision: str) -> dict[str, Any]:
    """Which rules the approvals of a revision satisfy, and whether that is enough."""
    states = pull.approvals.get(revision, {})
    approvers = [arn for arn, state in states.items() if state == "APPROVE"]
    satisfied = [rule.name for rule in pull.rules if is_satisfied(rule, approvers)]
    lacking = [rule.name for rule in pull.rules if rule.name not in satisfied]
    return {
        "approved": not lacking,
        "overridden": revision in pull.overrides,
        "approvalRulesSatisfied": satisfied,
        "approvalRulesNotSatisfied": lacking,
    }
