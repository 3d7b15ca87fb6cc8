"""What people ratify: counted where a reviewed pull request brought it, never for what lasts or is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops import cli
from mlops.audit.command import bring_reviews
from mlops.audit.ratification import ratified_path
from mlops.audit.rules import LASTING
from mlops.workspace import open_workspace
from sandbox.trails import callers, story
from sandbox.trails.records import call
from tests.paper import ADA, BEN, CLEO, EVE, Paper

if TYPE_CHECKING:
    from tests.audit.world import Answer, World

WHY = "Ada moved the endpoint in the drill of 20 November"


def plant(world: World) -> None:
    """A stranger switches the trail off and on."""
    site, who = world.site, callers.user(world.site.training, "mallory")
    asked = {"name": "audit"}
    world.writer.add(call("UpdateTrail", "cloudtrail", who, world.at(4), site.training, site.region, asked))


def ratify(world: World, rule: str, why: str = WHY) -> str:
    """The file that the verb writes, committed to main; the commit."""
    found = world.audit().finding(rule)
    assert world.run("ratify", found["id"], "--why", why).code == 0
    return bring(world, ratified_path(found["id"]))


def bring(world: World, *paths: str) -> str:
    world.git("add", *paths)
    world.git("commit", "-q", "-m", "Ratify", date=world.at(6))
    return world.git("rev-parse", "HEAD")


def review(world: World, commit: str, *people: Any, author: Any = ADA) -> Paper:
    """A pull request that brought the commit, as the forge knows it."""
    paper, path = Paper(world.root), ratified_file(world)
    pull = paper.merge(path, commit, author=author)
    for person in people:
        paper.review(pull, person)
    return paper


def ratified_file(world: World) -> str:
    return next((world.root / "audit/ratified").iterdir()).relative_to(world.root).as_posix()


def ask(world: World, paper: Paper, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Audit with what the forge says."""
    monkeypatch.setattr("mlops.forge.open_forge", lambda _: paper)
    bring_reviews(open_workspace(), world.folder)
    return world.run("--format", "json")


def test_a_finding_that_people_ratified_is_closed_and_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(world)
    paper = review(world, ratify(world, "trail-changed"), BEN, CLEO)
    answer = ask(world, paper, monkeypatch)
    assert (answer.code, answer.rules) == (0, [])
    (told,) = answer.report["ratified"]
    assert (told["why"], told["author"], told["approvers"]) == (WHY, "@ada", ["@ben", "@cleo"])
    assert "1 ratified findings" in answer.report["summary"]


def test_a_ratification_on_a_branch_counts_for_nothing(world: World) -> None:
    plant(world)
    found = world.audit().finding("trail-changed")
    assert world.run("ratify", found["id"], "--why", WHY).code == 0
    assert world.run("--format", "json").rules == ["trail-changed"]


@pytest.mark.parametrize(
    ("people", "author", "why"),
    [
        ((BEN,), ADA, "has 1 of 2 approvals"),
        ((ADA, BEN), ADA, "@ada does not count: opened the pull request"),
        ((BEN, EVE), ADA, "@eve does not count: may not push"),
    ],
)
def test_a_ratification_takes_as_many_others_as_prod(
    world: World, monkeypatch: pytest.MonkeyPatch, people: tuple[Any, ...], author: Any, why: str
) -> None:
    plant(world)
    paper = review(world, ratify(world, "trail-changed"), *people, author=author)
    answer = ask(world, paper, monkeypatch)
    assert answer.code == 1
    assert why in answer.finding("trail-changed")["message"]


def test_a_ratification_that_was_pushed_straight_to_main_does_not_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(world)
    ratify(world, "trail-changed")
    answer = ask(world, Paper(world.root), monkeypatch)
    assert "came into main without a pull request" in answer.finding("trail-changed")["message"]


def test_a_ratification_without_the_forges_word_does_not_count(world: World) -> None:
    plant(world)
    ratify(world, "trail-changed")
    said = world.run("--format", "json").finding("trail-changed")["message"]
    assert "is not in the folder; bring it: mlops audit --fetch" in said


def test_a_ratification_that_changed_after_its_review_does_not_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(world)
    paper = review(world, ratify(world, "trail-changed"), BEN, CLEO)
    head = paper.pulls[0].head
    paper.files[head] = {ratified_file(world): b"something else\n"}
    said = ask(world, paper, monkeypatch).finding("trail-changed")["message"]
    assert "merged is not what its reviewers saw" in said


