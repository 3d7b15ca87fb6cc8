"""Scenarios 18 to 22: which job a session was, and what it was for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.trails import callers, story
from sandbox.trails.records import call
from sandbox.trails.site import deploy_session, open_session

if TYPE_CHECKING:
    from sandbox.trails.site import Pinned
    from tests.audit.world import World


def deploy_as(
    world: World, pinned: Pinned, hours: float, *, name: str = "", subject: str = "", **opening: Any
) -> None:
    """A first deployment whose session has another name or subject."""
    site = world.site
    at, key = world.at(hours), story.session_key(pinned, "1")
    name = name or f"p{pinned.pull}.{pinned.commit[:12]}.1"
    subject = subject or site.subject("environment:staging")
    session = open_session(site, "deploy-staging", name, key, at, site.staging, subject, **opening)
    evidence = world.prove(pinned, hours)
    world.writer.extend(
        [
            session.opening,
            *story.approve(site, pinned, session.who, at, evidence),
            story.make_model(site, pinned, session.who, at),
            story.make_config(site, pinned, session.who, at),
            story.move(site, pinned, session.who, at, "CreateEndpoint"),
        ]
    )


def test_a_session_of_a_pull_request_that_pins_another_release_is_contradicted(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    second = world.pin("staging", "b", 2)
    evidence = world.prove(second, 2)
    steps = story.deploy(world.site, second, world.at(2.1), evidence)
    who = steps[0]
    wrong = story.move(
        world.site, first, steps[-1]["userIdentity"], world.at(2.1), config="acme-guess-staging-0123456789ab"
    )
    world.writer.extend([who, *steps[1:-1], wrong, steps[-1]])
    finding = world.audit().finding("other-release")
    assert finding["verdict"] == "contradicted"
    assert f"session 'p13.{second.commit[:12]}.5013' is for" in finding["message"]


def test_a_session_that_names_another_pull_request_is_contradicted(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    deploy_as(world, pinned, 1.1, name=f"p99.{pinned.commit[:12]}.1")
    assert world.audit().rules == ["other-pull"]


def test_an_approval_of_another_commit_than_the_sessions_is_contradicted(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    second = world.pin("staging", "b", 2)
    world.prove(second, 2)
    deploy_as(world, second, 2.1, name=f"p12.{first.commit[:12]}.1")
    assert set(world.audit().rules) == {"other-commit", "other-release", "stale"} - {"stale"}


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("repo:mallory/models:environment:staging", "comes from repository 'mallory/models'"),
        ("repo:acme/other:environment:staging", "comes from repository 'acme/other'"),
        ("repo:acme/models:pull_request", "comes from 'pull_request', not from environment 'staging'"),
        ("repo:acme/models:environment:prod", "comes from 'environment:prod'"),
        ("repo:acme/models:ref:refs/heads/main", "comes from 'ref:refs/heads/main'"),
    ],
)
def test_a_session_of_another_job_is_contradicted(world: World, subject: str, said: str) -> None:
    deploy_as(world, world.pin("staging", "a", 1), 1.1, subject=subject)
    findings = world.audit().report["findings"]
    assert {finding["rule"] for finding in findings} == {"session"}
    assert said in findings[0]["message"]


def test_a_repository_that_was_made_anew_is_found(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    second = world.pin("staging", "b", 2)
    deploy_as(world, second, 2.1, subject="repo:acme@1001/models@9999:environment:staging")
    assert "number 9999, which was 2002 before" in world.audit().report["findings"][0]["message"]


@pytest.mark.parametrize(
    "subject", ["repo:acme/models:environment:staging", "repo:acme@1001/models@2002:environment:staging"]
)
def test_both_forms_of_subject_are_read(world: World, subject: str) -> None:
    deploy_as(world, world.pin("staging", "a", 1), 1.1, subject=subject)
    assert world.audit().code == 0


def test_a_subject_of_a_custom_form_is_not_proved(world: World) -> None:
    deploy_as(world, world.pin("staging", "a", 1), 1.1, subject="repository_owner:acme:job_workflow_ref:x")
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["session-form"])
    assert set(answer.verdicts("endpoint")) == {"unproved"}


def test_another_identity_provider_is_contradicted(world: World) -> None:
    deploy_as(world, world.pin("staging", "a", 1), 1.1, issuer="gitlab.example.com")
    assert world.audit().rules == ["session"]


def test_one_session_name_of_two_runs_is_kept_apart_by_key(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    name = f"p{pinned.pull}.{pinned.commit[:12]}.5012"
    site = world.site
    forged = open_session(
        site,
        "deploy-staging",
        name,
        "ASIAOTHER",
        world.at(3),
        site.staging,
        "repo:mallory/models:environment:staging",
    )
    world.writer.extend([forged.opening, story.move(site, pinned, forged.who, world.at(3))])
    answer = world.audit()
    assert answer.verdicts("endpoint") == ["proved", "contradicted"]


def test_a_session_whose_opening_nobody_saw_is_not_proved(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    steps = story.deploy(world.site, pinned, world.at(1.1), world.prove(pinned, 1), first=True)
    world.writer.extend(steps[1:])
    assert world.audit().rules == ["session-unseen"]


def test_twelve_refused_calls_are_one_attempt_and_no_approval(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    site, who = world.site, callers.user(world.site.training, "mallory")
    asked = {"modelPackageArn": pinned.package, "modelApprovalStatus": "Approved"}
    for minute in range(12):
        at = world.at(5 + minute / 60)
        world.writer.add(
            call(
                "UpdateModelPackage",
                "sagemaker",
                who,
                at,
                site.training,
                site.region,
                asked,
                error="AccessDenied",
            )
        )
    answer = world.audit()
    assert (answer.rules, answer.verdicts("approval")) == (["attempt"], ["proved"])
    assert "12 times, and was refused (AccessDenied)" in answer.finding("attempt")["message"]


def test_a_call_that_failed_otherwise_is_neither_attempt_nor_change(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    who = callers.user(world.site.staging, "mallory")
    record = story.move(world.site, pinned, who, world.at(5))
    world.writer.add({**record, "errorCode": "ThrottlingException", "responseElements": None})
    assert world.audit().code == 0


def test_a_session_for_a_model_that_main_never_pinned_is_contradicted(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    session = deploy_session(world.site, pinned, "9", "ASIAOTHERMODEL", world.at(4))
    other = type(pinned)(**{**vars(pinned), "model": "other"})
    world.writer.extend([session.opening, story.move(world.site, other, session.who, world.at(4))])
    assert world.audit().rules == ["no-pin"]


def test_a_role_that_approves_for_another_environment_is_contradicted(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    evidence = world.prove(pinned, 1)
    steps = story.deploy(world.site, pinned, world.at(1.1), evidence, first=True)
    stage = {"stage": "prod", "stageStatus": "Approved", "stageDescription": "{}"}
    who = steps[0]["responseElements"]["credentials"]["accessKeyId"]
    session = next(step["userIdentity"] for step in steps[1:] if step["userIdentity"]["accessKeyId"] == who)
    more = story.approve(world.site, pinned, session, world.at(1.2), evidence, modelLifeCycle=stage)
    world.writer.extend([*steps, *more])
    assert "other-stage" in world.audit().rules


def test_a_rollback_role_that_does_something_else_is_found(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    session = deploy_session(world.site, pinned, "9", "ASIAROLLBACK", world.at(4), kind="rollback")
    asked = {"endpointName": pinned.endpoint(world.site)}
    site, account = world.site, world.site.staging
    gone = call("DeleteEndpoint", "sagemaker", dict(session.who), world.at(4), account, site.region, asked)
    world.writer.extend([session.opening, gone])
    assert world.audit().rules == ["rollback-duty"]
