"""Settings files of a project, applied when the sandbox starts; what outlives its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.errors import SandboxError
from sandbox.forge.ground import Environment
from tests.sandbox.forge.conftest import NAME, Desk, ruleset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.forge.app import Forge

POLICY = {"protected_branches": False, "custom_branch_policies": True}


def write(root: Path, files: dict[str, Any]) -> Path:
    for name, body in files.items():
        path = root / ".github" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body if isinstance(body, str) else json.dumps(body))
    return root


def test_rulesets_and_environments_are_applied_and_applying_again_changes_nothing(desk: Desk) -> None:
    root = write(
        desk.folder / "project",
        {
            "rulesets/main.json": ruleset(checks=("test",)),
            "environments/prod.json": {"deployment_branch_policy": POLICY, "branches": ["main"]},
        },
    )
    desk.forge.start(desk.url, root)
    first = desk.ask("ada", "GET", "/rulesets")
    desk.forge.start(desk.url, root)
    again = desk.ask("ada", "GET", "/rulesets")
    assert [one["id"] for one in first] == [one["id"] for one in again]
    assert desk.forge.ground.environment("prod") == Environment("prod", (), False, ("main",))


def test_branches_that_a_file_no_longer_names_are_taken_back(desk: Desk) -> None:
    files = {"environments/prod.json": {"deployment_branch_policy": POLICY, "branches": ["main", "old"]}}
    desk.forge.start(desk.url, write(desk.folder / "project", files))
    files["environments/prod.json"]["branches"] = ["main"]
    desk.forge.start(desk.url, write(desk.folder / "project", files))
    found = desk.forge.ground.environment("prod")
    assert found is not None
    assert found.branches == ("main",)


def test_jobs_may_propose_unless_the_project_says_otherwise(desk: Desk) -> None:
    path = "/actions/permissions/workflow"
    assert desk.ask("ada", "GET", path)["can_approve_pull_request_reviews"] is True
    files = {"workflow-permissions.json": {"can_approve_pull_request_reviews": False}}
    desk.forge.start(desk.url, write(desk.folder / "project", files))
    assert desk.ask("ada", "GET", path)["can_approve_pull_request_reviews"] is False


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("rulesets/main.json", {"name": "main"}, r"\.github/rulesets/main\.json: .* refuses POST /rulesets"),
        ("rulesets/main.json", "{", r"main\.json: not JSON"),
        ("environments/prod.json", [], r"prod\.json: holds list, not an object"),
    ],
)
def test_a_file_that_does_not_apply_is_named(desk: Desk, name: str, body: Any, said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        desk.forge.start(desk.url, write(desk.folder / "project", {name: body}))


def test_another_life_has_the_same_people_pulls_reviews_and_rules(
    desk: Desk, make_forge: Callable[[], Forge]
) -> None:
    desk.rule()
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    desk.approve(1, "cleo")
    desk.ask("ada", "PUT", "/environments/prod")
    desk.forge.close()
    again = Desk(make_forge(), desk.url, desk.folder)
    assert again.token("ben") == desk.token("ben")
    assert again.forge.ground.environment("prod") is not None
    again.ask("ben", "PUT", "/pulls/1/merge")
    assert again.ask("ben", "POST", "/issues", {"title": "Next"})["number"] == 2
    again.forge.close()


def test_a_refused_call_leaves_nothing_behind(desk: Desk) -> None:
    desk.commit("topic", {"a.txt": "one"})
    desk.propose()
    before = desk.ask("ben", "GET", "/pulls/1")
    body = {"title": "Changed", "base": "gone"}
    assert desk.refusal("ben", "PATCH", "/pulls/1", body)[0] == 422
    assert desk.ask("ben", "GET", "/pulls/1") == before


def test_trust_policies_learn_the_repositorys_numbers(desk: Desk) -> None:
    ids = desk.forge.repository_ids()
    found = desk.ask("ada", "GET", "")
    assert f"{ids['Owner']}/{ids['Repository']}" == NAME == found["full_name"]
    assert (ids["OwnerId"], ids["RepositoryId"]) == (str(found["owner"]["id"]), str(found["id"]))
