"""Scenarios 10 to 17: who wrote, who approved, what was merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.trails import callers, story
from sandbox.trails.records import call

if TYPE_CHECKING:
    from tests.audit.world import World


def test_an_author_who_approves_by_a_second_login_is_found_by_number(world: World) -> None:
    author = {"id": 2, "login": "ada"}
    pinned = world.pin("staging", "a", 1)
    plain = story.make_evidence(world.site, pinned, world.at(1))
    evidence = world.prove(pinned, 1, pull_request={**plain["pull_request"], "author": author})
    world.writer.extend(story.deploy(world.site, pinned, world.at(1.1), evidence, first=True))
    assert "(number 2) opened #12 and approved it too" in world.audit().finding("four-eyes")["message"]


def test_too_few_different_people_are_found(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    world.promote("prod", "a", 3, first=True, approvers=(2, 2))
    assert "1 approvals of different people, 2 are required" in world.audit().finding("four-eyes")["message"]


def test_a_push_after_the_approval_is_found(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    plain = story.make_evidence(world.site, pinned, world.at(1))
    approvals = [{**approval, "commit": "0" * 40} for approval in plain["approvals"]]
    evidence = world.prove(pinned, 1, approvals=approvals)
    world.writer.extend(story.deploy(world.site, pinned, world.at(1.1), evidence, first=True))
    messages = [finding["message"] for finding in world.audit().report["findings"]]
    assert any("approved 000000000000, but" in message for message in messages)


def test_a_direct_push_that_moves_a_pin_is_found(world: World) -> None:
    world.hours = 48
    world.writer.end = world.at(48)
    world.pin("staging", "a", 1, subject="Quick fix")
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["no-pull-request"])


@pytest.mark.parametrize("hours", [-100, 10_000])
def test_no_date_hides_a_direct_push_from_the_range_that_is_asked_for(world: World, hours: float) -> None:
    world.prove(world.pin("staging", "a", 1, "other"), 1)
    world.pin("staging", "b", hours, "guess", "Quick fix")
    world.promote("staging", "c", 3, model="third", first=True)
    answer = world.audit("--since", f"{world.at(0.5):%Y-%m-%dT%H:%M:%SZ}")
    finding = answer.finding("misdated")
    assert (finding["subject"], finding["verdict"]) == ("staging/guess", "contradicted")
    assert "runs against main's other dates" in finding["message"]
    assert answer.verdicts("endpoint") == ["proved"]
    world.pin("staging", "d", 4, "third")
    world.writer.end = world.at(12)
    again = world.run("--format", "json", "--since", f"{world.at(0.5):%Y-%m-%dT%H:%M:%SZ}")
    assert again.finding("misdated")["id"] == finding["id"]


def test_what_the_forge_merged_under_another_title_is_no_direct_push(world: World) -> None:
    world.hours = 48
    world.writer.end = world.at(48)
    world.pin("staging", "a", 1, subject="Promote it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_COMMITTER_EMAIL", "noreply@github.com")
        world.git("commit", "-q", "--amend", "--no-edit", date=world.at(1))
    assert world.audit().rules == ["merged-not-deployed"]


def bypass(world: World, hours: float, salt: str, *, first: bool) -> None:
    """Merge before anybody approved, where main's rules ask for an approval."""
    pinned = world.pin("staging", salt, hours)
    plain = story.make_evidence(world.site, pinned, world.at(hours + 1))
    rules = [{"type": "pull_request", "parameters": {"required_approving_review_count": 1}}]
    evidence = world.prove(pinned, hours, rules=rules, approvals=plain["approvals"])
    world.writer.extend(story.deploy(world.site, pinned, world.at(hours + 1), evidence, first=first))


def test_a_merge_past_mains_rules_is_break_glass(world: World) -> None:
    bypass(world, 1, "a", first=True)
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["bypass"])
    assert answer.verdicts("pin") == ["break-glass"]


def test_a_bypass_is_closed_by_a_ratifying_pull_request(world: World) -> None:
    bypass(world, 1, "a", first=True)
    world.promote("staging", "b", 5)
    assert world.audit().code == 0


