"""How a pull request is merged: commits, messages, authors, guards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pygit2

    from tests.sandbox.forge.conftest import Desk

BEN = "5002+ben@users.noreply.github.com"
CLEO = "5003+cleo@users.noreply.github.com"


def tip(desk: Desk) -> pygit2.Commit:
    repository = desk.forge.repository
    return repository.commit(repository.branch("main") or "")


def test_a_merge_commit_has_both_parents_and_the_mergers_name(desk: Desk) -> None:
    base = desk.forge.repository.branch("main")
    head = desk.commit("topic", {"a.txt": "one"})
    desk.merge(desk.propose(title="Add a"), "cleo")
    merged = tip(desk)
    assert [str(parent) for parent in merged.parent_ids] == [base, head]
    assert merged.message == "Merge pull request #1 from acme/topic\n\nAdd a"
    assert (merged.author.name, merged.author.email) == ("Cleo Marsh", CLEO)
    assert (merged.committer.name, merged.committer.email) == ("GitHub", "noreply@github.com")


def test_a_squash_of_one_commit_keeps_its_message(desk: Desk) -> None:
    base = desk.forge.repository.branch("main")
    desk.commit("topic", {"a.txt": "one"})
    desk.merge(desk.propose(title="Another title"), "cleo", merge_method="squash")
    merged = tip(desk)
    assert merged.message == "Change a.txt (#1)"
    assert [str(parent) for parent in merged.parent_ids] == [base]
    assert merged.author.email == BEN


def test_a_squash_of_several_lists_them_and_credits_who_else_wrote(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.commit("topic", {"b.txt": "two"}, who="cleo")
    desk.merge(desk.propose(title="Add both"), "dan", merge_method="squash")
    assert tip(desk).message == (
        f"Add both (#1)\n\n* Change a.txt\n\n* Change b.txt\n\nCo-authored-by: Cleo Marsh <{CLEO}>"
    )


def test_a_title_and_message_of_ones_own_replace_githubs(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.merge(desk.propose(), merge_method="squash", commit_title="Mine", commit_message="Because")
    assert tip(desk).message == "Mine\n\nBecause"


def test_a_rebase_keeps_authors_and_names_the_merger_as_committer(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.commit("topic", {"b.txt": "two"}, who="cleo")
    desk.commit("other", {"c.txt": "three"})
    desk.propose()
    base = desk.merge(desk.propose("other"))
    desk.merge(1, "dan", merge_method="rebase")
    second = tip(desk)
    first = second.parents[0]
    assert [str(parent) for parent in first.parent_ids] == [base]
    assert [first.author.email, second.author.email] == [BEN, CLEO]
    assert {first.committer.name, second.committer.name} == {"Dan Ivers"}
    assert {"a.txt", "b.txt", "c.txt"} <= {entry.name for entry in second.tree}


def test_the_record_says_who_merged_and_what_came_of_it(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    sha = desk.merge(desk.propose(), "cleo")
    pull = desk.ask("ben", "GET", "/pulls/1")
    assert (pull["state"], pull["merged"], pull["merge_commit_sha"]) == ("closed", True, sha)
    assert pull["merged_by"]["login"] == "cleo"
    assert desk.call("ben", "GET", "/pulls/1/merge").status_code == 204
    assert [found["number"] for found in desk.ask("ben", "GET", f"/commits/{sha}/pulls")] == [1]


def test_commits_lead_to_their_pull_request_whichever_way_it_was_merged(desk: Desk) -> None:
    for number, method in enumerate(("merge", "squash", "rebase"), 1):
        head = desk.commit(f"t{number}", {f"{number}.txt": "x"})
        desk.propose(f"t{number}")
        sha = desk.merge(number, merge_method=method)
        for commit in (head, sha):
            found = [pull["number"] for pull in desk.ask("ben", "GET", f"/commits/{commit}/pulls")]
            assert found == [number], method


def test_a_head_that_moved_since_it_was_read_is_not_merged(desk: Desk) -> None:
    seen = desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.commit("topic", {"a.txt": "two"})
    said = "Head branch was modified. Review and try the merge again."
    assert desk.refusal("ben", "PUT", "/pulls/1/merge", {"sha": seen}) == (409, said)


def test_an_unknown_method_is_refused(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    said = "Validation Failed | PullRequest invalid merge_method"
    assert desk.refusal("ben", "PUT", "/pulls/1/merge", {"merge_method": "octopus"}) == (422, said)


def test_readers_do_not_merge(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    assert desk.refusal("eve", "PUT", "/pulls/1/merge") == (403, "Must have push access to repository")


def test_nothing_is_merged_twice(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.merge(desk.propose())
    assert desk.refusal("ben", "PUT", "/pulls/1/merge") == (405, "Pull Request is not mergeable")


def test_updating_a_branch_merges_the_base_into_it(desk: Desk) -> None:
    head = desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.commit("other", {"b.txt": "two"})
    base = desk.merge(desk.propose("other"))
    body = {"expected_head_sha": head}
    answer = desk.call("ben", "PUT", "/pulls/1/update-branch", body)
    assert answer.status_code == 202
    updated = desk.forge.repository.commit(desk.forge.repository.branch("topic") or "")
    assert [str(parent) for parent in updated.parent_ids] == [head, base]
    assert updated.message == "Merge branch 'main' into topic"
    assert desk.refusal("ben", "PUT", "/pulls/1/update-branch", body)[0] == 422


def test_a_branch_that_is_up_to_date_is_not_updated(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    said = "There are no new commits on the base branch."
    assert desk.refusal("ben", "PUT", "/pulls/1/update-branch") == (422, said)


def test_a_branch_in_conflict_is_not_updated(desk: Desk) -> None:
    desk.commit("topic", {"README.md": "one"})
    desk.commit("other", {"README.md": "two"})
    desk.propose()
    desk.merge(desk.propose("other"))
    said = "merge conflict between base and head"
    assert desk.refusal("ben", "PUT", "/pulls/1/update-branch") == (422, said)
