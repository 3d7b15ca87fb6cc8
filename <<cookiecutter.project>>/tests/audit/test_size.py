"""Scenario 38, small: planted faults among others' calls, all found and nothing else. benchmarks/ has "
"it large."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.trails import callers, story
from sandbox.trails.records import call
from sandbox.trails.writer import compact, pack

if TYPE_CHECKING:
    from tests.audit.world import World


def test_five_faults_among_many_calls_are_found_and_no_other(world: World) -> None:
    site, who = world.site, callers.user(world.site.training, "mallory")
    for number in range(8):
        world.promote("staging", "0123456789abcdef"[number], 1 + number, first=number == 0)
    last = world.promote("staging", "a", 9.5)
    asked = {"modelPackageArn": last.package, "modelApprovalStatus": "Approved"}
    for name, source, request, error in (
        ("UpdateModelPackage", "sagemaker", asked, ""),
        ("UpdateModelPackage", "sagemaker", asked, "AccessDenied"),
        ("DisableKey", "kms", {"keyId": "1234"}, ""),
        ("UpdateTrail", "cloudtrail", {"name": "audit"}, ""),
    ):
        world.writer.add(
            call(name, source, who, world.at(10), site.training, site.region, request, error=error)
        )
    stranger = callers.user(site.staging, "mallory")
    world.writer.add(story.move(site, last, stranger, world.at(10), config="acme-guess-staging-0123456789ab"))
    noise = call("DescribeInstances", "ec2", who, world.at(1), site.staging, site.region, {}, read_only=True)
    content = pack(compact({"Records": [noise] * 500}))
    moments = [world.at(0) + timedelta(minutes=8 * number) for number in range(80)]
    world.writer.fill(site.staging, site.region, moments, [content])
    answer = world.audit()
    assert answer.rules == ["attempt", "console-approval", "key-changed", "stranger", "trail-changed"]
    assert len(answer.report["findings"]) == 5
