"""One pull request a pin: opened, brought up to date, and left alone once it is approved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlops.forge import Authorship
from mlops.pulls import Change, branch_name, publish
from tests.conftest import commit
from tests.paper import ADA, BEN, Paper

if TYPE_CHECKING:
    from pathlib import Path

MARKER = f"<!-- mlops:proposal environment=prod model=guess release=sha256:{'a' * 64} -->"
CHANGE = Change(
    "prod", "guess", "mlops/prod/guess", "releases/prod/guess.yml", "release: a\n", "Promote", MARKER
)
NEWER = replace(CHANGE, text="release: b\n", title="Promote b", body=MARKER.replace("a" * 64, "b" * 64))


@pytest.fixture
def forge(root: Path) -> Paper:
    """A forge whose token is the bot's."""
    return Paper(root)


def overtake(forge: Paper, text: str = "release: z\n") -> None:
    """Move the pin on main, as a rollback that was merged meanwhile does."""
    place = forge.root / CHANGE.path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    commit(forge.root, "Roll back")


def test_a_pull_request_is_opened_and_its_checks_are_started(forge: Paper) -> None:
    assert publish(forge, CHANGE, asked=False) == "opened #1: https://github.com/acme/models/pull/1"
    assert forge.files["mlops/prod/guess"] == {CHANGE.path: b"release: a\n"}
    assert forge.has_checks(forge.pulls[0].head)


def test_a_second_run_changes_nothing(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    assert publish(forge, CHANGE, asked=False) == "#1 is open: https://github.com/acme/models/pull/1"
    assert (forge.pushed, len(forge.pulls)) == (1, 1)


def test_the_text_is_brought_up_to_date_in_place(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    said = publish(forge, replace(CHANGE, body=f"news\n{MARKER}"), asked=False)
    assert said == "#1 was brought up to date: https://github.com/acme/models/pull/1"
    assert forge.pulls[0].body.startswith("news")
    assert forge.pushed == 1


def test_a_newer_release_takes_the_place_of_one_that_nobody_approved(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    assert publish(forge, NEWER, asked=False).startswith("#1 now proposes this instead")
    assert forge.files["mlops/prod/guess"] == {CHANGE.path: b"release: b\n"}
    assert forge.has_checks(forge.pulls[0].head)


def test_what_was_approved_is_never_changed_and_the_newer_one_is_mentioned_once(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    forge.review(forge.pulls[0], BEN)
    for _ in range(2):
        assert publish(forge, NEWER, asked=False).startswith("#1 is approved and stays as it is")
    assert forge.files["mlops/prod/guess"] == {CHANGE.path: b"release: a\n"}
    assert len(forge.comments[1]) == 1


def test_who_approved_what_came_before_is_named(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    forge.review(forge.pulls[0], BEN, head="0" * 40)
    assert publish(forge, CHANGE, asked=False).startswith("#1 changed since @ben approved it, which")
    forge.review(forge.pulls[0], BEN)
    assert publish(forge, CHANGE, asked=False).startswith("#1 is open")


def test_an_approval_of_an_earlier_head_protects_nothing(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    forge.review(forge.pulls[0], BEN, head="0" * 40)
    assert publish(forge, NEWER, asked=False).startswith("#1 now proposes this instead")


def test_what_main_has_overtaken_is_brought_up_to_it(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    overtake(forge)
    assert publish(forge, CHANGE, asked=False).startswith(
        "#1 was brought up to main, which pins another release"
    )
    assert publish(forge, CHANGE, asked=False).startswith("#1 is open"), "once is enough"
    assert (forge.pushed, forge.has_checks(forge.pulls[0].head)) == (2, True)


def test_what_was_approved_and_overtaken_is_left_with_what_to_do(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    forge.review(forge.pulls[0], BEN)
    overtake(forge)
    for _ in range(2):
        said = publish(forge, CHANGE, asked=True)
        assert said.startswith(
            "#1 is approved, but main pins another release since, so it does not merge. Close it"
        )
    assert [note.split(",")[0] for note in forge.comments[1]] == [
        "main pins another release since this pull request left it"
    ]
    assert forge.pushed == 1, "nothing changes under a reviewer's feet"


def test_what_a_person_changed_by_hand_gives_way_only_by_name(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    forge.wrote[forge.pulls[0].head] = Authorship(forge.pulls[0].head, (BEN,))
    for _ in range(2):
        assert publish(forge, NEWER, asked=False).startswith("#1 was changed by @ben and stays as it is")
    assert forge.files["mlops/prod/guess"] == {CHANGE.path: b"release: a\n"}
    assert len(forge.comments[1]) == 1
    assert publish(forge, NEWER, asked=True).startswith("#1 now proposes this instead")


def test_what_people_declined_is_opened_again_only_by_name(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    forge.close_pull(1)
    said = publish(forge, CHANGE, asked=False)
    assert said == "was declined in #1; open it again by name: mlops propose guess"
    assert publish(forge, CHANGE, asked=True).startswith("opened #2")


def test_a_newer_release_is_proposed_after_one_that_was_declined(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    forge.close_pull(1)
    assert publish(forge, NEWER, asked=False).startswith("opened #2")


def test_a_branch_that_a_killed_run_left_is_made_anew(forge: Paper) -> None:
    forge.push_file(CHANGE.branch, "other", "left", "Half")
    assert publish(forge, CHANGE, asked=False).startswith("opened #1")
    assert forge.files["mlops/prod/guess"] == {CHANGE.path: b"release: a\n"}


def test_checks_that_a_killed_run_did_not_start_are_started(forge: Paper) -> None:
    publish(forge, CHANGE, asked=False)
    forge.checked.clear()
    publish(forge, CHANGE, asked=False)
    assert forge.has_checks(forge.pulls[0].head)


def test_a_persons_pull_request_starts_its_checks_itself(forge: Paper) -> None:
    forge.me = ADA
    publish(forge, CHANGE, asked=False)
    assert forge.checked == []


def test_a_rollback_does_not_wait_for_a_promotion_under_review() -> None:
    assert branch_name("promote", "prod", "guess") == "mlops/prod/guess"
    assert branch_name("rollback", "prod", "guess") == "mlops/rollback/prod/guess"
