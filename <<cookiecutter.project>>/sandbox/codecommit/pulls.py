"""Pull requests: opened, described, closed, merged; and the events that tell their story."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.codecommit.books import new_revision, page, who
from sandbox.codecommit.errors import refuse
from sandbox.codecommit.merging import FAST_FORWARD, SQUASH, THREE_WAY, make, read_merge
from sandbox.codecommit.records import HEADS, Pull
from sandbox.codecommit.rules import evaluate, sha256
from sandbox.codecommit.templates import rules_for
from sandbox.codecommit.writing import author_of

if TYPE_CHECKING:
    from sandbox.codecommit.books import Books
    from sandbox.codecommit.records import Holding, Rule
    from sandbox.world import Call

    Answer = dict[str, Any]

LONGEST_TITLE, LONGEST_DESCRIPTION = 150, 10_240
PER_PAGE = 100
ACTOR = re.compile(r"arn:[\w-]+:(?:iam|sts)::\d{12}:.+")


class Pulls:
    """The operations on pull requests; approvals and comments have their own."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.operations = {
            "CreatePullRequest": self.create,
            "GetPullRequest": self.get,
            "ListPullRequests": self.list_all,
            "UpdatePullRequestTitle": self.set_title,
            "UpdatePullRequestDescription": self.set_description,
            "UpdatePullRequestStatus": self.set_status,
            "DescribePullRequestEvents": self.events,
            "MergePullRequestByFastForward": self.by_fast_forward,
            "MergePullRequestBySquash": self.by_squash,
            "MergePullRequestByThreeWay": self.by_three_way,
        }

    def create(self, call: Call) -> Answer:
        params = call.params
        title = _check("InvalidTitle", params["title"], LONGEST_TITLE)
        description = _check("InvalidDescription", params.get("description", ""), LONGEST_DESCRIPTION)
        holding, source, destination = self._target(params["targets"])
        token = params.get("clientRequestToken") or str(uuid.uuid4())
        again = next((pull for pull in self._books.pulls.values() if pull.token == token), None)
        if again:
            if (again.source, again.destination, again.title) != (source, destination, title):
                raise refuse("IdempotencyParameterMismatch", f"{token!r} was used for another pull request")
            return {"pullRequest": shape(again)}
        made = self._open(holding, source, destination, title, description, token, who(call))
        return {"pullRequest": shape(made)}

    def _target(self, targets: list[dict[str, Any]]) -> tuple[Holding, str, str]:
        if len(targets) != 1:
            raise refuse("InvalidTargets", f"{len(targets)} targets; a pull request has one")
        holding = self._books.holding(targets[0]["repositoryName"])
        names = (targets[0]["sourceReference"], targets[0].get("destinationReference"))
        source, destination = (HEADS + (name or holding.default_branch).removeprefix(HEADS) for name in names)
        for reference in (source, destination):
            if holding.git.resolve(reference) is None:
                raise refuse("ReferenceDoesNotExist", f"{reference} does not exist")
        if source == destination:
            raise refuse("SourceAndDestinationAreSame", f"{source} cannot be merged into itself")
        return holding, source, destination

    def _open(
        self,
        holding: Holding,
        source: str,
        destination: str,
        title: str,
        description: str,
        token: str,
        caller: str,
    ) -> Pull:
        head, base = (holding.git.resolve(name) or "" for name in (source, destination))
        number, now = str(max(map(int, self._books.pulls), default=0) + 1), self._books.now()
        common = holding.git.merge_base(head, base)
        made = Pull(
            *(number, holding, title, description, source, destination, head, base, common),
            *(caller, now, now, new_revision(), token),
            rules=rules_for(self._books, holding, destination),
        )
        self._books.pulls[number] = made
        what = {
            "repositoryName": holding.name,
            "sourceCommitId": head,
            "destinationCommitId": base,
            "mergeBase": common,
        }
        self._books.note(made, "PULL_REQUEST_CREATED", caller, pullRequestCreatedEventMetadata=what)
        self._books.outbox.pull(made, "pullRequestCreated", caller)
        return made

    def get(self, call: Call) -> Answer:
        return {"pullRequest": shape(self._books.pull(call.params["pullRequestId"]))}

    def list_all(self, call: Call) -> Answer:
        """Newest first."""
        holding, params = self._books.holding(call.params["repositoryName"]), call.params
        author, status = params.get("authorArn"), params.get("pullRequestStatus")
        if author and not ACTOR.fullmatch(author):
            raise refuse("InvalidAuthorArn", f"{author!r} is no ARN of an identity")
        found = [
            pull.id
            for pull in self._books.pulls.values()
            if pull.holding is holding
            and author in (None, pull.author)
            and status in (None, "OPEN" if pull.is_open else "CLOSED")
        ]
        shown, token = page(sorted(found, key=int, reverse=True), params, PER_PAGE)
        return {"pullRequestIds": shown, "nextToken": token}

    def set_title(self, call: Call) -> Answer:
        found = self._books.open_pull(call.params["pullRequestId"])
        found.title = _check("InvalidTitle", call.params["title"], LONGEST_TITLE)
        found.active = self._books.now()
        return {"pullRequest": shape(found)}

    def set_description(self, call: Call) -> Answer:
        found = self._books.open_pull(call.params["pullRequestId"])
        text = call.params["description"]
        found.description = _check("InvalidDescription", text, LONGEST_DESCRIPTION)
        found.active = self._books.now()
        return {"pullRequest": shape(found)}

    def set_status(self, call: Call) -> Answer:
        """Only closing: what was closed stays so."""
        found, status = self._books.pull(call.params["pullRequestId"]), call.params["pullRequestStatus"]
        if status == "OPEN" or not found.is_open:
            raise refuse("InvalidPullRequestStatusUpdate", f"A pull request cannot become {status} again")
        self._books.close(found, who(call))
        return {"pullRequest": shape(found)}

    def events(self, call: Call) -> Answer:
        """Newest first."""
        found, params = self._books.pull(call.params["pullRequestId"]), call.params
        kind, actor = params.get("pullRequestEventType"), params.get("actorArn")
        chosen = [
            event
            for event in reversed(found.events)
            if kind in (None, event["pullRequestEventType"]) and actor in (None, event["actorArn"])
        ]
        shown, token = page(chosen, params, PER_PAGE)
        return {"pullRequestEvents": shown, "nextToken": token}

    def by_fast_forward(self, call: Call) -> Answer:
        return self._merge(call, FAST_FORWARD)

    def by_squash(self, call: Call) -> Answer:
        return self._merge(call, SQUASH)

    def by_three_way(self, call: Call) -> Answer:
        return self._merge(call, THREE_WAY)

    def _merge(self, call: Call, option: str) -> Answer:
        pull, params = self._books.open_pull(call.params["pullRequestId"]), call.params
        self._check_merge(pull, params)
        merge = read_merge(pull.holding.git, pull.source_commit, pull.destination_commit, params)
        author = author_of(call, self._books, params.get("authorName"))
        default = f"Merge pull request {pull.id}: {pull.title}"
        made = make(merge, option, author, params.get("commitMessage") or default)
        self._conclude(pull, option, made, who(call))
        return {"pullRequest": shape(pull)}

    def _check_merge(self, pull: Pull, params: dict[str, Any]) -> None:
        if params["repositoryName"] != pull.holding.name:
            raise refuse(
                "RepositoryNotAssociatedWithPullRequest", f"Pull request {pull.id} is of {pull.holding.name}"
            )
        if params.get("sourceCommitId", pull.source_commit) != pull.source_commit:
            raise refuse(
                "TipOfSourceReferenceIsDifferent", f"The tip of {pull.source} is {pull.source_commit}"
            )
        found = evaluate(pull, pull.revision)
        if not found["approved"] and not found["overridden"]:
            lacking = ", ".join(found["approvalRulesNotSatisfied"])
            raise refuse(
                "PullRequestApprovalRulesNotSatisfied",
                f"Pull request {pull.id} does not satisfy its approval rules: {lacking}",
            )

    def _conclude(self, pull: Pull, option: str, made: str, caller: str) -> None:
        pull.is_open = False
        pull.merge = {"isMerged": True, "mergedBy": caller, "mergeCommitId": made, "mergeOption": option}
        what = {
            "repositoryName": pull.holding.name,
            "destinationReference": pull.destination,
            "mergeMetadata": pull.merge,
        }
        ends = {"sourceCommitId": pull.source_commit, "destinationCommitId": pull.destination_commit}
        facts = {**ends, "mergeOption": option}
        self._books.move(pull.holding, pull.destination, made, caller, facts)
        self._books.note(
            pull, "PULL_REQUEST_MERGE_STATE_CHANGED", caller, pullRequestMergedStateChangedEventMetadata=what
        )
        self._books.outbox.pull(pull, "pullRequestMergeStatusUpdated", caller, mergeOption=option)


