"""CodeCommit's pull requests: revisions, approval rules, overrides, merges, comments, events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.codecommit.rules import is_member
from tests.codecommit import NAME
from tests.conftest import ACCOUNT
from tests.sandbox.test_codecommit import fork, put, refusal, tip

if TYPE_CHECKING:
    from tests.codecommit import Counter

R = {"repositoryName": NAME}
ONE = json.dumps(
    {"Version": "2018-11-08", "Statements": [{"Type": "Approvers", "NumberOfApprovalsNeeded": 1}]}
)
MERGES = ("fast_forward", "squash", "three_way")


@pytest.fixture
def ada(counter: Counter) -> Any:
    """Ada, in the developers' role, with a branch of her own."""
    client = counter.client("acme-developer", "ada")
    fork(client, "topic", "a", "1\n")
    return client


@pytest.fixture
def ben(counter: Counter) -> Any:
    return counter.client("acme-developer", "ben")


def propose(client: Any, branch: str = "topic", **changes: Any) -> Any:
    """A pull request of a branch into main."""
    target = {"repositoryName": NAME, "sourceReference": branch, "destinationReference": "main"}
    asked = {"title": "A change", "targets": [target], **changes}
    return client.create_pull_request(**asked)["pullRequest"]


def state(client: Any, pull: Any, word: str = "APPROVE") -> Any:
    """What somebody says of a revision."""
    return client.update_pull_request_approval_state(
        pullRequestId=pull["pullRequestId"], revisionId=pull["revisionId"], approvalState=word
    )


def read(client: Any, pull: Any) -> Any:
    return client.get_pull_request(pullRequestId=pull["pullRequestId"])["pullRequest"]


def merge(client: Any, pull: Any, how: str = "squash", **more: Any) -> Any:
    act = getattr(client, f"merge_pull_request_by_{how}")
    return act(pullRequestId=pull["pullRequestId"], repositoryName=NAME, **more)["pullRequest"]


def test_a_pull_request_says_whence_whither_and_who(ada: Any) -> None:
    pull = propose(ada, description="why")
    (target,) = pull["pullRequestTargets"]
    assert pull["authorArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/acme-developer/ada"
    assert (target["sourceReference"], target["destinationReference"]) == (
        "refs/heads/topic",
        "refs/heads/main",
    )
    assert (target["sourceCommit"], target["mergeBase"]) == (tip(ada, "topic"), tip(ada))
    assert (pull["pullRequestStatus"], target["mergeMetadata"]) == ("OPEN", {"isMerged": False})
    assert ada.list_pull_requests(**R)["pullRequestIds"] == [pull["pullRequestId"]]
    assert ada.list_pull_requests(**R, pullRequestStatus="CLOSED")["pullRequestIds"] == []


def test_the_same_token_makes_one_pull_request(ada: Any) -> None:
    first = propose(ada, clientRequestToken="t")
    assert propose(ada, clientRequestToken="t")["pullRequestId"] == first["pullRequestId"]
    target = {"repositoryName": NAME, "sourceReference": "topic"}
    asked = {"title": "Other", "targets": [target], "clientRequestToken": "t"}
    assert refusal(ada.create_pull_request, **asked) == "IdempotencyParameterMismatch"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"title": "x" * 151}, "InvalidTitle"),
        ({"description": "x" * 10_241}, "InvalidDescription"),
        ({"targets": [{**R, "sourceReference": "none"}]}, "ReferenceDoesNotExist"),
        ({"targets": [{**R, "sourceReference": "main"}]}, "SourceAndDestinationAreSame"),
        ({"targets": [{**R, "sourceReference": "topic"}] * 2}, "InvalidTargets"),
    ],
)
def test_a_pull_request_that_cannot_be_is_refused_by_name(ada: Any, changes: Any, error: str) -> None:
    asked = {"title": "A", "targets": [{**R, "sourceReference": "topic"}], **changes}
    assert refusal(ada.create_pull_request, **asked) == error


