"""docs/scenarios.md is complete and true: each scenario has tests, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LINE = re.compile(r"^\| (?P<number>[0-9]+) \|.*\| (?P<tests>[^|]+) \|$", re.MULTILINE)
SCENARIOS = {
    int(found["number"]): re.findall(r"`([\w/]+)`", found["tests"])
    for found in LINE.finditer((TESTS.parent / "docs/scenarios.md").read_text())
}
# They change AWS or the forge and are accused by their own trail, not by one that is written for them.
PERFORMED = (1, 2, 3, 4, 5, 6, 12, 15, 17, 18, 22, 31, 32, 33)
STAGES = (
    "audit/test_performed/",
    "test_refused_pins/",
    "test_by_pull_request/",
    "test_manual_approval/",
)


def test_every_scenario_is_listed_once() -> None:
    assert list(SCENARIOS) == list(range(1, 44))


@pytest.mark.parametrize("number", SCENARIOS)
def test_a_scenario_has_tests_that_exist(number: int) -> None:
    assert SCENARIOS[number]
    for name in SCENARIOS[number]:
        file, _, behaviour = name.rpartition("/")
        tree = ast.parse((TESTS / f"{file}.py").read_text())
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert f"test_{behaviour}" in there, f"docs/scenarios.md: {name} is no test"


@pytest.mark.parametrize("number", PERFORMED)
def test_what_must_be_performed_is(number: int) -> None:
    assert any(name.startswith(STAGES) for name in SCENARIOS[number])


def test_every_performed_test_belongs_to_a_scenario() -> None:
    named = {name for names in SCENARIOS.values() for name in names}
    tree = ast.parse((TESTS / "audit/test_performed.py").read_text())
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    performed = {
        f"audit/test_performed/{test.removeprefix('test_')}" for test in tests if test.startswith("test_")
    }
    assert performed - named == {"audit/test_performed/who_went_round_git_is_accused_and_nobody_else"}
