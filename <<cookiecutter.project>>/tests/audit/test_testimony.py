"""A project on CodeCommit: the trail alone proves who approved what, with evidence or without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.trails import callers, story
from sandbox.trails.builds import Build
from sandbox.trails.records import call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.trails.site import Pinned
    from tests.audit.world import World

HEAD = "f" * 40
REPOSITORY = {"repositoryName": "models"}


@pytest.fixture
def world(works: World) -> World:
    """The world on AWS's own forge and engine."""
    return works


def act(
    world: World,
    name: str,
    who: Any,
    hours: float,
    asked: Any,
    answered: Any = None,
    source: str = "codecommit",
) -> None:
    """Somebody calls a service in the training account."""
    site, at = world.site, world.at(hours)
    record = call(name, source, who, at, site.training, site.region, asked, answered)
    world.writer.add({**record, "additionalEventData": REPOSITORY})


def person(world: World, name: str, role: str = "acme-developer", source: str = "") -> dict[str, Any]:
    return callers.role_session(world.site.training, role, name, f"ASIA{name.upper()}", source=source)


def open_pull(world: World, number: int, hours: float, by: str = "ada") -> None:
    targets = [{**REPOSITORY, "sourceReference": f"work-{number}"}]
    answered = {"pullRequest": {"pullRequestId": str(number), "revisionId": "r1"}}
    act(world, "CreatePullRequest", person(world, by), hours, {"targets": targets}, answered)


def approve(world: World, number: int, hours: float, who: Any, revision: str = "r1") -> None:
    asked = {"pullRequestId": str(number), "revisionId": revision, "approvalState": "APPROVE"}
    act(world, "UpdatePullRequestApprovalState", who, hours, asked)


def merge(
    world: World, number: int, hours: float, commit: str, *, revision: str = "r1", rules: Sequence[Any] = ()
) -> None:
    by = person(world, "dan")
    target = {
        **REPOSITORY,
        "sourceReference": f"refs/heads/work-{number}",
        "sourceCommit": HEAD,
        "mergeMetadata": {"isMerged": True, "mergedBy": by["arn"], "mergeCommitId": commit},
    }
    pull = {"pullRequestId": str(number), "authorArn": person(world, "ada")["arn"], "revisionId": revision}
    pull |= {
        "pullRequestTargets": [target],
        "approvalRules": [{"approvalRuleContent": json.dumps(one)} for one in rules],
    }
    asked = {"pullRequestId": str(number), **REPOSITORY}
    act(world, "MergePullRequestBySquash", by, hours, asked, {"pullRequest": pull})


def evidence(world: World, pinned: Pinned, approvers: Sequence[str], **changes: Any) -> dict[str, Any]:
    """What `deploy` would have written of a pull request on CodeCommit."""
    made = story.make_evidence(world.site, pinned, world.at(1), ())
    made["approvals"] = [
        {"by": {"id": name, "login": name}, "commit": HEAD, "at": f"{world.at(0.6):%Y-%m-%dT%H:%M:%SZ}"}
        for name in approvers
    ]
    made["pull_request"] |= {"head": HEAD, "author": {"id": "ada", "login": "ada"}, **changes}
    return made


def deploy(world: World, pinned: Pinned, said: dict[str, Any], *, keep: bool) -> None:
    """The build of the pipeline deploys; the evidence stays, or is lost."""
    build = Build(world.site, pinned, world.at(1.1))
    world.writer.extend(build.begin())
    world.writer.extend(story.approve(world.site, pinned, build.who, world.at(1.15), said))
    for make in (story.make_model, story.make_config):
        world.writer.add(make(world.site, pinned, build.who, world.at(1.15)))
    world.writer.add(story.move(world.site, pinned, build.who, world.at(1.15), "CreateEndpoint"))
    if keep:
        world.evidence[story.evidence_key(pinned)] = story.evidence_bytes(said)


def promote(world: World, *approvers: str, keep: bool = False, **changes: Any) -> Pinned:
    """Ada's pull request, approved, merged by dan and deployed."""
    pinned = world.pin("staging", "a", 1)
    open_pull(world, pinned.pull, 0.5)
    for name in approvers:
        approve(world, pinned.pull, 0.6, person(world, name))
    merge(world, pinned.pull, 1, pinned.commit)
    deploy(world, pinned, evidence(world, pinned, approvers, **changes), keep=keep)
    return pinned