def test_a_ratification_comes_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(world)
    paper = review(world, ratify(world, "trail-changed"), BEN, CLEO)
    paper.paths[1].append("models/guess/train.py")
    said = ask(world, paper, monkeypatch).finding("trail-changed")["message"]
    assert "#1 also changes 'models/guess/train.py'" in said


def attempt(world: World, hours: float) -> None:
    site, who = world.site, callers.user(world.site.staging, "mallory")
    asked = {"endpointName": "acme-staging-guess"}
    at = (world.at(hours), site.staging, site.region)
    world.writer.add(call("DeleteEndpoint", "sagemaker", who, *at, asked, error="AccessDenied"))


def test_a_ratification_covers_what_people_knew_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt(world, 2)
    paper = review(world, ratify(world, "attempt"), BEN, CLEO)
    assert ask(world, paper, monkeypatch).code == 0
    attempt(world, 8)
    world.settle()
    finding = ask(world, paper, monkeypatch).finding("attempt")
    assert "more happened at 2026-11-20T08:00:00Z" in finding["message"]


def test_nobody_ratifies_what_has_yet_to_happen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(world)
    found = world.audit().finding("trail-changed")
    assert world.run("ratify", found["id"], "--why", WHY).code == 0
    place = world.root / ratified_path(found["id"])
    place.write_text(place.read_text().replace("2026-11-20T04", "2027-11-20T04"))
    paper = review(world, bring(world, ratified_path(found["id"])), BEN, CLEO)
    said = ask(world, paper, monkeypatch).finding("trail-changed")["message"]
    assert "knows of what happened until 2027-11-20T04:00:00Z, and came on 2026-11-20T06:00:00Z" in said


def test_an_attempt_keeps_its_id_when_it_is_repeated(world: World) -> None:
    attempt(world, 2)
    first = world.audit().finding("attempt")["id"]
    attempt(world, 8)
    assert world.audit().finding("attempt")["id"] == first


def drift(world: World) -> None:
    """A stranger points the endpoint elsewhere, where it stays."""
    pinned = world.promote("staging", "a", 1, first=True)
    who = callers.user(world.site.staging, "mallory")
    world.writer.add(story.move(world.site, pinned, who, world.at(5), config="somebody-elses-config"))
    world.writer.end = world.at(72)


def test_a_ratified_change_leaves_the_drift_that_it_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift(world)
    paper = review(world, ratify(world, "stranger"), BEN, CLEO)
    assert ask(world, paper, monkeypatch).rules == ["drift"]


def test_a_later_session_is_proved_again_when_the_widening_was_ratified(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, who = world.site, callers.user(world.site.staging, "ada")
    asked = {"roleName": "acme-deploy-staging", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    world.writer.add(call("AttachRolePolicy", "iam", who, world.at(1), site.staging, "us-east-1", asked))
    world.promote("staging", "a", 3, first=True)
    assert world.audit().rules == ["breached-role", "widened-role"]
    paper = review(world, ratify(world, "widened-role"), BEN, CLEO)
    answer = ask(world, paper, monkeypatch)
    assert (answer.code, answer.verdicts("endpoint")) == (0, ["proved"])


@pytest.mark.parametrize("rule", sorted(LASTING))
def test_what_lasts_or_is_lost_is_never_ratified(world: World, rule: str) -> None:
    content = {"schema": 1, "finding": "0" * 16, "rule": rule, "until": "2026-11-20T04:00:00Z", "why": WHY}
    place = world.root / ratified_path("0" * 16)
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(content))
    world.capsys.readouterr()
    assert cli.run(["check"]) == 1
    assert f"{place.name}: rule {rule!r} cannot be ratified" in world.capsys.readouterr().out


def test_the_verb_refuses_what_lasts_and_what_was_not_found(world: World) -> None:
    drift(world)
    found = world.audit().finding("stranger")
    assert (
        "'0123' is no open finding; there are: " + found["id"]
        in world.run("ratify", "0123", "--why", WHY).text
    )
    short = world.run("ratify", found["id"], "--why", "ok")
    assert (short.code, "at least 10 characters" in short.text) == (2, True)
