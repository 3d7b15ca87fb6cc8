"""Who may do what: people by their role, jobs by their `permissions:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.forge.conftest import ruleset

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk

NOT_BY_JOBS = (403, "Resource not accessible by integration")
# one call for each permission that a workflow can ask for, with the status that a token without it gets
GUARDED = [
    ("contents", "read", "GET", "/contents/README.md"),
    ("contents", "read", "GET", "/git/ref/heads/main"),
    ("contents", "read", "GET", "/commits"),
    ("contents", "write", "POST", "/git/blobs"),
    ("contents", "write", "PUT", "/pulls/1/merge"),
    ("pull_requests", "read", "GET", "/pulls"),
    ("pull_requests", "write", "POST", "/pulls"),
    ("pull_requests", "write", "POST", "/pulls/1/reviews"),
    ("issues", "read", "GET", "/issues"),
    ("issues", "write", "POST", "/issues"),
    ("pull_requests", "write", "POST", "/issues/1/comments"),
    ("issues", "write", "POST", "/issues/1/comments"),
    ("statuses", "write", "POST", "/statuses/x"),
    ("actions", "read", "GET", "/environments"),
]


def test_people_say_who_they_are(desk: Desk) -> None:
    me = desk.hub("cleo")
    assert me.permissions.push
    assert not me.permissions.admin
    assert desk.ask("cleo", "GET", "//user")["login"] == "cleo"
    assert desk.ask("cleo", "GET", "//users/dan")["email"] == "dan@example.com"
    assert desk.ask("cleo", "GET", "//user/5004")["login"] == "dan"
    assert desk.refusal("cleo", "GET", "//users/nobody") == (404, "Not Found")


def test_a_jobs_token_is_nobody(desk: Desk) -> None:
    assert desk.refusal(desk.job(contents="write"), "GET", "//user") == NOT_BY_JOBS
    bot = desk.ask("ada", "GET", "//users/github-actions[bot]")
    assert (bot["type"], bot["id"]) == ("Bot", 41898282)


def test_no_token_and_a_wrong_token_are_told_apart(desk: Desk) -> None:
    assert desk.refusal("", "GET", "/pulls") == (401, "Requires authentication")
    assert desk.refusal("ghp_wrong", "GET", "/pulls") == (401, "Bad credentials")


def test_a_token_is_taken_as_git_and_older_clients_send_it(desk: Desk) -> None:
    from werkzeug.test import Client

    client, token = Client(desk.forge.wsgi), desk.token("ben")
    assert client.get("/api/v3/user", headers={"Authorization": f"token {token}"}).status_code == 200
    assert client.get("/api/v3/user", auth=("x", token)).status_code == 200


@pytest.mark.parametrize(("scope", "level", "method", "path"), GUARDED)
def test_a_job_needs_the_permission_of_each_route(
    desk: Desk, scope: str, level: str, method: str, path: str
) -> None:
    without = dict.fromkeys(("contents", "pull_requests", "issues", "statuses", "actions"), "write")
    # a comment may be written with either of two permissions
    for name in {"issues", "pull_requests"} if path.endswith("comments") else {scope}:
        without[name] = "read" if level == "write" else "none"
    assert desk.refusal(desk.job(**without), method, path) == NOT_BY_JOBS
    answer = desk.call(desk.job(**{scope: level}), method, path)
    assert answer.status_code not in (401, 403), answer.get_data(as_text=True)


def test_no_job_administers(desk: Desk) -> None:
    token = desk.job(contents="write", actions="write", pull_requests="write")
    assert desk.refusal(token, "POST", "/rulesets", ruleset()) == NOT_BY_JOBS
    assert desk.refusal(token, "PUT", "/environments/prod") == NOT_BY_JOBS
    assert desk.refusal(token, "PUT", "/actions/permissions/workflow") == NOT_BY_JOBS


def test_writers_do_not_administer_and_readers_do_not_write(desk: Desk) -> None:
    said = (403, "Must have admin rights to Repository.")
    assert desk.refusal("ben", "POST", "/rulesets", ruleset()) == said
    assert desk.refusal("ben", "PUT", "/environments/prod") == said
    assert desk.refusal("ben", "GET", "/actions/permissions/workflow") == said
    assert desk.refusal("eve", "POST", "/git/blobs") == (403, "Must have push access to repository")


@pytest.mark.parametrize(("login", "permission"), [("ada", "admin"), ("ben", "write"), ("eve", "read")])
def test_the_permission_of_a_person_is_told(desk: Desk, login: str, permission: str) -> None:
    found = desk.ask("eve", "GET", f"/collaborators/{login}/permission")
    assert (found["permission"], found["user"]["login"]) == (permission, login)


def test_the_owning_team_holds_the_writers(desk: Desk) -> None:
    members = desk.ask("ada", "GET", "//orgs/acme/teams/ml-team/members")
    assert [member["login"] for member in members] == ["ada", "ben", "cleo", "dan"]
    assert desk.refusal("ada", "GET", "//orgs/acme/teams/other/members") == (404, "Not Found")


def test_jobs_propose_and_approve_only_where_the_setting_lets_them(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    token = desk.job(pull_requests="write", contents="write")
    path = "/actions/permissions/workflow"
    setting = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
    desk.ask("ada", "PUT", path, setting)
    assert desk.ask("ada", "GET", path) == setting
    said = "GitHub Actions is not permitted to create or approve pull requests."
    body = {"title": "x", "head": "topic", "base": "main"}
    assert desk.refusal(token, "POST", "/pulls", body) == (403, said)
    desk.propose()
    approval = {"event": "APPROVE"}
    assert desk.refusal(token, "POST", "/pulls/1/reviews", approval) == (
        422,
        f"Unprocessable Entity | {said}",
    )
    desk.ask("ada", "PUT", path, {"can_approve_pull_request_reviews": True})
    desk.approve(1, token)


def test_a_route_that_is_not_served_says_where_to_look(desk: Desk) -> None:
    status, said = desk.refusal("ada", "GET", "/discussions")
    expected = "the sandbox's forge does not serve GET /repos/acme/shop/discussions: see docs/sandbox.md"
    assert (status, said) == (404, expected)


def test_another_repository_is_not_found(desk: Desk) -> None:
    assert desk.refusal("ada", "GET", "//repos/acme/other/pulls") == (404, "Not Found")


def test_a_body_that_is_no_json_object_is_refused(desk: Desk) -> None:
    assert desk.refusal("ada", "POST", "/issues", ["x"]) == (400, "Body should be a JSON object")
