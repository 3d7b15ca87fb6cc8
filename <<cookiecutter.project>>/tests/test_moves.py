"""What a pull request may change at once: a pin, or anything else, and never both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops import cli
from mlops.moves import check_moves
from tests.conftest import commit, git

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def add(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{path}\n")
    commit(root, "Change")


def found(root: Path, base: str = "HEAD~1") -> list[str]:
    return [finding.message for finding in check_moves(root, base)]


def test_a_pin_alone_is_fine(root: Path) -> None:
    add(root, "releases/prod/guess.yml")
    assert found(root) == []


def test_what_moves_no_pin_may_change_anything(root: Path) -> None:
    add(root, "README.md", ".github/workflows/deploy.yml")
    assert found(root) == []


def test_a_pin_with_a_workflow_is_refused(root: Path) -> None:
    add(root, "releases/prod/guess.yml", ".github/workflows/deploy.yml")
    (message,) = found(root)
    assert message.startswith(
        "moves with '.github/workflows/deploy.yml'; a pull request that moves a pin changes"
    )


def test_two_pins_are_refused(root: Path) -> None:
    add(root, "releases/prod/guess.yml", "releases/staging/guess.yml")
    assert found(root) == [
        "moves with 'releases/prod/guess.yml'; one pin a pull request: take it into one of its own"
    ]


def test_a_deleted_pin_is_refused(root: Path) -> None:
    add(root, "releases/prod/guess.yml")
    git(root, "rm", "-q", "releases/prod/guess.yml")
    commit(root, "Delete")
    assert found(root) == [
        "a pin is never deleted; write its tombstone: mlops retire MODEL --env ENV --dry-run"
    ]


def test_the_first_push_of_a_branch_is_a_diff_against_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(root, "0" * 40) == []
    assert cli.run(["plan", "--base", "0" * 40]) == 0
    assert "guess: new model" in capsys.readouterr().out


def test_check_reads_the_diff_when_it_is_asked_to(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "rm", "-q", "models/guess/README.md", "--ignore-unmatch")
    add(root, "releases/prod/guess.yml", "README.md")
    assert cli.run(["check", "--base", "HEAD~1"]) == 1
    assert "releases/prod/guess.yml: moves with 'README.md'" in capsys.readouterr().out
