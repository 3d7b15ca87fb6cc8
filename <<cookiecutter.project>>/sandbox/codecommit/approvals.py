"""Approvals of a revision, the rules of a pull request, and the override that goes past them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.codecommit.books import who
from sandbox.codecommit.errors import refuse
from sandbox.codecommit.pulls import shape_rule
from sandbox.codecommit.records import Rule
from sandbox.codecommit.rules import evaluate, read_content, sha256

if TYPE_CHECKING:
    from sandbox.codecommit.books import Books
    from sandbox.codecommit.records import Pull
    from sandbox.world import Call

    Answer = dict[str, Any]

MOST_RULES = 30


class Approvals:
    """The operations on approval states and rules of pull requests."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.operations = {
            "UpdatePullRequestApprovalState": self.set_state,
            "GetPullRequestApprovalStates": self.get_states,
            "EvaluatePullRequestApprovalRules": self.evaluate,
            "OverridePullRequestApprovalRules": self.override,
            "GetPullRequestOverrideState": self.get_override,
            "CreatePullRequestApprovalRule": self.create_rule,
            "UpdatePullRequestApprovalRuleContent": self.update_rule,
            "DeletePullRequestApprovalRule": self.delete_rule,
        }

    def _current(self, call: Call) -> Pull:
        """An open pull request at the revision that the caller has seen."""
        found, revision = self._books.open_pull(call.params["pullRequestId"]), call.params["revisionId"]
        _require_current(found, revision)
        return found

    def set_state(self, call: Call) -> Answer:
        found, caller, state = self._current(call), who(call), call.params["approvalState"]
        if caller == found.author:
            raise refuse(
                "PullRequestCannotBeApprovedByAuthor",
                f"Pull request {found.id} was created by {caller}, who cannot approve it",
            )
        states = found.approvals.setdefault(found.revision, {})
        states.pop(caller, None)  # the last word stands last
        states[caller] = state
        what = {"revisionId": found.revision, "approvalStatus": state}
        self._books.note(
            found, "PULL_REQUEST_APPROVAL_STATE_CHANGED", caller, approvalStateChangedEventMetadata=what
        )
        self._books.outbox.pull(found, "pullRequestApprovalStateChanged", caller, approvalStatus=state)
        return {}

    def get_states(self, call: Call) -> Answer:
        found = self._books.pull(call.params["pullRequestId"])
        states = found.approvals.get(call.params["revisionId"], {})
        return {"approvals": [{"userArn": arn, "approvalState": state} for arn, state in states.items()]}

    def evaluate(self, call: Call) -> Answer:
        found, revision = self._books.pull(call.params["pullRequestId"]), call.params["revisionId"]
        _require_current(found, revision)
        return {"evaluation": evaluate(found, revision)}

    def override(self, call: Call) -> Answer:
        found, caller, status = self._current(call), who(call), call.params["overrideStatus"]
        if (status == "OVERRIDE") == (found.revision in found.overrides):
            raise refuse("OverrideAlreadySet", f"The override of pull request {found.id} is {status} already")
        if status == "OVERRIDE":
            found.overrides[found.revision] = caller
        else:
            del found.overrides[found.revision]
        what = {"revisionId": found.revision, "overrideStatus": status}
        self._books.note(
            found, "PULL_REQUEST_APPROVAL_RULE_OVERRIDDEN", caller, approvalRuleOverriddenEventMetadata=what
        )
        self._books.outbox.pull(found, "pullRequestApprovalRuleOverridden", caller, overrideStatus=status)
        return {}

    def get_override(self, call: Call) -> Answer:
        found = self._books.pull(call.params["pullRequestId"])
        by = found.overrides.get(call.params["revisionId"])
        return {"overridden": by is not None, "overrider": by}

    def create_rule(self, call: Call) -> Answer:
        params = call.params
        found, name = self._books.open_pull(params["pullRequestId"]), params["approvalRuleName"]
        if any(rule.name == name for rule in found.rules):
            raise refuse("ApprovalRuleNameAlreadyExists", f"Pull request {found.id} has a rule {name!r}")
        if len(found.rules) >= MOST_RULES:
            raise refuse("NumberOfRulesExceeded", f"A pull request has at most {MOST_RULES} rules")
        content, now = params["approvalRuleContent"], self._books.now()
        read_content(content, "InvalidApprovalRuleContent", with_branches=False)
        made = Rule(str(uuid.uuid4()), name, content, now, now, who(call))
        found.rules.append(made)
        self._told(found, made, "CREATED", who(call))
        return {"approvalRule": shape_rule(made)}

    def update_rule(self, call: Call) -> Answer:
        params = call.params
        pull = self._books.open_pull(params["pullRequestId"])
        rule = _own_rule(pull, params["approvalRuleName"], "CannotModifyApprovalRuleFromTemplate")
        if rule is None:
            raise refuse(
                "ApprovalRuleDoesNotExist",
                f"Pull request {pull.id} has no rule {params['approvalRuleName']!r}",
            )
        if params.get("existingRuleContentSha256", sha256(rule.content)) != sha256(rule.content):
            raise refuse("InvalidRuleContentSha256", "The rule has changed since that hash was taken")
        read_content(params["newRuleContent"], "InvalidApprovalRuleContent", with_branches=False)
        rule.content, rule.modified, rule.by = params["newRuleContent"], self._books.now(), who(call)
        self._told(pull, rule, "UPDATED", who(call))
        return {"approvalRule": shape_rule(rule)}

    def delete_rule(self, call: Call) -> Answer:
        pull = self._books.open_pull(call.params["pullRequestId"])
        name = call.params["approvalRuleName"]
        rule = _own_rule(pull, name, "CannotDeleteApprovalRuleFromTemplate")
        if rule is None:
            raise refuse("InvalidApprovalRuleName", f"Pull request {pull.id} has no rule {name!r}")
        pull.rules.remove(rule)
        self._told(pull, rule, "DELETED", who(call))
        return {"approvalRuleId": rule.id}

    def _told(self, pull: Pull, rule: Rule, done: str, caller: str) -> None:
        what = {
            "approvalRuleName": rule.name,
            "approvalRuleId": rule.id,
            "approvalRuleContent": rule.content,
        }
        self._books.note(pull, f"PULL_REQUEST_APPROVAL_RULE_{done}", caller, approvalRuleEventMetadata=what)
        self._books.outbox.pull(
            pull, f"pullRequestApprovalRule{done.title()}", caller, approvalRuleName=rule.name
        )


def _require_current(pull: Pull, revision: str) -> None:
    if revision != pull.revision:
        raise refuse("RevisionNotCurrent", f"{revision} is not the latest revision of pull request {pull.id}")


def _own_rule(pull: Pull, name: str, fault: str) -> Rule | None:
    """A rule that was made on the pull request itself; those of templates stay as they are."""
    found = next((rule for rule in pull.rules if rule.name == name), None)
    if found and found.template:
        raise refuse(fault, f"{name!r} comes from an approval rule template")
    return found
