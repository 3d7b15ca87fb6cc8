"""Scenarios 31 to 37: what a release goes through, and what weakens the proof."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.trails import callers, story
from sandbox.trails.records import call
from sandbox.trails.site import deploy_session

if TYPE_CHECKING:
    from sandbox.trails.site import Pinned
    from tests.audit.world import World


def later(world: World) -> tuple[str, ...]:
    """Ask so long after that nothing is still due."""
    world.writer.end = world.at(72)
    return ()


def test_an_old_run_that_was_started_again_is_contradicted(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    world.promote("staging", "b", 3)
    session = deploy_session(world.site, first, "5012", "ASIASTALE", world.at(6))
    world.writer.extend([session.opening, story.move(world.site, first, session.who, world.at(6))])
    finding = world.audit().finding("stale")
    assert "an old run was started again" in finding["message"]


def roll_back(world: World, pinned: Pinned, to: Pinned, hours: float) -> None:
    """SageMaker takes a release back; `deploy` writes that down."""
    site = world.site
    record = {
        "schema": 1,
        "endpoint": pinned.endpoint(site),
        "failed": pinned.config_name(site),
        "live": to.config_name(site),
        "why": "alarm acme-staging-guess-errors",
        "at": f"{world.at(hours):%Y-%m-%dT%H:%M:%SZ}",
    }
    key = story.evidence_key(pinned).replace(".json", ".rollback.json")
    world.evidence[key] = story.evidence_bytes(record)


def test_an_automatic_rollback_is_drift_by_name_and_no_attack(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    second = world.promote("staging", "b", 3)
    roll_back(world, second, first, 3.2)
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["drift"])
    finding = answer.finding("drift")
    assert finding["verdict"] == "break-glass"
    assert "by itself (alarm acme-staging-guess-errors)" in finding["message"]
    assert finding["message"].endswith("Make git say so: mlops rollback guess --env staging")


def test_a_revert_after_an_automatic_rollback_ends_the_drift(world: World) -> None:
    later(world)
    first = world.promote("staging", "a", 1, first=True)
    second = world.promote("staging", "b", 3)
    roll_back(world, second, first, 3.2)
    back = world.pin("staging", "a", 5)
    world.prove(back, 5)
    answer = world.audit()
    assert answer.code == 0, answer.text


def test_a_rollback_by_pull_request_to_what_was_live_is_proved(world: World) -> None:
    for salt, hours in (("a", 1), ("b", 2)):
        world.promote("staging", salt, hours, first=salt == "a")
    for salt, hours in (("a", 3), ("b", 4), ("a", 5)):
        world.promote("prod", salt, hours, first=hours == 3)
    answer = world.audit()
    assert (answer.code, set(answer.report["verdicts"])) == (0, {"proved"})


def break_glass(world: World, pinned: Pinned, hours: float, config: str = "") -> None:
    session = deploy_session(world.site, pinned, "88", "ASIAGLASS", world.at(hours), kind="rollback")
    world.writer.extend(
        [session.opening, story.move(world.site, pinned, session.who, world.at(hours), config=config)]
    )


def test_a_rollback_by_hand_is_break_glass_until_it_is_ratified(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    world.promote("staging", "b", 3)
    break_glass(world, first, 5)
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["break-glass"])
    assert answer.finding("break-glass")["message"].endswith("ratify it: mlops rollback guess --env staging")


def test_a_rollback_by_hand_that_people_ratified_is_clean(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    world.promote("staging", "b", 3)
    break_glass(world, first, 5)
    world.prove(world.pin("staging", "a", 6), 6)
    answer = world.audit()
    assert (answer.code, answer.verdicts("endpoint")) == (0, ["proved", "proved", "break-glass"])


def test_a_ratification_that_nobody_approved_does_not_count(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    world.promote("staging", "b", 3)
    break_glass(world, first, 5)
    world.pin("staging", "a", 6)
    assert "break-glass" in world.audit().rules


def test_a_rollback_to_what_was_never_live_is_contradicted(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    break_glass(world, first, 5, "acme-guess-staging-0123456789ab")
    assert world.audit().rules == ["never-live"]


def test_data_that_is_not_its_commits_is_contradicted(world: World) -> None:
    pinned = world.pin("staging", "a", 1, data="f" * 32)
    world.writer.extend(story.deploy(world.site, pinned, world.at(1.1), world.prove(pinned, 1), first=True))
    assert "says data 'ffffffff" in world.audit().finding("other-data")["message"]


def test_a_source_commit_that_is_not_in_the_clone_is_not_proved(world: World) -> None:
    pinned = world.pin("staging", "a", 1, commit="1" * 40)
    world.writer.extend(story.deploy(world.site, pinned, world.at(1.1), world.prove(pinned, 1), first=True))
    assert world.audit().rules == ["source-unseen"]


def test_two_pull_requests_of_one_model_within_a_minute_are_both_explained(world: World) -> None:
    later(world)
    world.prove(world.pin("staging", "a", 1), 1)
    world.promote("staging", "b", 1.01, first=True)
    answer = world.audit()
    assert (answer.code, answer.verdicts("pin")) == (0, ["proved", "proved"])
    assert [change["pull"] for change in answer.report["changes"] if change["kind"] == "pin"] == [12, 13]


def test_a_pin_that_was_merged_and_never_deployed_is_found_when_it_is_overdue(world: World) -> None:
    world.prove(world.pin("staging", "a", 1), 1)
    assert world.audit().verdicts("pin") == ["pending"]
    later(world)
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["merged-not-deployed"])


def test_a_pin_that_was_deleted_is_found(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    world.git("rm", "-q", "releases/staging/guess.yml")
    world.git("commit", "-q", "-m", "Remove (#99)", date=world.at(5))
    assert "the pin was deleted" in world.audit().finding("unreadable-pin")["message"]


def guard(world: World, name: str, hours: float, who: str = "stack", **asked: Any) -> None:
    """A call to IAM, which is recorded in its home region."""
    caller, account = callers.user(world.site.staging, who), world.site.staging
    world.writer.add(call(name, "iam", caller, world.at(hours), account, "us-east-1", asked))


TRUST = {"Version": "2012-10-17", "Statement": [{"Sid": "Forge", "Effect": "Allow"}]}
WIDER = {"Version": "2012-10-17", "Statement": [*TRUST["Statement"], {"Sid": "All", "Effect": "Allow"}]}
ROLE = "acme-deploy-staging"
ARN = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"


def make_role(world: World) -> None:
    guard(world, "CreateRole", 0.1, roleName=ROLE, assumeRolePolicyDocument=json.dumps(TRUST))
    guard(world, "PutRolePolicy", 0.1, roleName=ROLE, policyName="deploy", policyDocument=json.dumps(TRUST))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("UpdateAssumeRolePolicy", {"roleName": ROLE, "policyDocument": json.dumps(WIDER)}),
        ("PutRolePolicy", {"roleName": ROLE, "policyName": "deploy", "policyDocument": json.dumps(WIDER)}),
        ("AttachRolePolicy", {"roleName": ROLE, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ("DeleteRole", {"roleName": ROLE}),
        ("UpdateOpenIDConnectProviderThumbprint", {"openIDConnectProviderArn": ARN}),
    ],
)
def test_later_sessions_of_a_role_that_was_widened_are_not_proved(
    world: World, name: str, asked: dict[str, str]
) -> None:
    make_role(world)
    world.promote("staging", "a", 1, first=True)
    guard(world, name, 4, "mallory", **asked)
    world.promote("staging", "b", 6)
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["breached-role", "widened-role"])
    assert answer.verdicts("endpoint") == ["proved", "unproved"]


def test_the_making_of_a_role_and_a_narrower_policy_weaken_nothing(world: World) -> None:
    guard(world, "CreateOpenIDConnectProvider", 0.1, url="https://token.actions.githubusercontent.com")
    make_role(world)
    guard(world, "UpdateAssumeRolePolicy", 2, "ada", roleName=ROLE, policyDocument=json.dumps(TRUST))
    world.promote("staging", "a", 3, first=True)
    assert world.audit().code == 0


def test_roles_of_other_projects_are_left_alone(world: World) -> None:
    guard(world, "UpdateAssumeRolePolicy", 2, roleName="shop-deploy", policyDocument=json.dumps(WIDER))
    assert world.audit().code == 0


TRAIL_BUCKET = "acme-trail-111111111111-eu-west-1"


@pytest.mark.parametrize(
    ("source", "name", "asked", "rule"),
    [
        ("s3", "PutBucketPolicy", {"bucketName": TRAIL_BUCKET}, "bucket-changed"),
        ("s3", "PutBucketLifecycle", {"bucketName": TRAIL_BUCKET}, "bucket-changed"),
        (
            "s3",
            "PutBucketObjectLockConfiguration",
            {"bucketName": "acme-releases-111111111111-eu-west-1"},
            "bucket-changed",
        ),
        ("kms", "DisableKey", {"keyId": "1234"}, "key-changed"),
        ("kms", "ScheduleKeyDeletion", {"keyId": "1234"}, "key-changed"),
        ("cloudtrail", "StopLogging", {"name": "audit"}, "trail-changed"),
        ("cloudtrail", "UpdateTrail", {"name": "audit"}, "trail-changed"),
        ("cloudtrail", "DeleteTrail", {"name": "audit"}, "trail-changed"),
        ("cloudtrail", "PutEventSelectors", {"trailName": "audit"}, "trail-changed"),
    ],
)
def test_what_weakens_the_evidence_is_found(
    world: World, source: str, name: str, asked: dict[str, str], rule: str
) -> None:
    site, who = world.site, callers.user(world.site.training, "mallory")
    world.writer.add(call(name, source, who, world.at(4), site.training, site.region, asked))
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, [rule])


@pytest.mark.parametrize(("hand", "code"), [("stack", 0), ("mallory", 1)])
def test_the_making_of_a_bucket_weakens_nothing_but_a_strangers_setting_does(
    world: World, hand: str, code: int
) -> None:
    site = world.site
    for name, by in (("CreateBucket", "stack"), ("PutBucketPolicy", hand)):
        who, asked = callers.user(site.training, by), {"bucketName": TRAIL_BUCKET}
        world.writer.add(call(name, "s3", who, world.at(0.5), site.training, site.region, asked))
    assert world.audit().code == code


def test_a_second_setting_by_the_hand_that_made_a_bucket_is_found(world: World) -> None:
    site, who = world.site, callers.user(world.site.training, "stack")
    for minute, name in enumerate(("CreateBucket", "PutBucketPolicy", "PutBucketPolicy")):
        at, asked = world.at(0.5 + minute / 60), {"bucketName": TRAIL_BUCKET}
        world.writer.add(call(name, "s3", who, at, site.training, site.region, asked))
    assert world.audit().rules == ["bucket-changed"]


def test_buckets_of_others_are_left_alone(world: World) -> None:
    site, who = world.site, callers.user(world.site.training, "ada")
    asked = {"bucketName": "somebody-elses"}
    world.writer.add(call("PutBucketPolicy", "s3", who, world.at(4), site.training, site.region, asked))
    assert world.audit().code == 0


def retire(world: World, hours: float, since: str, drain_days: int) -> Pinned:
    """Merge a tombstone; the pin that its deployment speaks of."""
    pinned = world.promote("staging", "a", 1, first=True)
    tomb = (
        f"schema: 1\nmodel: guess\nretired:\n  since: '{since}'\n  drain_days: {drain_days}\n"
        f"last_release: {pinned.release}\n"
    )
    (world.root / "releases/staging/guess.yml").write_text(tomb)
    world.git("commit", "-qam", "Retire (#13)", date=world.at(hours))
    return type(pinned)(**{**vars(pinned), "commit": world.git("rev-parse", "HEAD"), "pull": 13})


@pytest.mark.parametrize(("drain_days", "rules"), [(0, []), (3, ["deletion"])])
def test_an_endpoint_goes_when_its_tombstone_says_so(world: World, drain_days: int, rules: list[str]) -> None:
    grave = retire(world, 4, "2026-11-20", drain_days)
    session = deploy_session(world.site, grave, "5013", "ASIAGRAVE", world.at(5))
    asked = {"endpointName": grave.endpoint(world.site)}
    account = world.site.staging
    gone = call(
        "DeleteEndpoint", "sagemaker", dict(session.who), world.at(5), account, world.site.region, asked
    )
    world.writer.extend([session.opening, gone])
    assert world.audit().rules == rules
