"""The developer's tool: a trail of a repository's own pins, with faults by name."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.trails.__main__ import PLANTS, main

if TYPE_CHECKING:
    from tests.audit.world import World

SOURCES = Path(__file__).resolve().parents[2]


def imported(folder: str) -> set[str]:
    """The packages that the modules of a folder import."""
    found = set()
    for path in (SOURCES / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    return found


def test_generator_and_auditor_share_no_code() -> None:
    assert [name for name in imported("sandbox/trails") if name.startswith("mlops")] == []
    assert [name for name in imported("src/mlops/audit") if name.startswith("sandbox")] == []


@pytest.fixture
def pinned(world: World) -> World:
    """A repository with a pin in staging and in prod."""
    world.pin("staging", "a", 1)
    world.pin("prod", "a", 2)
    return world


def test_a_repository_s_own_pins_are_told_and_proved(pinned: World) -> None:
    assert main([str(pinned.folder)]) == 0
    answer = pinned.run("--format", "json")
    assert (answer.code, answer.report["verdicts"]) == (0, {"proved": 6})


def test_a_project_that_is_all_on_aws_is_told_by_builds_and_proved_by_the_trail_alone(
    works: World, tmp_path: Path
) -> None:
    works.pin("staging", "a", 1)
    works.pin("prod", "a", 2)
    assert main([str(works.folder)]) == 0
    (works.folder / "evidence").rename(tmp_path / "lost")
    answer = works.run("--format", "json")
    assert (answer.code, answer.report["verdicts"]) == (0, {"proved": 6})
    assert {change["proof"] for change in answer.report["changes"]} == {"trail"}
    session = works.run("explain", "guess", "--env", "prod").text
    assert "acme-build-deploy-prod/AWSCodeBuild-" in session
    assert "@ben (ben), @cleo (cleo)" in session


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("build", "build-overridden"),
        ("stranger", "stranger"),
        ("console", "console-approval"),
        ("silence", "gap"),
        ("stop", "trail-changed"),
    ],
)
def test_a_planted_fault_is_found(pinned: World, fault: str, found: str) -> None:
    assert main([str(pinned.folder), "--plant", fault]) == 0
    answer = pinned.run("--format", "json")
    assert answer.code in {1, 2}
    assert found in answer.rules + answer.problems


def test_every_fault_has_a_test() -> None:
    assert set(PLANTS) == {"build", "stranger", "console", "silence", "stop"}


def test_a_repository_without_pins_says_what_to_do(world: World) -> None:
    assert main([str(world.folder)]) == 1
