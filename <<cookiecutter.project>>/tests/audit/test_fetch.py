"""`--fetch` brings what is new, with the signatures that a plain copy loses, and can be killed anywhere."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from mlops.audit.fetch import Brought, Place, bring, fetch, trail_place
from mlops.aws import Aws
from mlops.errors import UsageError
from mlops.project import read_project
from tests.conftest import REGION

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.audit.world import World


@pytest.fixture
def cloud(world: World, aws: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world's trail and evidence in buckets; public keys as ListPublicKeys answers."""
    return upload(world, monkeypatch)


def upload(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    world.promote("staging", "a", 1, first=True)
    world.writer.close()
    s3 = boto3.client("s3", region_name=REGION)
    where: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=world.site.trail_bucket, CreateBucketConfiguration=where)
    for key, body in world.writer.objects.items():
        metadata = world.writer.signatures.get(key, {})
        s3.put_object(Bucket=world.site.trail_bucket, Key=key, Body=body, Metadata=metadata)
    for key, body in world.evidence.items():
        s3.put_object(Bucket=world.site.releases_bucket, Key=key, Body=body)
    published = [{**key.describe(), "Value": key.describe()["Value"]} for key in world.writer.keys]
    for entry in published:
        assert base64.b64decode(entry["Value"])
    monkeypatch.setattr("mlops.audit.fetch.list_keys", lambda *_: iter(published))
    return world


def bring_all(world: World, since: datetime | None = None) -> Brought:
    project = read_project(world.root)
    return fetch(Aws(REGION), project, trail_place(project), world.folder, since)


def audit(world: World) -> int:
    return world.run(
        "--format", "json", "--until", "2026-11-20T12:00:00Z", "--now", "2026-11-20T12:00:00Z"
    ).code


def test_what_was_fetched_proves_what_lies_in_the_bucket(cloud: World) -> None:
    brought = bring_all(cloud)
    assert brought.new == len(cloud.writer.objects) + 1
    assert audit(cloud) == 0


def test_a_second_fetch_brings_nothing(cloud: World) -> None:
    bring_all(cloud)
    assert bring_all(cloud) == Brought(0, len(cloud.writer.objects))


def test_a_half_written_file_and_a_lost_signature_are_brought_again(cloud: World) -> None:
    bring_all(cloud)
    log = next(cloud.folder.glob("AWSLogs/*/CloudTrail/**/*.json.gz"))
    log.write_bytes(log.read_bytes()[:10])
    signatures = cloud.folder / "signatures.json"
    signatures.write_text(json.dumps(dict(list(json.loads(signatures.read_text()).items())[1:])))
    assert bring_all(cloud).new == 2
    assert audit(cloud) == 0


@pytest.mark.usefixtures("aws")
def test_what_was_delivered_a_day_before_the_start_is_neither_brought_nor_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = upload(replace(world, hours=30), monkeypatch)
    start = world.at(25.5)  # its day before begins within a digest's hour, after that digest's logs
    bring_all(world, start)
    digests = len(list(world.folder.glob("AWSLogs/*/CloudTrail-Digest/**/*_20261120T020000Z.json.gz")))
    logs = len(list(world.folder.glob("AWSLogs/*/CloudTrail/**/*.json.gz")))
    assert (digests, logs) == (6, 0), "three accounts, two regions"
    end = f"{world.at(30):%Y-%m-%dT%H:%M:%SZ}"
    asked = ("--since", f"{start:%Y-%m-%dT%H:%M:%SZ}", "--until", end, "--now", end)
    answer = world.run("--format", "json", *asked)
    assert (answer.code, answer.report["problems"]) == (0, [])


def test_a_key_that_leads_out_of_the_folder_is_refused(cloud: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leads out of"):
        bring(Aws(REGION).s3, "b", "../../outside", tmp_path)


def test_a_trail_may_lie_elsewhere(cloud: World) -> None:
    project = read_project(cloud.root)
    assert trail_place(project, "s3://other/some/prefix/") == Place("other", "some/prefix/")
    with pytest.raises(UsageError, match="names no bucket"):
        trail_place(project, "s3://")
