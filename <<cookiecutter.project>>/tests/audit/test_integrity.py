"""Scenarios 23 to 30: what the digests prove, and exactly which hours they do not."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from sandbox.trails import callers, story
from sandbox.trails.records import call
from sandbox.trails.signing import make_key
from sandbox.trails.writer import Chain
from tests.audit.world import HOUR, START

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.audit.world import Answer, World

STAGING = "222222222222"


def digests(world: World, account: str = STAGING, region: str = "eu-west-1") -> list[Path]:
    """An account's digests, oldest first."""
    return sorted(world.folder.glob(f"AWSLogs/{account}/CloudTrail-Digest/{region}/**/*.json.gz"))


def logs(world: World, account: str = STAGING) -> list[Path]:
    return sorted(world.folder.glob(f"AWSLogs/{account}/CloudTrail/eu-west-1/**/*.json.gz"))


def again(world: World, *arguments: str) -> Answer:
    return world.run("--format", "json", *arguments)


def messages(answer: Answer, rule: str) -> list[str]:
    return [problem["message"] for problem in answer.report["problems"] if problem["rule"] == rule]


def delete(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def test_order_and_copies_change_no_byte_of_the_report(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    world.promote("prod", "a", 3, first=True)
    first = world.audit()
    for key in [key for key in world.writer.objects if "/CloudTrail/" in key]:
        records = json.loads(gzip.decompress(world.writer.objects[key]))["Records"]
        document = {"Records": [*records[::-1], *records[:2]]}
        world.writer.objects[key] = gzip.compress(json.dumps(document).encode())
    world.writer.sign()
    world.writer.save(world.folder)
    second = again(world)
    assert first.code == second.code == 0
    assert second.text == first.text


def test_a_call_delivered_in_two_regions_and_accounts_counts_once(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    for records in list(world.writer._records.values()):
        for record in list(records):
            world.writer.add({**record, "awsRegion": "us-east-1"})
    answer = world.audit()
    assert (answer.code, answer.report["verdicts"]) == (0, {"proved": 3})


@pytest.mark.parametrize(
    ("gone", "hours"),
    [
        (slice(6, 12), "6 hours: 2026-11-20T06:00:00Z to 2026-11-20T12:00:00Z"),
        (slice(4, 8), "4 hours: 2026-11-20T04:00:00Z to 2026-11-20T08:00:00Z"),
        (slice(5, 6), "1 hour: 2026-11-20T05:00:00Z to 2026-11-20T06:00:00Z"),
    ],
)
def test_missing_digests_are_named_hour_by_hour(world: World, gone: slice, hours: str) -> None:
    world.audit()
    delete(digests(world)[gone])
    answer = again(world, "--until", "2026-11-20T12:00:00Z", "--now", "2026-11-20T16:00:00Z")
    assert answer.code == 2
    assert messages(answer, "gap") == [f"no digest covers {hours}"]


def test_all_digests_gone_is_incomplete_and_names_the_account(world: World) -> None:
    world.audit()
    delete(digests(world))
    answer = again(world)
    assert (answer.code, answer.problems) == (2, ["gap", "no-trail"])
    assert messages(answer, "gap") == [
        "no digest covers 10 hours: 2026-11-20T00:00:00Z to 2026-11-20T10:00:00Z"
    ]


def test_the_newest_hours_may_still_be_on_their_way(world: World) -> None:
    world.audit()
    delete(digests(world)[10:])
    answer = again(world)
    assert answer.code == 0
    assert answer.report["pending"] == [
        "account 222222222222, eu-west-1: 2 hours: 2026-11-20T10:00:00Z to 2026-11-20T12:00:00Z"
    ]


def test_oldest_digests_that_are_gone_are_noticed_unless_a_start_is_asked_for(world: World) -> None:
    world.audit()
    for account in world.site.accounts:
        for region in ("eu-west-1", "us-east-1"):
            delete(digests(world, account, region)[:3])
    assert again(world).problems == ["beginning"]
    assert again(world, "--since", "2026-11-20T03:00:00Z").code == 0


def test_a_forged_file_with_an_approval_is_quarantined_and_not_read(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    who = callers.user(STAGING, "mallory")
    forged = story.move(world.site, pinned, who, world.at(5))
    world.writer.deliver(STAGING, "eu-west-1", world.at(5), {"Records": [forged]}, listed=False)
    answer = world.audit()
    assert (answer.code, answer.problems) == (2, ["quarantined"])
    assert answer.report["verdicts"] == {"proved": 3}


def test_a_forged_file_after_the_last_digest_waits_and_is_not_read(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    forged = story.move(world.site, pinned, callers.user(STAGING, "mallory"), world.at(11))
    key = world.writer.deliver(STAGING, "eu-west-1", world.at(12.1), {"Records": [forged]}, listed=False)
    answer = world.audit()
    assert (answer.code, answer.report["pending"]) == (0, [key])


def flip(path: Path) -> None:
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[20] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))


def add_member(path: Path) -> None:
    path.write_bytes(path.read_bytes() + gzip.compress(b'{"Records":[]}'))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def overwrite(path: Path) -> None:
    path.write_bytes(b"<html>Access denied</html>")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (flip, "was altered: its SHA-256 is not what its digest says"),
        (add_member, "has data after its end"),
        (cut, "is cut off"),
        (overwrite, "is not gzip"),
        (lambda path: path.unlink(), "is missing, and a digest lists it: it was deleted, or not fetched"),
    ],
)
def test_a_spoilt_log_is_named_and_not_read(world: World, spoil: object, said: str) -> None:
    world.promote("staging", "a", 1, first=True)
    world.settle()
    (path,) = logs(world)
    spoil(path)  # type: ignore[operator]
    answer = again(world)
    assert (answer.code, messages(answer, "log")) == (2, [said])
    assert answer.report["problems"][0]["place"] == path.relative_to(world.folder).as_posix()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (flip, "has a wrong signature: it was altered, or CloudTrail did not write it"),
        (add_member, "cannot be read: has data after its end"),
        (overwrite, "cannot be read: is not gzip"),
    ],
)
def test_a_spoilt_digest_is_named_and_its_hour_is_missing(world: World, spoil: object, said: str) -> None:
    world.settle()
    spoil(digests(world)[3])  # type: ignore[operator]
    answer = again(world)
    assert (answer.code, answer.problems) == (2, ["digest", "gap"])
    assert said in messages(answer, "digest")[0]


