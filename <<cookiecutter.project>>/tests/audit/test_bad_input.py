"""What is broken, missing or foreign is named; nothing of it becomes a clean bill."""

from __future__ import annotations

import gzip
import json
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from mlops.audit.event import parse_event
from mlops.audit.layout import parse_key
from mlops.audit.unpack import FAST, UnpackError, unpack
from sandbox.trails import callers, story
from sandbox.trails.records import call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.audit.world import World

DAY = "AWSLogs/222222222222/CloudTrail/eu-west-1/2026/11/20"
INSIGHT = "AWSLogs/222222222222/CloudTrail-Insight/eu-west-1/2026/11/20"


def test_no_folder_is_wrong_usage_with_what_to_type(world: World) -> None:
    answer = world.run()
    assert answer.code == 2
    assert answer.text.endswith("there is nothing to audit. Bring it first: mlops audit --fetch\n")


def test_a_shallow_clone_is_no_evidence(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settle()
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", "--depth", "1", f"file://{world.root}", str(clone)]
    subprocess.run(command, check=True)
    monkeypatch.chdir(clone)
    answer = world.run("--trail", str(world.folder))
    assert answer.code == 2
    assert "is a shallow clone; history is needed" in answer.text


def test_evidence_that_is_missing_is_incomplete(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    world.evidence.clear()
    answer = world.audit()
    assert (answer.code, answer.rules) == (2, ["evidence-missing"])


def test_evidence_that_was_altered_is_incomplete(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    world.evidence[story.evidence_key(pinned)] += b" "
    answer = world.audit()
    assert (answer.code, answer.rules) == (2, ["evidence-altered"])


def test_evidence_of_another_pin_is_contradicted(world: World) -> None:
    world.promote("staging", "a", 1, first=True, config="acme-guess-staging-0123456789ab")
    assert (
        "says 'acme-guess-staging-0123456789ab' where git says"
        in (world.audit().finding("evidence-contradicts")["message"])
    )


@pytest.mark.parametrize(
    "content", [b'{"Records":[', b"[]", b'{"Records":null}', b'{"Records":[1,null,{}]}', b"\xff"]
)
def test_a_log_of_another_form_never_ends_the_audit(world: World, content: bytes) -> None:
    marked = content + b'"eventName":"UpdateEndpoint"' if content == b'{"Records":[' else content
    world.writer.deliver(world.site.prod, "eu-west-1", world.at(2), {"Records": []})
    key = next(key for key in world.writer.objects if "/CloudTrail/" in key)
    world.writer.objects[key] = gzip.compress(marked)
    world.writer._times = lambda _: []  # type: ignore[assignment]
    answer = world.audit()
    assert answer.code == (2 if marked != content else 0), answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"userIdentity": None},
        {"userIdentity": {"type": "Unheard", "sessionContext": []}},
        {"requestParameters": None},
        {"requestParameters": "text"},
        {"responseElements": [1]},
        {"newMember": {"deep": [1, 2]}},
    ],
)
def test_foreign_members_of_a_record_never_end_the_audit(world: World, change: dict[str, Any]) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    for number, name in enumerate(
        ("UpdateEndpoint", "CreateModel", "UpdateModelPackage", "CreateEndpointConfig")
    ):
        who = callers.user(world.site.staging, "ada")
        record = call(name, "sagemaker", who, world.at(3 + number), world.site.staging, world.site.region, {})
        world.writer.add({**record, **change})
    assert world.audit().code in {0, 1}
    assert pinned


@pytest.mark.parametrize(
    "record", [None, [], "x", {}, {"eventID": "x"}, {"eventID": "x", "eventTime": "soon"}]
)
def test_what_is_no_record_is_no_event(record: Any) -> None:
    assert parse_event(record) is None


@pytest.mark.parametrize(
    "key",
    [
        f"{DAY}/x.json.gz",
        f"{DAY}/333333333333_CloudTrail_eu-west-1_20261120T0000Z_0123456789abcdef.json.gz",
        f"{DAY}/222222222222_CloudTrail_eu-west-1_20269999T0000Z_0123456789abcdef.json.gz",
        f"{INSIGHT}/222222222222_CloudTrail-Insight_eu-west-1_20261120T0000Z_0123456789abcdef.json.gz",
    ],
)
def test_names_that_are_no_logs_and_no_digests(key: str) -> None:
    assert parse_key(key) is None


def test_an_organization_trail_and_a_prefix_are_read_alike(world: World) -> None:
    world.writer.organization, world.writer.prefix = "o-exampleorg", "some/prefix"
    world.promote("staging", "a", 1, first=True)
    assert world.audit().report["verdicts"] == {"proved": 3}


WHOLE = gzip.compress(b"text", mtime=0)


@pytest.mark.parametrize("library", [FAST, zlib], ids=["fast", "zlib"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(b"\0" * (5 << 20)), "unpacks to more than 1 MiB"),
        (WHOLE[:-1], "is cut off"),
        (WHOLE + b"x", "has data after its end"),
        (WHOLE + WHOLE, "has data after its end"),
        (b"text that is none", "is not gzip"),
        (WHOLE[:-5] + b"\1\1\1\1\1", "is not gzip"),
    ],
    ids=["bomb", "cut", "tail", "member", "none", "sum"],
)
def test_what_is_not_one_whole_member_is_refused(content: bytes, why: str, library: Any) -> None:
    with pytest.raises(UnpackError, match=why):
        unpack(content, 1 << 20, library)
    assert unpack(WHOLE, library=library) == b"text"


def test_a_file_of_100_mb_is_read(world: World) -> None:
    pinned = world.promote("staging", "a", 1, first=True)
    forged = story.move(world.site, pinned, callers.user(world.site.staging, "mallory"), world.at(5))
    filler = {"eventName": "Noise", "eventTime": forged["eventTime"], "text": "x" * (100 << 20)}
    world.writer.deliver(world.site.staging, "eu-west-1", world.at(5.1), {"Records": [filler, forged]})
    assert world.audit().rules == ["stranger"]


def test_a_start_after_the_end_is_wrong_usage(world: World) -> None:
    world.settle()
    answer = world.run("--since", "2026-11-21", "--until", "2026-11-20")
    assert answer.code == 2
    assert answer.text.endswith("give an earlier --since\n")


@pytest.mark.parametrize("name", ["keys.json", "signatures.json"])
def test_a_broken_file_of_the_folder_is_named(world: World, name: str) -> None:
    world.settle()
    (world.folder / name).write_text("{")
    answer = world.run()
    assert answer.code == 2
    assert f"{name}: is not JSON" in answer.text


def test_digests_from_the_future_are_no_cover_for_the_past(world: World) -> None:
    world.settle()
    answer = world.run("--format", "json", "--since", "2026-11-19T00:00:00Z")
    assert answer.code == 2
    assert {problem["rule"] for problem in json.loads(answer.text)["problems"]} == {"gap"}
