"""Every rule is named, and some scenario waits for it: a rule that is taken out is missed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops.audit.rules import PROBLEMS, RULES

TESTS = Path(__file__).parent
AUDITOR = TESTS.parents[1] / "src/mlops/audit"
SCENARIOS = "\n".join(path.read_text() for path in TESTS.glob("test_*.py") if path.name != "test_rules.py")
NAMED = re.compile(r'(?:Flag|Finding|Problem)\(\s*"([a-z-]+)"')


@pytest.mark.parametrize("rule", sorted([*RULES, *PROBLEMS]))
def test_a_scenario_waits_for_the_rule(rule: str) -> None:
    assert f'"{rule}"' in SCENARIOS, f"no scenario would miss rule {rule!r}"


def test_every_rule_that_speaks_is_named() -> None:
    spoken = {rule for path in AUDITOR.glob("*.py") for rule in NAMED.findall(path.read_text())}
    assert spoken - set(RULES) - set(PROBLEMS) == {"pending"}