def test_a_push_is_a_new_revision_that_nobody_has_approved(ada: Any, ben: Any) -> None:
    pull = propose(ada)
    state(ben, pull)
    put(ada, "topic", "a", "2\n")
    fresh = read(ada, pull)
    assert fresh["revisionId"] != pull["revisionId"]
    for revision, count in ((pull["revisionId"], 1), (fresh["revisionId"], 0)):
        asked = {"pullRequestId": pull["pullRequestId"], "revisionId": revision}
        assert len(ada.get_pull_request_approval_states(**asked)["approvals"]) == count
    late = {
        "pullRequestId": pull["pullRequestId"],
        "revisionId": pull["revisionId"],
        "approvalState": "APPROVE",
    }
    assert refusal(ben.update_pull_request_approval_state, **late) == "RevisionNotCurrent"


def test_the_author_cannot_approve(ada: Any) -> None:
    pull = propose(ada)
    asked = {
        "pullRequestId": pull["pullRequestId"],
        "revisionId": pull["revisionId"],
        "approvalState": "APPROVE",
    }
    assert refusal(ada.update_pull_request_approval_state, **asked) == "PullRequestCannotBeApprovedByAuthor"


def test_a_template_holds_merges_until_enough_have_approved(counter: Counter, ada: Any, ben: Any) -> None:
    counter.require(2)
    pull = propose(ada)
    assert [
        rule["originApprovalRuleTemplate"]["approvalRuleTemplateName"] for rule in pull["approvalRules"]
    ] == ["main"]
    asked = {"pullRequestId": pull["pullRequestId"], "revisionId": pull["revisionId"]}
    for client, approved in ((ben, False), (counter.client("acme-developer", "cleo"), True)):
        merging = {"pullRequestId": pull["pullRequestId"], **R}
        assert refusal(ben.merge_pull_request_by_squash, **merging) == "PullRequestApprovalRulesNotSatisfied"
        state(client, pull)
        found = ada.evaluate_pull_request_approval_rules(**asked)["evaluation"]
        assert (found["approved"], found["overridden"]) == (approved, False)
    assert merge(ben, pull)["pullRequestTargets"][0]["mergeMetadata"]["isMerged"]


def test_a_template_of_another_branch_makes_no_rule(counter: Counter, ada: Any) -> None:
    counter.require(1)
    root = counter.client()
    content = json.dumps({**json.loads(ONE), "DestinationReferences": ["refs/heads/release*"]})
    root.update_approval_rule_template_content(approvalRuleTemplateName="main", newRuleContent=content)
    assert propose(ada)["approvalRules"] == []


def test_templates_are_kept_by_the_account(counter: Counter) -> None:
    root, name = counter.client(), "approvalRuleTemplateName"
    counter.require(1)
    assert refusal(root.delete_approval_rule_template, **{name: "main"}) == "ApprovalRuleTemplateInUse"
    root.update_approval_rule_template_name(
        oldApprovalRuleTemplateName="main", newApprovalRuleTemplateName="all"
    )
    found = root.list_associated_approval_rule_templates_for_repository(**R)
    assert found["approvalRuleTemplateNames"] == ["all"]
    batch = root.batch_disassociate_approval_rule_template_from_repositories(
        **{name: "all"}, repositoryNames=[NAME, "none"]
    )
    assert batch["disassociatedRepositoryNames"] == [NAME]
    assert batch["errors"][0]["errorCode"] == "RepositoryDoesNotExistException"
    assert root.list_repositories_for_approval_rule_template(**{name: "all"})["repositoryNames"] == []
    root.delete_approval_rule_template(**{name: "all"})
    assert refusal(root.get_approval_rule_template, **{name: "all"}) == "ApprovalRuleTemplateDoesNotExist"


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", ONE.replace("1}", "0}"), ONE.replace("Approvers", "Users"), f"[{ONE}]"]
)
def test_a_rule_that_nobody_could_satisfy_or_read_is_refused(ada: Any, content: str) -> None:
    pull = propose(ada)
    asked = {"pullRequestId": pull["pullRequestId"], "approvalRuleName": "r", "approvalRuleContent": content}
    assert refusal(ada.create_pull_request_approval_rule, **asked) == "InvalidApprovalRuleContent"