def _check(fault: str, text: str, longest: int) -> str:
    if len(text) > longest or (fault == "InvalidTitle" and not text.strip()):
        raise refuse(fault, f"{len(text)} characters; at least one, at most {longest}")
    return text


def shape(pull: Pull) -> Answer:
    target = {
        "repositoryName": pull.holding.name,
        "sourceReference": pull.source,
        "destinationReference": pull.destination,
        "destinationCommit": pull.destination_commit,
        "sourceCommit": pull.source_commit,
        "mergeBase": pull.merge_base,
        "mergeMetadata": pull.merge,
    }
    return {
        "pullRequestId": pull.id,
        "title": pull.title,
        "description": pull.description or None,
        "lastActivityDate": pull.active,
        "creationDate": pull.created,
        "pullRequestStatus": "OPEN" if pull.is_open else "CLOSED",
        "authorArn": pull.author,
        "pullRequestTargets": [target],
        "clientRequestToken": pull.token,
        "revisionId": pull.revision,
        "approvalRules": [shape_rule(rule) for rule in pull.rules],
    }


def shape_rule(rule: Rule) -> Answer:
    came = rule.template
    origin = {"approvalRuleTemplateId": came.id, "approvalRuleTemplateName": came.name} if came else None
    return {
        "approvalRuleId": rule.id,
        "approvalRuleName": rule.name,
        "approvalRuleContent": rule.content,
        "ruleContentSha256": sha256(rule.content),
        "lastModifiedDate": rule.modified,
        "creationDate": rule.created,
        "lastModifiedUser": rule.by,
        "originApprovalRuleTemplate": origin,
    }