@pytest.mark.parametrize(("keep", "proof"), [(True, "evidence and trail"), (False, "trail")])
def test_the_trail_proves_a_promotion_with_its_evidence_or_without(
    world: World, keep: bool, proof: str
) -> None:
    pinned = promote(world, "ben", keep=keep)
    answer = world.audit()
    assert (answer.code, answer.report["findings"]) == (0, [])
    changes = answer.report["changes"]
    assert {change["kind"]: change["proof"] for change in changes} == dict.fromkeys(
        ("pin", "approval", "endpoint"), proof
    )
    assert {change["verdict"] for change in changes} == {"proved"}
    assert [change["approvers"] for change in changes] == [["@ben"]] * 3
    assert {change["pull"] for change in changes} == {pinned.pull}
    assert f"(by the {proof})" in world.run("--format", "markdown").text
    assert f"(by the {proof})" in world.run("--format", "html").text


def test_a_promotion_that_nobody_approved_is_not_proved_by_the_trail(world: World) -> None:
    promote(world)
    answer = world.audit()
    assert answer.rules == ["four-eyes"]
    assert (
        "has 0 approvals of different people in the trail, 1 are required"
        in answer.report["findings"][0]["message"]
    )


@pytest.mark.parametrize(
    ("name", "role"),
    [("ada", "Admin"), ("Ada@acme", "acme-developer"), ("AWSCodeBuild-1", "acme-ci"), ("x", "Any")],
)
def test_whose_name_can_be_chosen_does_not_count(world: World, name: str, role: str) -> None:
    pinned = world.pin("staging", "a", 1)
    open_pull(world, pinned.pull, 0.5)
    approve(world, pinned.pull, 0.6, person(world, name, role))
    merge(world, pinned.pull, 1, pinned.commit)
    deploy(world, pinned, evidence(world, pinned, ()), keep=False)
    assert "four-eyes" in world.audit().rules