def test_a_rule_of_its_own_is_made_changed_and_deleted_but_not_a_templates(
    counter: Counter, ada: Any
) -> None:
    counter.require(1)
    number = {"pullRequestId": propose(ada)["pullRequestId"]}
    mine = {**number, "approvalRuleName": "mine"}
    made = ada.create_pull_request_approval_rule(**mine, approvalRuleContent=ONE)["approvalRule"]
    two = ONE.replace("1}", "2}")
    ada.update_pull_request_approval_rule_content(
        **mine, newRuleContent=two, existingRuleContentSha256=made["ruleContentSha256"]
    )
    stale = {**mine, "newRuleContent": ONE, "existingRuleContentSha256": made["ruleContentSha256"]}
    assert refusal(ada.update_pull_request_approval_rule_content, **stale) == "InvalidRuleContentSha256"
    ada.delete_pull_request_approval_rule(**mine)
    theirs = {**number, "approvalRuleName": "main"}
    assert refusal(ada.delete_pull_request_approval_rule, **theirs) == "CannotDeleteApprovalRuleFromTemplate"


@pytest.mark.parametrize(
    ("member", "arn", "is_in"),
    [
        ("CodeCommitApprovers:123456789012:Mary", "arn:aws:iam::123456789012:user/Mary", True),
        ("CodeCommitApprovers:123456789012:Mary", "arn:aws:sts::123456789012:federated-user/Mary", True),
        ("CodeCommitApprovers:123456789012:Mary", "arn:aws:iam::999999999999:user/Mary", False),
        ("CodeCommitApprovers:123456789012:Mary", "arn:aws:sts::123456789012:assumed-role/R/Mary", False),
        ("CodeCommitApprovers:123456789012:*Mary", "arn:aws:sts::123456789012:assumed-role/R/Mary", True),
        ("arn:aws:sts::123456789012:assumed-role/R/*", "arn:aws:sts::123456789012:assumed-role/R/x", True),
        ("arn:aws:sts::123456789012:assumed-role/R/*", "arn:aws:sts::123456789012:assumed-role/S/x", False),
        ("arn:aws:iam::123456789012:user/Mary", "arn:aws:iam::123456789012:user/MaryAnn", False),
    ],
)
def test_pools_name_people_as_the_user_guide_says(member: str, arn: str, is_in: bool) -> None:
    from mlops import codecommit_people

    assert is_member(arn, member) is is_in
    assert codecommit_people.is_member(arn, member) is is_in, "the tool and the sandbox differ"


def test_an_override_lets_a_merge_pass_and_is_told(counter: Counter, ada: Any, ben: Any) -> None:
    counter.require(1)
    pull = propose(ada)
    asked = {"pullRequestId": pull["pullRequestId"], "revisionId": pull["revisionId"]}
    ben.override_pull_request_approval_rules(**asked, overrideStatus="OVERRIDE")
    again = {**asked, "overrideStatus": "OVERRIDE"}
    assert refusal(ben.override_pull_request_approval_rules, **again) == "OverrideAlreadySet"
    found = ada.get_pull_request_override_state(**asked)
    assert (found["overridden"], found["overrider"].rpartition("/")[2]) == (True, "ben")
    merge(ben, pull)
    (record,) = counter.records("OverridePullRequestApprovalRules")[:1]
    assert record["requestParameters"] == {**asked, "overrideStatus": "OVERRIDE"}


@pytest.mark.parametrize("how", MERGES)
def test_a_merge_closes_and_says_its_commit(ada: Any, ben: Any, how: str) -> None:
    pull = merge(ben, propose(ada), how, sourceCommitId=tip(ada, "topic"))
    (target,) = pull["pullRequestTargets"]
    assert pull["pullRequestStatus"] == "CLOSED"
    assert target["mergeMetadata"]["mergeCommitId"] == tip(ada)
    assert target["mergeMetadata"]["mergedBy"].endswith("/ben")
    assert ada.get_file(**R, filePath="a")["fileContent"] == b"1\n"


def test_a_merge_of_what_has_changed_since_is_refused(ada: Any, ben: Any) -> None:
    pull, seen = propose(ada), tip(ada, "topic")
    put(ada, "topic", "a", "2\n")
    asked = {"pullRequestId": pull["pullRequestId"], **R, "sourceCommitId": seen}
    assert refusal(ben.merge_pull_request_by_squash, **asked) == "TipOfSourceReferenceIsDifferent"


