"""What the rehearsal decides by itself; the story is played whole by tests of the template."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sandbox import rehearse
from sandbox.project import Accounts, Project
from sandbox.rehearsal.pipelines import said
from sandbox.stage import REFUSED, Stage, owners, read_exports
from tests.conftest import ACCOUNT, REGION

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = Project(
    "acme", REGION, Accounts(ACCOUNT, ACCOUNT, ACCOUNT), "acme/models", "@acme/ml", "github", "github-actions"
)


@pytest.mark.parametrize(
    ("accounts", "duties"),
    [("111", ["training"]), ("122", ["training", "staging"]), ("121", ["training", "staging"])],
)
def test_each_account_is_founded_once_trainings_first(accounts: str, duties: list[str]) -> None:
    assert owners(dict(zip(("training", "staging", "prod"), accounts, strict=True))) == duties


@pytest.mark.parametrize(
    ("forge", "ci", "sides"),
    [
        ("github", "github-actions", ("OnGithub", "ByActions")),
        ("github", "codepipeline", ("Connected", "ByConnectedPipelines")),
        ("codecommit", "codepipeline", ("OnCodecommit", "ByBuilds")),
    ],
)
def test_each_engine_has_a_rehearsal(forge: str, ci: str, sides: tuple[str, str], tmp_path: Path) -> None:
    found = rehearse.take_sides(replace(PROJECT, forge=forge, ci=ci), Stage(tmp_path, {}))
    assert tuple(type(side).__name__ for side in found) == sides


def test_a_command_that_ends_otherwise_than_it_should_ends_the_story(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {})
    with pytest.raises(SystemExit, match="ended with exit code 3"):
        stage.run(sys.executable, "-c", "raise SystemExit(3)", ends=REFUSED)
    assert stage.run(sys.executable, "-c", "print('no'); raise SystemExit(1)", ends=REFUSED) == "no\n"


def test_settings_are_read_from_what_env_prints() -> None:
    printed = "export A=1\nexport B='two words'\nunset AWS_PROFILE\n"
    assert read_exports(printed) == {"A": "1", "B": "two words"}


def test_of_a_builds_log_what_commands_said_is_shown() -> None:
    assert said("[Container] 2026 Running command x\n\nfound it\n[Container] 2026 done") == "found it"