def test_a_force_push_leaves_sessions_whose_commit_is_gone(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    world.git("reset", "-q", "--hard", "HEAD~1")
    assert world.audit().rules == ["unknown-commit"]


@pytest.mark.parametrize("changes", [{}, {"size": 2}])
def test_a_prod_pin_that_staging_never_had_is_found(world: World, changes: dict[str, int]) -> None:
    if changes:
        world.promote("staging", "a", 1, first=True)
    archive = world.artifact("guess", "a").archive.model_copy(update={"size": 2})
    pinned = world.pin("prod", "a", 3, archive=archive)
    evidence = world.prove(pinned, 3)
    world.writer.extend(story.deploy(world.site, pinned, world.at(3.1), evidence, first=True))
    assert world.audit().rules == ["never-staged"]


def test_a_pin_that_moved_with_another_file_is_found(world: World) -> None:
    pinned = world.pin("staging", "a", 1, extra="workflow.yml")
    evidence = world.prove(pinned, 1)
    world.writer.extend(story.deploy(world.site, pinned, world.at(1.1), evidence, first=True))
    assert "also changed 'workflow.yml'" in world.audit().finding("not-alone")["message"]


@pytest.mark.parametrize(("summary", "code"), [("", 1), ("sha256:" + "0" * 64, 1), ("{release}", 0)])
def test_a_manual_approval_proves_nothing_unless_it_names_the_release(
    world: World, summary: str, code: int
) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    said = {"summary": summary.format(release=pinned.release), "status": "Approved"}
    asked = {"pipelineName": "acme-deploy", "stageName": "Prod", "actionName": "Approve", "result": said}
    site, who = world.site, callers.user(world.site.training, "ada")
    world.writer.add(
        call("PutApprovalResult", "codepipeline", who, world.at(4), site.training, site.region, asked)
    )
    answer = world.audit()
    assert (answer.code, answer.rules) == (code, ["empty-approval"] if code else [])


class Codecommit:
    """A pull request on CodeCommit, call by call."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(
        self, name: str, who: dict[str, Any], hours: float, asked: Any, answered: Any = None
    ) -> None:
        site, at = self.world.site, self.world.at(hours)
        extra = {"additionalEventData": {"repositoryName": "models"}}
        record = call(name, "codecommit", who, at, site.training, site.region, asked, answered)
        self.world.writer.add({**record, **extra})

    def person(self, name: str, source: str = "") -> dict[str, Any]:
        key = f"ASIA{name.upper()}"
        return callers.role_session(self.world.site.training, "acme-developer", name, key, source=source)

    def open(self, who: dict[str, Any], hours: float) -> None:
        targets = [{"repositoryName": "models", "sourceReference": "work"}]
        self("CreatePullRequest", who, hours, {"targets": targets}, {"pullRequest": {"pullRequestId": "7"}})

    def approve(self, who: dict[str, Any], hours: float) -> None:
        asked = {"pullRequestId": "7", "revisionId": "r1", "approvalState": "APPROVE"}
        self("UpdatePullRequestApprovalState", who, hours, asked)

    def push(self, who: dict[str, Any], hours: float, ref: str, commit: str = "c") -> None:
        self("GitPush", who, hours, {"references": [{"commit": commit, "ref": ref}]})

    def merge(self, who: dict[str, Any], hours: float, commit: str) -> None:
        target = {"mergeMetadata": {"isMerged": True, "mergedBy": who["arn"], "mergeCommitId": commit}}
        answered = {"pullRequest": {"pullRequestId": "7", "pullRequestTargets": [target]}}
        self(
            "MergePullRequestBySquash",
            who,
            hours,
            {"pullRequestId": "7", "repositoryName": "models"},
            answered,
        )


@pytest.fixture
def forge(world: World) -> Codecommit:
    return Codecommit(world)


def test_one_person_behind_two_roles_is_found_by_source_identity(world: World, forge: Codecommit) -> None:
    forge.open(forge.person("ada", "ada@acme"), 0.5)
    forge.approve(forge.person("reviewer", "ada@acme"), 0.6)
    pinned = world.promote("staging", "a", 1, first=True)
    forge.merge(forge.person("ada", "ada@acme"), 1, pinned.commit)
    assert "ada@acme wrote pull request 7 and approved it" in world.audit().finding("four-eyes")["message"]


def test_two_people_on_codecommit_are_four_eyes(world: World, forge: Codecommit) -> None:
    forge.open(forge.person("ada", "ada@acme"), 0.5)
    forge.approve(forge.person("ben", "ben@acme"), 0.6)
    pinned = world.promote("staging", "a", 1, first=True)
    forge.merge(forge.person("ada", "ada@acme"), 1, pinned.commit)
    assert world.audit().code == 0


def test_a_push_to_an_approved_pull_request_on_codecommit_is_found(world: World, forge: Codecommit) -> None:
    forge.open(forge.person("ada"), 0.5)
    forge.approve(forge.person("ben"), 0.6)
    forge.push(forge.person("ada"), 0.7, "refs/heads/work")
    pinned = world.promote("staging", "a", 1, first=True)
    forge.merge(forge.person("ada"), 1, pinned.commit)
    assert world.audit().rules == ["unreviewed"]


def test_a_push_to_main_on_codecommit_that_moves_a_pin_is_found(world: World, forge: Codecommit) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    forge.push(forge.person("ada"), 1, "refs/heads/main", pinned.commit)
    assert world.audit().rules == ["no-pull-request"]


def test_overridden_approval_rules_are_break_glass(world: World, forge: Codecommit) -> None:
    forge.open(forge.person("ada"), 0.5)
    asked = {"pullRequestId": "7", "revisionId": "r1", "overrideStatus": "OVERRIDE"}
    forge("OverridePullRequestApprovalRules", forge.person("ada"), 0.6, asked)
    pinned = world.promote("staging", "a", 1, first=True)
    forge.merge(forge.person("ada"), 1, pinned.commit)
    answer = world.audit()
    assert (answer.rules, answer.finding("bypass")["verdict"]) == (["bypass"], "break-glass")
