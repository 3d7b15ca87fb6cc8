"""The forge's settings: compared with their files, written where they differ, told as commands."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mlops.bootstrap import is_of_plan
from mlops.errors import MlopsError, UsageError
from mlops.forge import ForgeError
from mlops.forge_settings import Request, compare_environment, compare_subject, covers, read_json
from mlops.github_settings import connect_settings
from tests.live import PAYLOAD

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.github_settings import GithubSettings
    from tests.sandbox.forge.conftest import Desk

NAMES = [
    "ruleset 'main'",
    "environment 'prod'",
    "environment 'rollback-prod'",
    "environment 'rollback-staging'",
    "environment 'staging'",
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A project's settings files."""
    root = tmp_path / "project"
    for folder in ("rulesets", "environments"):
        shutil.copytree(PAYLOAD / ".github" / folder, root / ".github" / folder)
    return root


@pytest.fixture
def settings(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> GithubSettings:
    """The settings of a forge's repository, as its administrator sees them."""
    monkeypatch.setenv("GITHUB_TOKEN", desk.token("ada"))
    return connect_settings(desk.forge.repository.full_name)


def write_all(settings: GithubSettings, root: Path) -> list[str]:
    """Make every setting as the files say; the names of those that were not."""
    missing = settings.compare(root)
    for setting in missing:
        for request in setting.requests:
            settings.write(request)
    return [setting.name for setting in missing]


def edit_json(path: Path, **members: Any) -> None:
    """Change members of a settings file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **members}))


def test_a_new_repository_gets_every_setting_once(settings: GithubSettings, files: Path) -> None:
    assert write_all(settings, files) == NAMES
    assert write_all(settings, files) == []


def test_jobs_may_open_pull_requests_and_else_read(settings: GithubSettings, files: Path) -> None:
    path = "/actions/permissions/workflow"
    settings.write(
        Request(
            "PUT", path, {"default_workflow_permissions": "write", "can_approve_pull_request_reviews": False}
        )
    )
    assert "rights of jobs" in write_all(settings, files)
    assert "rights of jobs" not in write_all(settings, files)


def test_a_changed_ruleset_is_put_back(settings: GithubSettings, files: Path) -> None:
    write_all(settings, files)
    edit_json(files / ".github/rulesets/main.json", enforcement="disabled")
    assert write_all(settings, files) == ["ruleset 'main'"]
    shutil.copytree(PAYLOAD / ".github/rulesets", files / ".github/rulesets", dirs_exist_ok=True)
    assert write_all(settings, files) == ["ruleset 'main'"]
    assert settings.compare(files) == []


def test_branches_that_may_deploy_are_those_of_the_file(settings: GithubSettings, files: Path) -> None:
    write_all(settings, files)
    staging = files / ".github/environments/staging.json"
    edit_json(staging, branches=["release"])
    assert write_all(settings, files) == ["environment 'staging'"]
    assert settings.compare(files) == []


def test_reviewers_are_part_of_an_environment(desk: Desk, settings: GithubSettings, files: Path) -> None:
    ben = desk.forge.ground.people.find("ben")
    assert ben is not None
    edit_json(files / ".github/environments/prod.json", reviewers=[{"type": "User", "id": ben.id}])
    write_all(settings, files)
    assert settings.compare(files) == []


def test_the_repository_is_known_by_its_numbers(desk: Desk, settings: GithubSettings) -> None:
    found = settings.identify()
    assert found.parameters == desk.forge.repository_ids()
    assert found.is_admin


def test_a_token_that_may_only_write_code_is_no_administrators(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", desk.token("ben"))
    settings = connect_settings(desk.forge.repository.full_name)
    assert not settings.identify().is_admin
    with pytest.raises(ForgeError, match="Must have admin rights"):
        settings.write(Request("POST", "/rulesets", {"name": "main"}))


def test_a_repository_that_is_not_there_is_told_with_the_command_that_makes_it(desk: Desk) -> None:
    with pytest.raises(MlopsError, match=r"gh repo create acme/other --private --source \. --push"):
        connect_settings("acme/other").identify()


def test_a_request_can_be_typed() -> None:
    typed = Request("PUT", "/environments/prod", {"wait_timer": 0}).command("acme/shop")
    assert typed == (
        """echo '{"wait_timer": 0}' | gh api -X PUT repos/acme/shop/environments/prod --input -"""
    )
    assert Request("DELETE", "/x").command("acme/shop") == "gh api -X DELETE repos/acme/shop/x"


@pytest.mark.parametrize(
    ("live", "wanted", "is_covered"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([{"type": "b"}, {"type": "a", "id": 1}], [{"type": "a"}, {"type": "b"}], True),
        ([{"type": "a"}, {"type": "c"}], [{"type": "a"}], False),
        (None, {}, False),
    ],
)
def test_what_the_forge_adds_is_no_difference(live: Any, wanted: Any, is_covered: bool) -> None:
    assert covers(live, wanted) is is_covered


def test_an_environment_for_all_branches_asks_for_no_policies() -> None:
    setting = compare_environment("staging", {"deployment_branch_policy": None}, None, {})
    assert setting is not None
    assert [request.method for request in setting.requests] == ["PUT"]


def test_a_customised_subject_is_set_back() -> None:
    setting = compare_subject({"use_default": False, "include_claim_keys": ["repo", "context"]})
    assert setting is not None
    assert "(repo, context)" in setting.because
    assert compare_subject({"use_default": True}) is None


@pytest.mark.parametrize(
    "said",
    [
        "403: Upgrade to GitHub Pro or make this repository public to enable this feature.",
        "422: Please ensure the billing plan supports the required reviewers protection rule.",
    ],
)
def test_a_refusal_of_the_price_list_is_told_from_others(said: str) -> None:
    assert is_of_plan(said)
    assert not is_of_plan("the forge answered 403: Must have admin rights to Repository.")


def test_a_settings_file_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "main.json"
    path.write_text("[]")
    with pytest.raises(UsageError, match=r"main\.json: holds list, not an object"):
        read_json(path)
