"""What a CI without a matrix runs for a diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops.affected import find, goals
from mlops.errors import MlopsError
from mlops.plan import Plan
from tests.conftest import commit, write_model

if TYPE_CHECKING:
    from pathlib import Path


def plan(*models: str, code: bool = False, tool: bool = False) -> Plan:
    return Plan("a" * 40, "b" * 40, [], [], list(models), code, tool)


def test_a_diff_runs_what_its_workflow_would_job_by_job() -> None:
    found = goals(plan("a", "b", code=True, tool=True))
    assert found == [
        "lint",
        "test TESTS=models/a WORKERS=0",
        "test TESTS=models/b WORKERS=0",
        'test "TESTS=tests libs"',
    ]


def test_a_moved_pin_runs_nothing() -> None:
    assert goals(plan()) == []


def test_a_model_that_is_named_starts_whatever_the_diff_says(root: Path) -> None:
    write_model(root, "churn")
    commit(root, "Add a model")
    assert find("starts", "HEAD", "churn") == ["churn"]


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(MlopsError, match="'all' is not known here; allowed: goals, starts"):
        find("all", "HEAD", "")
