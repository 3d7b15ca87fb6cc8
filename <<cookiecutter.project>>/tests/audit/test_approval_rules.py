"""Approval rules of main on CodeCommit: whoever lowers what they ask for, or takes them away, is found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops.codecommit_settings import rule_content, rule_name
from mlops.project import read_project
from tests.audit.test_testimony import REPOSITORY, act, open_pull, person

if TYPE_CHECKING:
    from tests.audit.world import World


@pytest.fixture
def world(works: World) -> World:
    """The world on AWS's own forge and engine."""
    return works


CONTENT = {
    "Version": "2018-11-08",
    "DestinationReferences": ["refs/heads/main"],
    "Statements": [{"Type": "Approvers", "NumberOfApprovalsNeeded": 2}],
}


def content(needed: int, **changes: Any) -> str:
    return json.dumps(
        {**CONTENT, "Statements": [{"Type": "Approvers", "NumberOfApprovalsNeeded": needed}], **changes}
    )


def template(world: World, name: str = "acme-main") -> None:
    """Bootstrap makes the rule."""
    who = person(world, "ada", "Admin")
    made = {"approvalRuleTemplateName": name, "approvalRuleTemplateContent": content(2)}
    act(world, "CreateApprovalRuleTemplate", who, 0.1, made)
    joined = {"approvalRuleTemplateName": name, **REPOSITORY}
    act(world, "AssociateApprovalRuleTemplateWithRepository", who, 0.2, joined)


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("UpdateApprovalRuleTemplateContent", {"newRuleContent": content(0)}, "changed template"),
        (
            "UpdateApprovalRuleTemplateContent",
            {"newRuleContent": content(2, DestinationReferences=["x"])},
            "changed",
        ),
        ("DisassociateApprovalRuleTemplateFromRepository", REPOSITORY, "took template"),
        (
            "BatchDisassociateApprovalRuleTemplateFromRepositories",
            {"repositoryNames": ["models", "others"]},
            "took template",
        ),
        ("DeleteApprovalRuleTemplate", {}, "deleted template"),
    ],
)
def test_rules_that_are_lowered_are_found(world: World, name: str, asked: dict[str, Any], said: str) -> None:
    template(world)
    act(world, name, person(world, "eve", "Admin"), 2, {"approvalRuleTemplateName": "acme-main", **asked})
    answer = world.audit()
    assert answer.rules == ["rules-changed"]
    assert f"assumed-role/Admin/eve {said}" in answer.finding("rules-changed")["message"]


def test_a_template_of_a_team_counts_as_the_projects_own(world: World) -> None:
    template(world, "ours")
    asked = {"oldApprovalRuleTemplateName": "ours", "newApprovalRuleTemplateName": "gone"}
    act(world, "UpdateApprovalRuleTemplateName", person(world, "eve", "Admin"), 2, asked)
    assert "renamed template 'ours'" in world.audit().finding("rules-changed")["message"]


def test_rules_of_one_pull_request_that_are_changed_are_found(world: World) -> None:
    open_pull(world, 7, 0.5)
    asked = {"pullRequestId": "7", "approvalRuleName": "main"}
    act(world, "DeletePullRequestApprovalRule", person(world, "eve", "Admin"), 0.6, asked)
    assert "rules of pull request 7" in world.audit().finding("rules-changed")["message"]


def test_what_main_says_and_what_asks_for_more_lowers_nothing(world: World) -> None:
    template(world)
    who, project = person(world, "ada", "Admin"), read_project(world.root)
    name = {"approvalRuleTemplateName": rule_name(project)}
    for hours, said in ((2, content(3)), (3, json.dumps(rule_content(project)))):
        act(world, "UpdateApprovalRuleTemplateContent", who, hours, {**name, "newRuleContent": said})
    act(world, "DeleteApprovalRuleTemplate", who, 4, {"approvalRuleTemplateName": "somebody-elses"})
    act(world, "DisassociateApprovalRuleTemplateFromRepository", who, 4, {**name, "repositoryName": "others"})
    assert world.audit().code == 0
