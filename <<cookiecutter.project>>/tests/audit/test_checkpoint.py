"""An hourly audit goes on from the last one, and says the same as one of everything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.trails import callers, story

if TYPE_CHECKING:
    from tests.audit.world import World


NEW = re.compile(r"_20261120T(?:0[7-9]|1)")  # delivered after the sixth hour


@pytest.fixture
def keep(tmp_path: Path) -> str:
    """Where the checkpoint lies."""
    return str(tmp_path / "checkpoint.json")


def plant(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    second = world.promote("staging", "b", 8)
    who = callers.user(world.site.staging, "mallory")
    world.writer.add(
        story.move(world.site, second, who, world.at(9), config="acme-guess-staging-0123456789ab")
    )
    world.settle()


@pytest.fixture
def half(world: World, keep: str) -> World:
    """A world of which the first six hours were audited when no more was there."""
    plant(world)
    files = [path for path in world.folder.glob("AWSLogs/**/*.json.gz") if NEW.search(path.name)]
    later = {path: path.read_bytes() for path in files}
    for path in files:
        path.unlink()
    now = ("--until", "2026-11-20T06:00:00Z", "--now", "2026-11-20T06:00:00Z")
    assert world.run("--format", "json", "--checkpoint", keep, *now).code == 0
    for path, content in later.items():
        path.write_bytes(content)
    return world


def test_going_on_says_the_same_as_reading_everything(half: World, keep: str) -> None:
    went_on = half.run("--format", "json", "--checkpoint", keep)
    assert went_on.rules == ["stranger"]
    assert went_on == half.run("--format", "json")
    assert half.run("--format", "json", "--checkpoint", keep) == went_on


def test_what_was_verified_is_not_read_again(half: World, keep: str) -> None:
    for path in half.folder.glob("AWSLogs/**/*.json.gz"):
        if not NEW.search(path.name):
            path.unlink()
    assert half.run("--format", "json", "--checkpoint", keep).rules == ["stranger"]


def test_the_next_digest_must_link_to_the_last_one(half: World, keep: str) -> None:
    document = json.loads(Path(keep).read_text())
    document["chains"][0]["sha256"] = "0" * 64
    Path(keep).write_text(json.dumps(document))
    answer = half.run("--format", "json", "--checkpoint", keep)
    assert (answer.code, answer.problems) == (2, ["unlinked"])


def test_a_log_that_is_slipped_in_later_is_quarantined(half: World, keep: str) -> None:
    known = next(
        path for path in half.folder.glob("AWSLogs/*/CloudTrail/**/*.json.gz") if not NEW.search(path.name)
    )
    known.with_name(known.name[:-24] + "0123456789abcdef.json.gz").write_bytes(known.read_bytes())
    assert half.run("--format", "json", "--checkpoint", keep).problems == ["quarantined"]


def test_history_that_was_rewritten_since_is_noticed(half: World, keep: str) -> None:
    half.git("commit", "-q", "--amend", "-m", "Rewritten", date=half.at(8))
    answer = half.run("--format", "json", "--checkpoint", keep)
    assert (answer.code, answer.problems) == (2, ["rewritten"])


def test_an_audit_that_could_not_prove_everything_moves_no_checkpoint(half: World, keep: str) -> None:
    before = Path(keep).read_bytes()
    for path in half.folder.glob("AWSLogs/*/CloudTrail-Digest/eu-west-1/**/*20261120T080000Z.json.gz"):
        path.unlink()
    assert half.run("--checkpoint", keep).code == 2
    assert Path(keep).read_bytes() == before


def test_a_broken_checkpoint_says_what_to_do(world: World, keep: str) -> None:
    plant(world)
    Path(keep).write_text("[]")
    answer = world.run("--checkpoint", keep)
    assert answer.code == 2
    assert "is no checkpoint (" in answer.text
    assert answer.text.endswith("delete it, and the audit reads everything\n")


def test_a_checkpoint_of_another_project_is_refused(half: World, keep: str) -> None:
    Path(keep).write_text(Path(keep).read_text().replace('"project":"acme"', '"project":"shop"'))
    assert "is a checkpoint of 'shop'" in half.run("--checkpoint", keep).text


def test_a_checkpoint_that_kept_fewer_kinds_of_calls_is_made_anew(half: World, keep: str) -> None:
    path = Path(keep)
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 1, "events": []}))
    assert half.run("--format", "json", "--checkpoint", keep).text == half.run("--format", "json").text
    assert json.loads(path.read_text())["schema"] == 2
