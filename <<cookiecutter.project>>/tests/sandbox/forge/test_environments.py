"""Environments: their branches and reviewers, and what jobs are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.forge.ground import Environment

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk

CUSTOM = {"protected_branches": False, "custom_branch_policies": True}


def test_an_environment_with_branches_and_reviewers_binds_jobs(desk: Desk) -> None:
    reviewers = [{"type": "User", "id": 5003}]
    body = {"deployment_branch_policy": CUSTOM, "reviewers": reviewers, "prevent_self_review": True}
    desk.ask("ada", "PUT", "/environments/prod", {**body, "wait_timer": 5})
    policies = "/environments/prod/deployment-branch-policies"
    made = desk.ask("ada", "POST", policies, {"name": "main"})
    assert desk.ask("ada", "POST", policies, {"name": "main"}) == made
    found = desk.ask("ben", "GET", "/environments/prod")
    assert [rule["type"] for rule in found["protection_rules"]] == [
        "wait_timer",
        "required_reviewers",
        "branch_policy",
    ]
    assert desk.ask("ben", "GET", policies)["branch_policies"] == [made]
    assert desk.forge.ground.environment("PROD") == Environment("prod", ("cleo",), True, ("main",), 5)


def test_replacing_an_environment_keeps_its_branches(desk: Desk) -> None:
    desk.ask("ada", "PUT", "/environments/prod", {"deployment_branch_policy": CUSTOM})
    desk.ask("ada", "POST", "/environments/prod/deployment-branch-policies", {"name": "main"})
    desk.ask("ada", "PUT", "/environments/prod", {"deployment_branch_policy": CUSTOM})
    assert desk.forge.ground.environment("prod") == Environment("prod", (), False, ("main",))


def test_an_environment_without_rules_lets_every_branch(desk: Desk) -> None:
    desk.ask("ada", "PUT", "/environments/dev")
    assert desk.forge.ground.environment("dev") == Environment("dev", (), False, None)
    assert desk.forge.ground.environment("gone") is None


def test_environments_and_branches_are_listed_and_deleted(desk: Desk) -> None:
    desk.ask("ada", "PUT", "/environments/prod", {"deployment_branch_policy": CUSTOM})
    policies = "/environments/prod/deployment-branch-policies"
    made = desk.ask("ada", "POST", policies, {"name": "main"})
    assert desk.ask("ben", "GET", "/environments")["total_count"] == 1
    assert desk.call("ada", "DELETE", f"{policies}/{made['id']}").status_code == 204
    assert desk.refusal("ada", "DELETE", f"{policies}/{made['id']}") == (404, "Not Found")
    assert desk.call("ada", "DELETE", "/environments/prod").status_code == 204
    assert desk.refusal("ben", "GET", "/environments/prod") == (404, "Not Found")
    assert desk.forge.ground.environment("prod") is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"wait_timer": 43201}, "Environment invalid wait_timer"),
        ({"wait_timer": "soon"}, "Environment invalid wait_timer"),
        ({"reviewers": [{"type": "Team", "id": 1}]}, "asks its people only"),
        ({"reviewers": [{"type": "User", "id": 1}]}, "asks its people only"),
        ({"reviewers": [{"type": "User", "id": 5002}] * 7}, "at most 6 reviewers"),
        (
            {"deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": False}},
            "knows custom_branch_policies only",
        ),
        (
            {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": False}},
            "Environment invalid deployment_branch_policy",
        ),
    ],
)
def test_what_cannot_be_enforced_is_refused(desk: Desk, body: dict[str, Any], said: str) -> None:
    status, found = desk.refusal("ada", "PUT", "/environments/prod", body)
    assert status == 422
    assert said in found


def test_a_branch_needs_an_environment_that_takes_branches(desk: Desk) -> None:
    desk.ask("ada", "PUT", "/environments/dev")
    path = "/environments/dev/deployment-branch-policies"
    assert desk.refusal("ada", "POST", path, {"name": "main"}) == (404, "Not Found")
    assert desk.refusal("ada", "POST", path, {})[0] == 422
