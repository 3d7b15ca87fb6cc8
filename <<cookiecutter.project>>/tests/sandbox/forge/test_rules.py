"""What the rules of main ask before a pull request is merged, each with its refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.forge.conftest import ruleset

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk

ONE_APPROVAL = "At least 1 approving review is required by reviewers with write access."


def blocked(desk: Desk, number: int = 1, who: str = "ben", method: str = "merge") -> list[str]:
    """The sentences of a refused merge."""
    status, said = desk.refusal(who, "PUT", f"/pulls/{number}/merge", {"merge_method": method})
    assert status == 405
    assert desk.ask("ben", "GET", f"/pulls/{number}")["mergeable_state"] in ("blocked", "behind", "clean")
    title, *rest = [part for part in said.split("\n\n") if part]
    assert title == "Repository rule violations found"
    return rest


def opened(desk: Desk) -> str:
    head = desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    return head


def test_an_approval_by_a_writer_is_needed(desk: Desk) -> None:
    desk.rule()
    opened(desk)
    assert blocked(desk) == [ONE_APPROVAL]
    desk.approve(1, "eve")
    assert blocked(desk) == [ONE_APPROVAL], "readers' approvals do not count"
    desk.approve(1, "cleo")
    desk.merge(1)


def test_as_many_approvals_are_needed_as_the_rule_says(desk: Desk) -> None:
    desk.rule(required_approving_review_count=2)
    opened(desk)
    desk.approve(1, "cleo")
    desk.approve(1, "cleo")
    assert blocked(desk) == ["At least 2 approving reviews are required by reviewers with write access."]
    desk.approve(1, "dan")
    desk.merge(1)


def test_nobody_approves_their_own_pull_request(desk: Desk) -> None:
    opened(desk)
    path, said = "/pulls/1/reviews", "Unprocessable Entity | Can not approve your own pull request"
    assert desk.refusal("ben", "POST", path, {"event": "APPROVE"}) == (422, said)
    said = "Unprocessable Entity | Can not request changes on your own pull request"
    assert desk.refusal("ben", "POST", path, {"event": "REQUEST_CHANGES", "body": "x"}) == (422, said)


def test_requested_changes_block_until_their_reviewer_approves(desk: Desk) -> None:
    desk.rule()
    opened(desk)
    desk.ask("dan", "POST", "/pulls/1/reviews", {"event": "REQUEST_CHANGES", "body": "No"})
    desk.approve(1, "cleo")
    assert blocked(desk) == ["Changes were requested by a reviewer with write access: dan."]
    desk.ask("dan", "POST", "/pulls/1/reviews", {"event": "COMMENT", "body": "Hm"})
    assert len(blocked(desk)) == 1, "a comment takes nothing back"
    desk.approve(1, "dan")
    desk.merge(1)


def test_requested_changes_that_were_dismissed_do_not_block(desk: Desk) -> None:
    desk.rule()
    opened(desk)
    body = {"event": "REQUEST_CHANGES", "body": "No"}
    review = desk.ask("dan", "POST", "/pulls/1/reviews", body)["id"]
    desk.approve(1, "cleo")
    dismissed = desk.ask("ada", "PUT", f"/pulls/1/reviews/{review}/dismissals", {"message": "Done"})
    assert dismissed["state"] == "DISMISSED"
    desk.merge(1)


def test_new_commits_dismiss_approvals_where_the_rule_says_so(desk: Desk) -> None:
    desk.rule(dismiss_stale_reviews_on_push=True)
    opened(desk)
    desk.approve(1, "cleo")
    desk.commit("topic", {"a.txt": "two"})
    assert blocked(desk) == [ONE_APPROVAL]
    assert [review["state"] for review in desk.ask("ben", "GET", "/pulls/1/reviews")] == ["DISMISSED"]


def test_new_commits_keep_approvals_where_the_rule_does_not_ask(desk: Desk) -> None:
    desk.rule()
    opened(desk)
    desk.approve(1, "cleo")
    desk.commit("topic", {"a.txt": "two"})
    desk.merge(1)


def test_taking_in_the_base_dismisses_nothing(desk: Desk) -> None:
    opened(desk)
    desk.commit("other", {"b.txt": "two"})
    desk.merge(desk.propose("other"))
    desk.rule(dismiss_stale_reviews_on_push=True, require_last_push_approval=True)
    desk.approve(1, "cleo")
    desk.ask("cleo", "PUT", "/pulls/1/update-branch")
    desk.merge(1)


def test_the_last_push_is_approved_by_someone_else(desk: Desk) -> None:
    desk.rule(require_last_push_approval=True)
    opened(desk)
    desk.commit("topic", {"a.txt": "two"}, who="cleo")
    desk.approve(1, "cleo")
    assert blocked(desk) == [
        "New changes require approval from someone other than cleo because they were the last pusher."
    ]
    desk.approve(1, "dan")
    desk.merge(1)


def test_an_approval_before_the_last_push_is_not_one_of_it(desk: Desk) -> None:
    desk.rule(require_last_push_approval=True)
    opened(desk)
    desk.approve(1, "dan")
    desk.commit("topic", {"a.txt": "two"})
    assert blocked(desk) == [
        "New changes require approval from someone other than ben because they were the last pusher."
    ]


def test_code_owners_approve_what_they_own(desk: Desk) -> None:
    desk.commit("owners", {".github/CODEOWNERS": "* @acme/ml-team\n/a.txt @dan\n"})
    desk.merge(desk.propose("owners"))
    desk.rule(require_code_owner_review=True)
    desk.commit("topic", {"a.txt": "one", "b.txt": "two"})
    number = desk.propose()
    desk.approve(number, "cleo")
    assert blocked(desk, number) == ["Waiting on code owner review from dan."]
    desk.approve(number, "dan")
    desk.merge(number)


def test_the_teams_review_is_named_as_the_team(desk: Desk) -> None:
    desk.commit("owners", {".github/CODEOWNERS": "* @acme/ml-team\n"})
    desk.merge(desk.propose("owners"))
    desk.rule(require_code_owner_review=True, required_approving_review_count=0)
    desk.commit("topic", {"a.txt": "one"})
    assert blocked(desk, desk.propose()) == ["Waiting on code owner review from acme/ml-team."]


@pytest.mark.parametrize(
    ("conclusion", "said"),
    [
        (None, 'Required status check "test" is in progress.'),
        ("failure", 'Required status check "test" is failing.'),
        ("cancelled", 'Required status check "test" is failing.'),
        ("action_required", 'Required status check "test" is failing.'),
    ],
)
def test_a_required_check_has_to_pass(desk: Desk, conclusion: str | None, said: str) -> None:
    desk.rule(checks=("test",), required_approving_review_count=0)
    head = opened(desk)
    assert blocked(desk) == ['Required status check "test" is expected.']
    desk.runs.finish(head, "test", conclusion)
    assert blocked(desk) == [said]
    desk.runs.finish(head, "test", "success")
    desk.merge(1)


@pytest.mark.parametrize("conclusion", ["neutral", "skipped"])
def test_a_skipped_or_neutral_check_passes(desk: Desk, conclusion: str) -> None:
    desk.rule(checks=("test",), required_approving_review_count=0)
    desk.runs.finish(opened(desk), "test", conclusion)
    desk.merge(1)


def test_a_status_meets_a_required_check(desk: Desk) -> None:
    desk.rule(checks=("lint",), required_approving_review_count=0)
    head = opened(desk)
    desk.ask("ben", "POST", f"/statuses/{head}", {"state": "failure", "context": "lint"})
    assert blocked(desk) == ['Required status check "lint" is failing.']
    desk.ask("ben", "POST", f"/statuses/{head}", {"state": "success", "context": "lint"})
    desk.merge(1)


def test_a_persons_status_does_not_stand_for_a_check_of_actions(desk: Desk) -> None:
    body = ruleset(checks=("test",), required_approving_review_count=0)
    body["rules"][-1]["parameters"]["required_status_checks"][0]["integration_id"] = 15368
    desk.ask("ada", "POST", "/rulesets", body)
    head = opened(desk)
    desk.ask("ben", "POST", f"/statuses/{head}", {"state": "success", "context": "test"})
    assert blocked(desk) == ['Required status check "test" is expected.']
    desk.ask(desk.job(statuses="write"), "POST", f"/statuses/{head}", {"state": "success", "context": "test"})
    desk.merge(1)


def test_an_old_head_is_brought_up_to_date_first_where_checks_are_strict(desk: Desk) -> None:
    desk.rule(checks=("test",), strict=True, required_approving_review_count=0)
    desk.runs.finish(opened(desk), "test", "success")
    desk.runs.finish(desk.commit("other", {"b.txt": "two"}), "test", "success")
    desk.merge(desk.propose("other"))
    assert desk.ask("ben", "GET", "/pulls/1")["mergeable_state"] == "behind"
    assert blocked(desk) == ["Head branch is out of date with the base branch."]


def test_an_optional_check_that_fails_makes_it_unstable_only(desk: Desk) -> None:
    desk.runs.finish(opened(desk), "extra", "failure")
    assert desk.ask("ben", "GET", "/pulls/1")["mergeable_state"] == "unstable"
    desk.merge(1)


def test_only_allowed_merge_methods_are_taken(desk: Desk) -> None:
    desk.rule(required_approving_review_count=0, allowed_merge_methods=["squash"])
    opened(desk)
    assert blocked(desk) == ["This branch must be merged by one of: squash."]
    desk.merge(1, merge_method="squash")


def test_a_linear_history_takes_no_merge_commits(desk: Desk) -> None:
    body = {**ruleset(), "rules": [{"type": "required_linear_history"}]}
    desk.ask("ada", "POST", "/rulesets", body)
    opened(desk)
    assert blocked(desk) == ["This branch must not contain merge commits."]
    desk.merge(1, merge_method="rebase")


def test_who_may_bypass_merges_without_approval_and_nobody_else(desk: Desk) -> None:
    admins = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "pull_request"}
    desk.rule(bypass_actors=[admins])
    head = opened(desk)
    assert blocked(desk) == [ONE_APPROVAL]
    said = "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"
    assert desk.refusal("ada", "PATCH", "/git/refs/heads/main", {"sha": head}) == (422, said)
    desk.merge(1, "ada")


def test_who_may_always_bypass_pushes_to_main(desk: Desk) -> None:
    admins = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    desk.rule(bypass_actors=[admins])
    head = opened(desk)
    assert desk.refusal("ben", "PATCH", "/git/refs/heads/main", {"sha": head})[0] == 422
    desk.ask("ada", "PATCH", "/git/refs/heads/main", {"sha": head})


@pytest.mark.parametrize("enforcement", ["disabled", "evaluate"])
def test_a_ruleset_that_is_not_active_binds_nobody(desk: Desk, enforcement: str) -> None:
    desk.rule(enforcement=enforcement)
    opened(desk)
    desk.merge(1)


def test_the_strictest_of_several_rulesets_counts(desk: Desk) -> None:
    desk.rule(name="one")
    desk.rule(name="two", required_approving_review_count=2)
    opened(desk)
    desk.approve(1, "cleo")
    assert blocked(desk) == ["At least 2 approving reviews are required by reviewers with write access."]


def test_the_api_does_not_move_a_protected_branch_past_its_rules(desk: Desk) -> None:
    desk.rule(checks=("test",))
    head = opened(desk)
    status, said = desk.refusal("ben", "PATCH", "/git/refs/heads/main", {"sha": head, "force": True})
    assert status == 422
    assert "Changes must be made through a pull request." in said
    assert 'Required status check "test" is expected.' in said
    status, said = desk.refusal("ben", "DELETE", "/git/refs/heads/main")
    assert (status, "Cannot delete this branch" in said) == (422, True)