def test_a_digest_whose_list_was_changed_has_a_wrong_signature(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    world.settle()
    path = digests(world)[1]
    document = json.loads(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(json.dumps({**document, "logFiles": []}).encode()))
    answer = again(world)
    assert messages(answer, "digest") == [
        "has a wrong signature: it was altered, or CloudTrail did not write it"
    ]
    assert answer.problems == ["digest", "gap", "quarantined"]


def test_logging_that_was_stopped_leaves_a_gap_and_a_finding(world: World) -> None:
    who, site = callers.user(STAGING, "mallory"), world.site
    asked = {"name": "arn:aws:cloudtrail:eu-west-1:222222222222:trail/audit"}
    world.writer.add(call("StopLogging", "cloudtrail", who, world.at(3.5), STAGING, site.region, asked))
    world.writer.silent = [(world.at(4), world.at(6))]
    world.pin("staging", "a", 4.5)
    answer = world.audit("--until", "2026-11-20T12:00:00Z", "--now", "2026-11-22T12:00:00Z")
    assert answer.code == 2
    assert set(messages(answer, "gap")) == {
        "no digest covers 2 hours: 2026-11-20T04:00:00Z to 2026-11-20T06:00:00Z"
    }
    assert answer.rules == ["trail-changed", "unseen"]
    assert answer.verdicts("pin") == ["unproved"]


def test_a_digest_that_was_moved_proves_nothing_where_it_lies(world: World) -> None:
    world.settle()
    first, second = digests(world)[2:4]
    signatures = world.folder / "signatures.json"
    found = json.loads(signatures.read_text())
    old, new = (path.relative_to(world.folder).as_posix() for path in (first, second))
    second.write_bytes(first.read_bytes())
    signatures.write_text(json.dumps({**found, new: found[old]}))
    answer = again(world)
    assert messages(answer, "digest")[0].startswith(
        "was moved: it says 's3://acme-trail-111111111111-eu-west-1/AWSLogs/"
    )


def test_digests_of_another_bucket_prove_nothing_here(world: World) -> None:
    world.writer.bucket = "mallorys-own"
    world.settle()
    fetched = {"bucket": world.site.trail_bucket, "at": "2026-11-20T12:00:00Z"}
    (world.folder / "fetched.json").write_text(json.dumps(fetched))
    answer = again(world)
    assert (answer.code, answer.problems) == (2, ["digest", "no-trail"])


def test_a_digest_by_an_unknown_key_proves_nothing(world: World) -> None:
    world.settle()
    (world.folder / "keys.json").write_text("{}")
    answer = again(world)
    assert answer.code == 2
    assert "which keys.json does not have for eu-west-1" in messages(answer, "digest")[0]


def test_keys_of_another_region_prove_nothing_here(world: World) -> None:
    world.settle()
    keys = json.loads((world.folder / "keys.json").read_text())
    (world.folder / "keys.json").write_text(json.dumps({"us-east-1": keys["us-east-1"]}))
    assert "does not have for eu-west-1" in messages(again(world), "digest")[0]


def test_a_key_that_rotates_mid_range_is_followed(world: World) -> None:
    turn = START + 6 * HOUR
    world.writer.keys = [make_key(START - HOUR, turn, 0), make_key(turn, turn + 100 * HOUR, 1)]
    world.promote("staging", "a", 1, first=True)
    world.promote("staging", "b", 8)
    assert world.audit().code == 0


def test_a_key_that_was_not_valid_then_proves_nothing(world: World) -> None:
    world.settle()
    path = world.folder / "keys.json"
    path.write_text(path.read_text().replace("2026-11-19T00:00:00Z", "2027-01-01T00:00:00Z"))
    assert messages(again(world), "digest")[0].endswith("which was not valid then")


def test_logs_of_a_backfill_digest_are_read(world: World) -> None:
    pinned = world.pin("staging", "a", 1)
    steps = story.deploy(world.site, pinned, world.at(1.1), world.prove(pinned, 1), first=True)
    writer = world.writer
    keys = [
        writer.deliver(account, "eu-west-1", world.at(1.2), {"Records": found}, listed=False)
        for account in (world.site.training, STAGING)
        if (found := [step for step in steps if step["recipientAccountId"] == account])
    ]
    for account, key in zip((world.site.training, STAGING), keys, strict=True):
        writer.write_digest(account, "eu-west-1", START + HOUR, [key], Chain(), "_backfill")
    answer = world.audit()
    assert (answer.code, answer.report["verdicts"]) == (0, {"proved": 3})


def test_an_exchanged_digest_does_not_link(world: World) -> None:
    world.settle()
    writer, hour = world.writer, START + 3 * HOUR
    writer.write_digest(STAGING, "eu-west-1", hour, [], Chain("other", "0" * 64, "00"))
    writer.save(world.folder)
    answer = again(world)
    assert (answer.code, answer.problems) == (2, ["unlinked"])


def test_an_endpoint_in_a_region_without_a_trail_is_incomplete(world: World) -> None:
    world.writer.regions = ("us-east-1",)
    answer = world.audit()
    assert (answer.code, answer.problems) == (2, ["gap", "no-trail"])


def test_an_account_without_a_trail_is_incomplete(world: World) -> None:
    world.writer.accounts = (world.site.training, world.site.staging)
    answer = world.audit()
    assert answer.code == 2
    assert {problem["account"] for problem in answer.report["problems"]} == {world.site.prod}


def test_a_quiet_period_is_proved(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    world.settle()
    answer = again(world, "--since", "2026-11-20T04:00:00Z")
    assert answer.code == 0
    assert answer.report["summary"].startswith("no activity, proved: 72 digests cover 2026-11-20T04:00:00Z")


def test_other_schemas_in_the_bucket_are_passed_over(world: World) -> None:
    world.settle()
    folder = world.folder / f"AWSLogs/{STAGING}/CloudTrail-Insight/eu-west-1/2026/11/20"
    folder.mkdir(parents=True)
    (folder / f"{STAGING}_CloudTrail-Insight_eu-west-1_20261120T0100Z_abc.json.gz").write_bytes(b"x")
    assert again(world).code == 0


def test_a_half_downloaded_file_of_another_name_is_named(world: World) -> None:
    world.settle()
    folder = digests(world)[0].parent
    (folder / "half.json.gz").write_bytes(b"x")
    assert again(world).problems == ["strange"]