def test_who_pushed_the_branch_before_it_was_proposed_is_an_author_too(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    asked = {"references": [{"ref": f"refs/heads/work-{pinned.pull}", "commit": HEAD}]}
    act(world, "GitPush", person(world, "ben"), 0.4, asked)
    open_pull(world, pinned.pull, 0.5)
    approve(world, pinned.pull, 0.6, person(world, "ben"))
    merge(world, pinned.pull, 1, pinned.commit)
    assert "ben wrote pull request" in world.audit().finding("four-eyes")["message"]


def test_an_approval_of_an_earlier_revision_counts_nothing(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    open_pull(world, pinned.pull, 0.5)
    approve(world, pinned.pull, 0.6, person(world, "ben"))
    merge(world, pinned.pull, 1, pinned.commit, revision="r2")
    deploy(world, pinned, evidence(world, pinned, ["ben"]), keep=True)
    answer = world.audit()
    assert answer.rules == ["evidence-contradicts", "unreviewed"]
    assert "dan merged a revision of" in answer.finding("unreviewed")["message"]


def test_the_pools_of_the_rules_say_who_counts(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    statement = {
        "Type": "Approvers",
        "NumberOfApprovalsNeeded": 1,
        "ApprovalPoolMembers": ["CodeCommitApprovers:111111111111:cleo"],
    }
    open_pull(world, pinned.pull, 0.5)
    approve(world, pinned.pull, 0.6, person(world, "ben"))
    merge(world, pinned.pull, 1, pinned.commit, rules=[{"Statements": [statement]}])
    deploy(world, pinned, evidence(world, pinned, ["ben"]), keep=False)
    assert world.audit().rules == ["four-eyes"]


@pytest.mark.parametrize(
    ("approvers", "changes", "said"),
    [
        (("ben", "cleo"), {}, "@cleo approved what was merged, the trail does not"),
        (("ben",), {"number": 99}, "#99 was merged, the trail holds no such merge"),
        (("ben",), {"head": "e" * 40}, f"{'e' * 12} was merged, the trail {'f' * 12}"),
    ],
)
def test_evidence_that_the_trail_contradicts_is_found(
    world: World, approvers: tuple[str, ...], changes: dict[str, Any], said: str
) -> None:
    pinned = world.pin("staging", "a", 1)
    open_pull(world, pinned.pull, 0.5)
    approve(world, pinned.pull, 0.6, person(world, "ben"))
    merge(world, pinned.pull, 1, pinned.commit)
    written = evidence(world, pinned, approvers, **changes)
    for approval in written["approvals"]:
        approval["commit"] = written["pull_request"]["head"]
    deploy(world, pinned, written, keep=True)
    answer = world.audit()
    assert said in " ".join(one["message"] for one in answer.report["findings"])
    assert "evidence-contradicts" in answer.rules
    assert answer.verdicts("approval") == ["contradicted"]


def test_a_pull_request_that_began_before_the_trail_is_incomplete_without_evidence(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    merge(world, pinned.pull, 1, pinned.commit)
    deploy(world, pinned, evidence(world, pinned, ["ben"]), keep=False)
    answer = world.audit()
    assert (answer.code, answer.rules) == (2, ["evidence-missing"])
    assert "the trail begins after pull request" in answer.report["findings"][0]["message"]


def test_without_the_evidence_a_source_commits_author_does_not_approve(world: World) -> None:
    path = world.root / "models/guess/train.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("changed\n")
    world.git("add", "models")
    world.git("commit", "-q", "-m", "Change", "--author", "Ben <ben@example.com>", date=world.at(-40))
    world.source = world.git("rev-parse", "HEAD")
    promote(world, "ben")
    answer = world.audit()
    assert answer.rules == ["own-work"]
    assert f"wrote or merged {world.source[:12]}" in answer.finding("own-work")["message"]


def test_an_override_is_break_glass_until_a_later_pull_request(world: World) -> None:
    pinned = promote(world, "ben")
    asked = {"pullRequestId": str(pinned.pull), "revisionId": "r1", "overrideStatus": "OVERRIDE"}
    act(world, "OverridePullRequestApprovalRules", person(world, "eve", "Admin"), 0.9, asked)
    answer = world.audit()
    assert (answer.rules, answer.finding("bypass")["verdict"]) == (["bypass"], "break-glass")
    later = world.pin("staging", "b", 3)
    open_pull(world, later.pull, 2.5)
    approve(world, later.pull, 2.6, person(world, "ben"))
    merge(world, later.pull, 3, later.commit)
    world.writer.end = world.at(12)
    assert "bypass" not in world.audit().rules


def confirm(world: World, pipeline: str, summary: str) -> None:
    said = {"summary": summary, "status": "Approved"}
    asked = {"pipelineName": pipeline, "stageName": "Approve", "actionName": "Approve", "result": said}
    act(world, "PutApprovalResult", person(world, "cleo"), 2, asked, source="codepipeline")


def test_a_manual_approval_of_the_pinned_release_is_listed_and_counts_nothing(world: World) -> None:
    pinned = promote(world, "ben")
    confirm(world, "acme-deploy-staging", f"Seen {pinned.release}")
    answer = world.audit()
    (listed,) = [change for change in answer.report["changes"] if change["kind"] == "confirmation"]
    assert (answer.code, listed["after"], listed["commit"]) == (0, pinned.release, pinned.commit)
    assert listed["who"].endswith("/cleo")


@pytest.mark.parametrize(
    ("pipeline", "summary", "said"),
    [
        ("acme-deploy-staging", "", "says nothing"),
        ("acme-deploy-staging", "looks good", "says 'looks good', no release"),
        ("acme-deploy-staging", f"sha256:{'0' * 64}", "which was not pinned then"),
        ("acme-deploy-prod", "{release}", "which was not pinned then"),
    ],
)
def test_a_manual_approval_of_another_release_than_the_environments_pin_is_found(
    world: World, pipeline: str, summary: str, said: str
) -> None:
    pinned = promote(world, "ben")
    confirm(world, pipeline, summary.format(release=pinned.release))
    answer = world.audit()
    assert answer.rules == ["empty-approval"]
    assert said in answer.finding("empty-approval")["message"]
    assert "confirmation" not in {change["kind"] for change in answer.report["changes"]}
