"""git over smart HTTP: who may clone and push, and what rules say of a push."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request

from sandbox import gitserver
from tests.sandbox.forge.conftest import NAME, run_git

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def test_an_admins_first_push_of_main_passes_the_rules_and_the_second_does_not(empty: Desk) -> None:
    empty.rule(checks=("test",))
    clone = empty.clone("ada")
    clone.git("checkout", "-q", "-b", "main")
    first = clone.commit({"README.md": "one"})
    assert clone.push().returncode == 0
    clone.commit({"README.md": "two"})
    refused = clone.push()
    assert refused.returncode == 1
    assert "GH013: Repository rule violations found for refs/heads/main" in refused.stderr
    assert "- Changes must be made through a pull request." in refused.stderr
    assert '- Required status check "test" is expected.' in refused.stderr
    assert empty.forge.repository.branch("main") == first


def test_a_writers_first_push_of_main_is_bound_by_the_rules(empty: Desk) -> None:
    empty.rule()
    clone = empty.clone("ben")
    clone.git("checkout", "-q", "-b", "main")
    clone.commit({"README.md": "one"})
    assert "Changes must be made through a pull request." in clone.push().stderr


def test_a_branch_may_be_pushed_forced_and_deleted(desk: Desk) -> None:
    clone = desk.clone("ben")
    clone.git("checkout", "-q", "-b", "feature/x")
    clone.commit({"a.txt": "1"})
    assert clone.push().returncode == 0
    clone.git("commit", "-q", "--amend", "-m", "Other")
    assert clone.push("--force", "origin", "HEAD").returncode == 0
    assert clone.push("origin", ":feature/x").returncode == 0
    assert desk.forge.repository.branch("feature/x") is None


def test_losing_commits_is_refused_where_a_rule_forbids_it(desk: Desk) -> None:
    rules = [{"type": "non_fast_forward"}, {"type": "deletion"}]
    include = {"ref_name": {"include": ["refs/heads/release/*"], "exclude": []}}
    body = {"name": "keep", "enforcement": "active", "conditions": include, "rules": rules}
    desk.ask("ada", "POST", "/rulesets", body)
    clone = desk.clone("ada")
    clone.git("checkout", "-q", "-b", "release/1")
    clone.commit({"a.txt": "1"})
    assert clone.push().returncode == 0
    clone.git("commit", "-q", "--amend", "-m", "Other")
    assert "Cannot force-push to this branch" in clone.push("--force", "origin", "HEAD").stderr
    assert "Cannot delete this branch" in clone.push("origin", ":release/1").stderr


def test_main_cannot_be_deleted_even_without_rules(desk: Desk) -> None:
    refused = desk.clone("ada").push("origin", ":main")
    assert "refusing to delete the current branch: refs/heads/main" in refused.stderr


def test_readers_clone_and_do_not_push(desk: Desk) -> None:
    clone = desk.clone("eve")
    clone.commit({"a.txt": "1"})
    refused = clone.push("origin", "HEAD:refs/heads/eve")
    assert f"Permission to {NAME}.git denied to eve." in refused.stderr


def test_nobody_reads_without_a_token(desk: Desk) -> None:
    refused = run_git(desk.folder, "ls-remote", f"{desk.url}/{NAME}.git", check=False)
    assert refused.returncode == 128
    assert "could not read Username" in refused.stderr


def test_a_wrong_token_is_refused(desk: Desk) -> None:
    remote = desk.url.replace("http://", "http://x:ghp_wrong@") + f"/{NAME}.git"
    refused = run_git(desk.folder, "ls-remote", remote, check=False)
    assert "Invalid username or token" in refused.stderr


def test_a_jobs_token_pushes_only_with_contents_write(desk: Desk) -> None:
    clone = desk.clone(desk.job(contents="read"))
    clone.commit({"a.txt": "1"})
    assert "denied to github-actions[bot]" in clone.push("origin", "HEAD:refs/heads/x").stderr
    clone.git("remote", "set-url", "origin", desk.clone(desk.job(contents="write")).remote())
    assert clone.push("origin", "HEAD:refs/heads/x").returncode == 0


def test_a_jobs_token_that_was_revoked_opens_nothing(desk: Desk) -> None:
    token = desk.job(contents="write")
    clone = desk.clone(token)
    desk.forge.ground.tokens.revoke(token)
    assert "Invalid username or token" in clone.git("fetch", check=False).stderr


def test_a_jobs_token_cannot_push_workflows(desk: Desk) -> None:
    clone = desk.clone(desk.job(contents="write"))
    clone.commit({".github/workflows/x.yml": "on: push"})
    refused = clone.push("origin", "HEAD:refs/heads/x")
    assert "refusing to allow a GitHub App to create or update workflow" in refused.stderr


def test_references_of_pull_requests_are_fetched_and_never_pushed(desk: Desk) -> None:
    head = desk.commit("topic", {"a.txt": "1"})
    desk.propose()
    clone = desk.clone("ada")
    clone.git("fetch", "-q", "origin", "refs/pull/1/head", "refs/pull/1/merge")
    assert clone.git("rev-parse", "FETCH_HEAD^{commit}").stdout.strip() == head
    assert "deny updating a hidden ref" in clone.push("origin", "HEAD:refs/pull/1/head").stderr


def test_a_large_push_in_chunks_arrives_whole(desk: Desk) -> None:
    clone = desk.clone("ben")
    clone.git("config", "http.postBuffer", "65536")
    lines = "".join(f"{number * number}\n" for number in range(200_000))
    pushed = clone.commit({"large.txt": lines})
    assert clone.push("origin", "HEAD:refs/heads/large").returncode == 0
    assert desk.forge.repository.file(pushed, "large.txt") == lines.encode()


def test_a_push_reports_commits_and_files_to_workflows(desk: Desk) -> None:
    clone = desk.clone("ben")
    pushed = clone.commit({"a.txt": "1"}, "Add a")
    clone.push("origin", "HEAD:refs/heads/x")
    event = desk.runs.events[-1]
    assert (event.name, event.ref, event.sha, event.actor) == ("push", "refs/heads/x", pushed, "ben")
    assert event.payload["head_commit"]["added"] == ["a.txt"]
    assert event.payload["created"]


def test_a_jobs_push_starts_no_workflow(desk: Desk) -> None:
    clone = desk.clone(desk.job(contents="write"))
    clone.commit({"a.txt": "1"})
    clone.push("origin", "HEAD:refs/heads/x")
    assert desk.runs.events == []


def test_git_reads_a_push_from_its_start_after_its_commands_were_read() -> None:
    line = f"{'0' * 40} {'1' * 40} refs/heads/x\0 report-status\n"
    sent = f"{len(line) + 4:04x}{line}0000PACK".encode()
    body = gitserver.read_body(Request({"wsgi.input": io.BytesIO(sent), "CONTENT_LENGTH": str(len(sent))}))
    assert gitserver.read_moves(body) == [gitserver.Move("refs/heads/x", "0" * 40, "1" * 40)]
    assert os.read(body.fileno(), len(sent)) == sent
    body.close()
