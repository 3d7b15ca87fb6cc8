"""`mlops destroy --forge`: the settings of the forge that the project's files ask for go, and no others."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mlops.cli import run
from mlops.errors import MlopsError, UsageError
from mlops.forge import ForgeError
from mlops.forge_settings import Request
from mlops.foundation.account import Caller
from mlops.github_forge import connect
from mlops.github_settings import GithubSettings, connect_settings
from mlops.teardown.forge import find_leaving, open_github, prove_left, remove_leaving
from mlops.teardown.inventory import Inventory, Unseen
from tests.conftest import ACCOUNT
from tests.conftest import PROJECT as STANDARD
from tests.live import PAYLOAD
from tests.proposals import PROJECT
from tests.sandbox.forge.conftest import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.forge.conftest import Desk

STAGING = ["environment 'rollback-staging'", "environment 'staging'"]
OTHERS = ["environment 'prod'", "environment 'rollback-prod'", "ruleset 'main'"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A project's settings files."""
    for folder in ("rulesets", "environments"):
        shutil.copytree(PAYLOAD / ".github" / folder, tmp_path / "project/.github" / folder)
    return tmp_path / "project"


@pytest.fixture
def settings(desk: Desk, files: Path, monkeypatch: pytest.MonkeyPatch) -> GithubSettings:
    """The settings of a repository that has all that the files ask for, and one environment more."""
    monkeypatch.setenv("GITHUB_TOKEN", desk.token("ada"))
    found = connect_settings(desk.forge.repository.full_name)
    for request in (request for setting in found.compare(files) for request in setting.requests):
        found.write(request)
    found.write(Request("PUT", "/environments/pages", {}))
    return found


def test_a_duty_takes_its_environments_and_training_the_rest(settings: GithubSettings, files: Path) -> None:
    leaving = find_leaving(settings, files, "staging")
    assert sorted(leaving.requests) == STAGING
    assert remove_leaving(settings, leaving) == 0
    assert sorted(find_leaving(settings, files, "training").requests) == OTHERS
    assert remove_leaving(settings, find_leaving(settings, files, "training")) == 0
    prove_left(settings, files, "training")
    assert connect(NAME).read("/environments/pages"), "it is not the project's"


def test_a_second_run_finds_nothing(settings: GithubSettings, files: Path) -> None:
    remove_leaving(settings, find_leaving(settings, files, "training"))
    assert find_leaving(settings, files, "training").requests == {}


def test_what_is_still_there_is_no_success(settings: GithubSettings, files: Path) -> None:
    with pytest.raises(
        MlopsError, match="the forge still has environment 'prod', environment 'rollback-prod'"
    ):
        prove_left(settings, files, "prod")


def test_whoever_may_not_gets_the_commands_for_somebody_who_may(
    desk: Desk,
    settings: GithubSettings,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", desk.token("ben"))
    name = desk.forge.repository.full_name
    weak = connect_settings(name)
    assert remove_leaving(weak, find_leaving(weak, files, "staging")) == 1
    said = capsys.readouterr().out
    assert "left   environment 'staging' of the forge: the token is no administrator's" in said
    assert f"  gh api -X DELETE repos/{name}/environments/staging\n" in said
    assert sorted(find_leaving(settings, files, "staging").requests) == STAGING


def test_a_refusal_keeps_the_others_from_nothing(
    settings: GithubSettings, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = settings.write

    def refuse_one(request: Request) -> None:
        if request.path.endswith("/prod"):
            raise ForgeError("the forge answered 502")
        write(request)

    monkeypatch.setattr(settings, "write", refuse_one)
    assert remove_leaving(settings, find_leaving(settings, files, "training")) == 1
    assert "environment 'prod' of the forge: the forge answered 502" in capsys.readouterr().out
    assert list(find_leaving(settings, files, "training").requests) == ["environment 'prod'"]


def test_what_the_forge_hides_is_not_taken_for_gone(
    settings: GithubSettings, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_see", lambda path: None)
    with pytest.raises(MlopsError, match=r"does not show .*/rulesets to this token"):
        settings.removals(files)


def test_a_forge_within_aws_has_no_settings_of_its_own() -> None:
    with pytest.raises(UsageError, match="forge 'codecommit' keeps its rules in AWS"):
        open_github(PROJECT.model_copy(update={"forge": "codecommit"}))


@pytest.fixture
def emptied(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project at its root, where AWS has nothing of it any more."""
    (files / "project.yml").write_text(STANDARD.replace("acme/models", NAME))
    (files / "infra").symlink_to(PAYLOAD / "infra")
    monkeypatch.chdir(files)
    monkeypatch.setattr("mlops.destroy.read_caller", lambda aws: Caller(ACCOUNT, "arn:aws:iam::1:user/ada"))
    monkeypatch.setattr("mlops.destroy.look", lambda clients, scope: Inventory((), (), (), ()))
    return files


def test_the_verb_shows_asks_and_removes(
    settings: GithubSettings, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["destroy", "staging", "--forge", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert all(f"goes   {name} of the forge" in said for name in STAGING)
    assert run(["destroy", "staging", "--forge", "--yes", "other"]) == 2, "the name was not typed"
    assert sorted(settings.removals(emptied)) == sorted(STAGING + OTHERS)
    assert run(["destroy", "staging", "--yes", "acme"]) == 0, "settings go when asked alone"
    assert sorted(settings.removals(emptied)) == sorted(STAGING + OTHERS)
    assert run(["destroy", "staging", "--forge", "--yes", "acme"]) == 0
    assert sorted(settings.removals(emptied)) == OTHERS
    assert run(["destroy", "staging", "--forge"]) == 0, "nothing is left to ask for"


def test_settings_stay_while_anything_on_aws_is_left(
    settings: GithubSettings, emptied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = Inventory((), (), (), (Unseen("role", "AccessDenied"),))
    monkeypatch.setattr("mlops.destroy.look", lambda clients, scope: left)
    assert (
        run(["destroy", "training", "--forge", "--yes", "acme", "--gone", "staging", "--gone", "prod"]) == 1
    )
    assert sorted(settings.removals(emptied)) == sorted(STAGING + OTHERS)