@pytest.mark.parametrize("how", MERGES)
def test_conflicts_must_be_merged_by_hand(counter: Counter, ada: Any, ben: Any, how: str) -> None:
    pull = propose(ada)
    put(counter.client(), "main", "a", "other\n")
    asked = {"pullRequestId": pull["pullRequestId"], **R}
    assert refusal(getattr(ben, f"merge_pull_request_by_{how}"), **asked) == "ManualMergeRequired"
    assert read(ada, pull)["pullRequestStatus"] == "OPEN"


def test_what_is_closed_stays_closed(ada: Any, ben: Any) -> None:
    pull = propose(ada)
    number = {"pullRequestId": pull["pullRequestId"]}
    ada.update_pull_request_status(**number, pullRequestStatus="CLOSED")
    reopen = {**number, "pullRequestStatus": "OPEN"}
    assert refusal(ada.update_pull_request_status, **reopen) == "InvalidPullRequestStatusUpdate"
    assert refusal(ada.update_pull_request_title, **number, title="x") == "PullRequestAlreadyClosed"
    assert refusal(ben.merge_pull_request_by_squash, **number, **R) == "PullRequestAlreadyClosed"


def test_a_deleted_source_branch_closes_its_pull_request(ada: Any) -> None:
    pull = propose(ada)
    ada.delete_branch(**R, branchName="topic")
    assert read(ada, pull)["pullRequestStatus"] == "CLOSED"


def test_events_tell_the_story_newest_first(ada: Any, ben: Any) -> None:
    pull = propose(ada)
    put(ada, "topic", "a", "2\n")
    pull = read(ada, pull)
    state(ben, pull)
    merge(ben, pull)
    found = ada.describe_pull_request_events(pullRequestId=pull["pullRequestId"])["pullRequestEvents"]
    assert [(event["pullRequestEventType"], event["actorArn"].rpartition("/")[2]) for event in found] == [
        ("PULL_REQUEST_MERGE_STATE_CHANGED", "ben"),
        ("PULL_REQUEST_APPROVAL_STATE_CHANGED", "ben"),
        ("PULL_REQUEST_SOURCE_REFERENCE_UPDATED", "ada"),
        ("PULL_REQUEST_CREATED", "ada"),
    ]


def test_events_of_pull_requests_reach_listeners(counter: Counter, ada: Any, ben: Any) -> None:
    pull = propose(ada)
    state(ben, pull)
    merge(ben, pull)
    told = [event for event in counter.events if "Pull Request" in event["detail-type"]]
    assert [(event["detail"]["event"], event["detail"]["isMerged"]) for event in told] == [
        ("pullRequestCreated", "False"),
        ("pullRequestApprovalStateChanged", "False"),
        ("pullRequestMergeStatusUpdated", "True"),
    ]
    assert told[0]["detail"]["sourceReference"] == "refs/heads/topic"


def test_comments_are_posted_answered_changed_by_their_author_and_emptied(ada: Any, ben: Any) -> None:
    pull = propose(ada)
    place = {
        "pullRequestId": pull["pullRequestId"],
        **R,
        "beforeCommitId": tip(ada),
        "afterCommitId": tip(ada, "topic"),
    }
    first = ada.post_comment_for_pull_request(**place, content="one")["comment"]["commentId"]
    reply = ben.post_comment_reply(inReplyTo=first, content="two")["comment"]
    assert reply["inReplyTo"] == first
    ada.update_comment(commentId=first, content="three")
    assert refusal(ben.update_comment, commentId=first, content="x") == "CommentNotCreatedByCaller"
    (group,) = ada.get_comments_for_pull_request(pullRequestId=pull["pullRequestId"])[
        "commentsForPullRequestData"
    ]
    assert [comment["content"] for comment in group["comments"]] == ["three", "two"]
    ben.delete_comment_content(commentId=first)
    assert refusal(ada.get_comment, commentId=first) == "CommentDeleted"
    long = {**place, "content": "x" * 10_241}
    assert refusal(ada.post_comment_for_pull_request, **long) == "CommentContentSizeLimitExceeded"
