"""Scenarios 1 to 9: what is served or approved past git is found, with who did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.trails import callers, story
from sandbox.trails.records import call
from sandbox.trails.site import deploy_session

if TYPE_CHECKING:
    from sandbox.trails.site import Pinned
    from tests.audit.world import World

MALLORY = "arn:aws:iam::111111111111:user/mallory"


def admin(world: World, account: str = "") -> dict[str, Any]:
    return callers.user(account or world.site.training, "mallory")


def update_package(world: World, pinned: Pinned, hours: float, **request: Any) -> None:
    """Somebody updates the package in the console."""
    asked = {"modelPackageArn": pinned.package, **request}
    who, site = admin(world), world.site
    world.writer.add(
        call("UpdateModelPackage", "sagemaker", who, world.at(hours), site.training, site.region, asked)
    )


def test_an_approval_in_the_console_is_found_with_who(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    update_package(world, pinned, 5, modelApprovalStatus="Approved")
    finding = world.audit().finding("console-approval")
    assert MALLORY in finding["message"]
    assert finding["verdict"] == "out-of-band"


def test_people_may_reject_a_package_in_the_console(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    update_package(world, pinned, 5, modelApprovalStatus="Rejected")
    assert world.audit().code == 0


def test_a_console_approval_is_closed_when_people_approve_the_package_by_pull_request(world: World) -> None:
    first = world.promote("staging", "a", 1, first=True)
    update_package(world, first, 2, modelApprovalStatus="Approved")
    world.promote("prod", "a", 5, first=True)
    answer = world.audit()
    assert (answer.code, answer.report["verdicts"]["out-of-band"]) == (0, 1)


def test_a_package_born_approved_is_found(world: World) -> None:
    pinned = world.pin("staging", "a", 11.9)
    world.writer.add(story.register(world.site, pinned, world.at(1), "Approved"))
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["born-approved"])


def test_a_package_born_pending_is_nothing_to_speak_of(world: World) -> None:
    pinned = world.promote("staging", "a", 2, first=True)
    world.writer.add(story.register(world.site, pinned, world.at(1)))
    assert world.audit().code == 0


def test_an_endpoint_that_an_admin_moved_is_found_with_the_releases_before_and_after(world: World) -> None:
    old = world.promote("prod", "a", 2, first=True)
    world.promote("staging", "a", 1, first=True)
    new = world.promote("staging", "b", 3)
    who = admin(world, world.site.prod)
    target = world.pin("prod", "b", 11.95)
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.writer.add(story.move(world.site, target, who, world.at(6), config="acme-guess-prod-0123456789ab"))
    finding = world.audit().finding("stranger")
    assert old.release in finding["message"]
    assert "config 'acme-guess-prod-0123456789ab', which was never pinned" in finding["message"]
    assert new.release not in finding["message"]


def shift_weights(world: World, pinned: Pinned, who: dict[str, Any]) -> None:
    weights = [{"variantName": "main", "desiredWeight": 0.1}]
    asked = {"endpointName": pinned.endpoint(world.site), "desiredWeightsAndCapacities": weights}
    account = world.site.account(pinned.environment)
    name = "UpdateEndpointWeightsAndCapacities"
    world.writer.add(call(name, "sagemaker", who, world.at(5), account, world.site.region, asked))


def test_weights_that_a_person_shifted_are_found(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    shift_weights(world, pinned, admin(world, world.site.staging))
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["stranger"])


def test_autoscaling_is_no_stranger(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    shift_weights(world, pinned, callers.autoscaling(world.site.staging))
    assert world.audit().code == 0


def test_weights_shifted_by_the_deploy_role_are_found(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    session = deploy_session(world.site, pinned, "77", "ASIAWEIGHTS", world.at(4))
    world.writer.add(session.opening)
    shift_weights(world, pinned, dict(session.who))
    assert world.audit().rules == ["weights"]


def deploy_with(world: World, **config: Any) -> list[str]:
    """A deployment whose config serves more than the pin; the rules that find it."""
    pinned = world.pin("staging", "a", 1)
    evidence = world.prove(pinned, 1)
    steps = story.deploy(world.site, pinned, world.at(1.1), evidence, first=True)
    who = steps[-1]["userIdentity"]
    other = story.make_model(world.site, pinned, who, world.at(1.1), name="acme-guess-staging-ffffffffffff")
    forged = story.make_config(world.site, pinned, who, world.at(1.1), **config)
    world.writer.extend([*steps[:-2], other, forged, steps[-1]])
    return world.audit().rules


def test_an_extra_variant_is_found_even_when_the_deploy_role_made_it(world: World) -> None:
    assert deploy_with(world, extra=["acme-guess-staging-ffffffffffff"]) == ["variant"]


def test_a_shadow_variant_is_found_even_when_the_deploy_role_made_it(world: World) -> None:
    assert deploy_with(world, shadow=["acme-guess-staging-ffffffffffff"]) == ["shadow"]


def test_a_config_of_another_model_is_found(world: World) -> None:
    assert deploy_with(world, served="acme-guess-staging-ffffffffffff") == ["variant"]


@pytest.mark.parametrize(
    ("container", "rule"),
    [
        ({"image": "image", "modelDataUrl": "s3://elsewhere/model.tar.gz"}, "unregistered"),
        ({"modelPackageName": "arn:aws:sagemaker:eu-west-1:1:model-package/other/1"}, "other-package"),
    ],
)
def test_a_model_of_other_files_than_the_pinned_package_is_found(
    world: World, container: dict[str, str], rule: str
) -> None:
    pinned = world.pin("staging", "a", 1)
    steps = story.deploy(world.site, pinned, world.at(1.1), world.prove(pinned, 1), first=True)
    place = next(place for place, step in enumerate(steps) if step["eventName"] == "CreateModel")
    who = steps[place]["userIdentity"]
    steps[place] = story.make_model(world.site, pinned, who, world.at(1.1), container)
    world.writer.extend(steps)
    assert world.audit().rules == [rule]


@pytest.mark.parametrize("missing", ["CreateModel", "CreateEndpointConfig"])
def test_what_was_never_seen_made_is_not_proved(world: World, missing: str) -> None:
    pinned = world.pin("staging", "a", 1)
    steps = story.deploy(world.site, pinned, world.at(1.1), world.prove(pinned, 1), first=True)
    world.writer.extend(step for step in steps if step["eventName"] != missing)
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["definition-unseen"])


def test_an_endpoint_that_moved_without_an_approval_is_not_proved(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    steps = story.deploy(world.site, pinned, world.at(1.1), world.prove(pinned, 1), first=True)
    world.writer.extend(step for step in steps if step["eventName"] != "UpdateModelPackage")
    assert world.audit().rules == ["not-approved"]


@pytest.mark.parametrize("name", ["PutObject", "DeleteObject", "CompleteMultipartUpload"])
def test_an_archive_that_is_written_again_or_deleted_is_found(world: World, name: str) -> None:
    pinned = world.promote("staging", "a", 2, first=True)
    world.writer.add(story.seal(world.site, pinned, world.at(1)))
    world.writer.add(story.seal(world.site, pinned, world.at(5), name, admin(world)))
    answer = world.audit()
    assert (answer.code, answer.rules) == (1, ["overwritten"])
    assert MALLORY in answer.finding("overwritten")["message"]


def test_a_deleted_package_is_found_and_its_history_kept(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    asked = {"modelPackageName": pinned.package}
    site = world.site
    gone = call(
        "DeleteModelPackage", "sagemaker", admin(world), world.at(5), site.training, site.region, asked
    )
    world.writer.add(gone)
    answer = world.audit()
    assert answer.rules == ["deleted-package"]
    assert answer.verdicts("approval") == ["proved", "out-of-band"]


def test_metadata_that_is_taken_off_a_package_is_found(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    update_package(world, pinned, 5, customerMetadataPropertiesToRemove=["staging.by.1"])
    assert "removed 'staging.by.1'" in world.audit().finding("stripped")["message"]


def test_an_inference_component_on_an_endpoint_is_found(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    asked = {"endpointName": pinned.endpoint(world.site), "inferenceComponentName": "more"}
    who, account = admin(world, world.site.staging), world.site.staging
    name = "CreateInferenceComponent"
    world.writer.add(call(name, "sagemaker", who, world.at(5), account, world.site.region, asked))
    assert world.audit().rules == ["stranger"]


def test_endpoints_of_other_projects_are_left_alone(world: World) -> None:
    asked = {"endpointName": "shop-prod-cart", "endpointConfigName": "cart"}
    who, account = admin(world, world.site.prod), world.site.prod
    world.writer.add(call("UpdateEndpoint", "sagemaker", who, world.at(5), account, world.site.region, asked))
    assert world.audit().report["summary"].startswith("no activity, proved")
