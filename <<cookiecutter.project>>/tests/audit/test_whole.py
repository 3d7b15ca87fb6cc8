"""The whole way: a faithful promotion is proved, a stranger's change is found, silence is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.trails import callers, story

if TYPE_CHECKING:
    from tests.audit.world import World


def test_a_faithful_promotion_is_proved(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    world.promote("prod", "a", 3, first=True)
    answer = world.audit()
    assert answer.code == 0, answer.text
    assert answer.report["verdicts"] == {"proved": 6}


def test_a_strangers_change_is_found(world: World) -> None:
    world.promote("staging", "a", 1, first=True)
    second = world.promote("staging", "b", 2)
    admin = callers.user(world.site.staging, "mallory")
    first_config = f"acme-guess-staging-{second.config[:12]}"
    world.writer.add(story.move(world.site, second, admin, world.at(5), config=first_config))
    answer = world.audit()
    assert answer.code == 1, answer.text
    assert answer.rules == ["stranger"]


def test_silence_is_proved(world: World) -> None:
    answer = world.audit()
    assert (answer.code, answer.report["summary"][:20]) == (0, "no activity, proved:")


def test_an_empty_folder_proves_nothing(world: World) -> None:
    (world.root / ".audit").mkdir()
    answer = world.run("--format", "json")
    assert answer.code == 2
    assert answer.problems == ["no-trail"]
