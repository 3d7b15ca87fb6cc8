"""What CodeCommit's own calls tell the audit, beside those of git: commits by the API, words taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.trails import callers
from tests.audit.test_people import Codecommit

if TYPE_CHECKING:
    from tests.audit.world import World


@pytest.fixture
def forge(world: World) -> Codecommit:
    return Codecommit(world)


def open_and_approve(forge: Codecommit) -> None:
    """Ada's pull request, approved by ben."""
    forge.open(forge.person("ada"), 0.5)
    forge.approve(forge.person("ben"), 0.6)


def merge(world: World, forge: Codecommit) -> None:
    """The pull request moves a pin."""
    pinned = world.promote("staging", "a", 1, first=True)
    forge.merge(forge.person("ada"), 1, pinned.commit)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("CreateCommit", {"branchName": "work"}),
        ("PutFile", {"branchName": "work"}),
        ("MergeBranchesByThreeWay", {"destinationCommitSpecifier": "work"}),
    ],
)
def test_a_commit_by_the_api_after_approval_is_found(
    world: World, forge: Codecommit, name: str, asked: dict[str, str]
) -> None:
    open_and_approve(forge)
    forge(name, forge.person("ada"), 0.7, {"repositoryName": "models", **asked}, {"commitId": "c"})
    merge(world, forge)
    assert world.audit().rules == ["unreviewed"]


@pytest.mark.parametrize("name", ["CreateCommit", "PutFile", "MergeBranchesBySquash"])
def test_a_commit_by_the_api_that_moves_a_pin_on_main_is_found(
    world: World, forge: Codecommit, name: str
) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    branch = "targetBranch" if name.startswith("Merge") else "branchName"
    asked = {"repositoryName": "models", branch: "main"}
    forge(name, forge.person("ada"), 1, asked, {"commitId": pinned.commit})
    assert world.audit().rules == ["no-pull-request"]


def test_the_same_name_in_another_role_is_the_same_person(world: World, forge: Codecommit) -> None:
    forge.open(forge.person("ada"), 0.5)
    account = world.site.training
    forge.approve(callers.role_session(account, "Reviewer", "Ada@acme", "ASIAREVIEWER"), 0.6)
    merge(world, forge)
    assert "ada wrote pull request 7 and approved it" in world.audit().finding("four-eyes")["message"]


def test_an_approval_that_was_taken_back_accuses_nobody(world: World, forge: Codecommit) -> None:
    forge.open(forge.person("ada"), 0.5)
    for state in ("APPROVE", "REVOKE"):
        asked = {"pullRequestId": "7", "revisionId": "r1", "approvalState": state}
        forge("UpdatePullRequestApprovalState", forge.person("ada"), 0.55, asked)
    forge.approve(forge.person("ben"), 0.6)
    merge(world, forge)
    assert world.audit().code == 0


def test_an_override_that_was_taken_back_is_none(world: World, forge: Codecommit) -> None:
    open_and_approve(forge)
    for hours, status in ((0.7, "OVERRIDE"), (0.8, "REVOKE")):
        asked = {"pullRequestId": "7", "revisionId": "r1", "overrideStatus": status}
        forge("OverridePullRequestApprovalRules", forge.person("ada"), hours, asked)
    merge(world, forge)
    assert world.audit().code == 0
