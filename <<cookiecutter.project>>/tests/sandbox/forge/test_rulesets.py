"""Rulesets over the API: what is taken, shown, and refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.forge.conftest import ruleset

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk


def test_a_branch_shows_its_rules_and_where_they_come_from(desk: Desk) -> None:
    made = desk.rule(checks=("test",))
    rules = desk.ask("eve", "GET", "/rules/branches/main")
    types = [rule["type"] for rule in rules]
    assert types == ["pull_request", "non_fast_forward", "deletion", "required_status_checks"]
    assert {rule["ruleset_id"] for rule in rules} == {made["id"]}
    assert desk.ask("eve", "GET", "/rules/branches/feature/x") == []


def test_an_export_is_taken_back_as_it_is(desk: Desk) -> None:
    made = desk.rule(checks=("test",))
    exported = desk.ask("ada", "GET", f"/rulesets/{made['id']}")
    assert desk.call("ada", "DELETE", f"/rulesets/{made['id']}").status_code == 204
    again = desk.ask("ada", "POST", "/rulesets", exported)
    assert {key: again[key] for key in ruleset()} == ruleset(checks=("test",))
    assert desk.refusal("ada", "GET", f"/rulesets/{made['id']}") == (404, "Not Found")


def test_a_ruleset_is_changed_in_part_and_listed_in_short(desk: Desk) -> None:
    made = desk.rule()
    desk.ask("ada", "PUT", f"/rulesets/{made['id']}", {"enforcement": "disabled"})
    (short,) = desk.ask("ada", "GET", "/rulesets")
    assert (short["name"], short["enforcement"], "rules" in short) == ("main", "disabled", False)
    assert desk.ask("ada", "GET", "/rules/branches/main") == []


def test_who_may_bypass_is_told_to_writers_only(desk: Desk) -> None:
    admins = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "pull_request"}
    path = f"/rulesets/{desk.rule(bypass_actors=[admins])['id']}"
    assert desk.ask("ben", "GET", path)["bypass_actors"] == [admins]
    assert "bypass_actors" not in desk.ask("eve", "GET", path)
    bypass = {who: desk.ask(who, "GET", path)["current_user_can_bypass"] for who in ("ada", "ben")}
    assert bypass == {"ada": "pull_requests_only", "ben": "never"}


def changed(**members: Any) -> dict[str, Any]:
    return {**ruleset(), **members}


def with_rule(kind: str, **parameters: Any) -> dict[str, Any]:
    return changed(rules=[{"type": kind, "parameters": parameters}])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (changed(name=""), "Ruleset missing_field name"),
        (changed(enforcement="sometimes"), "Ruleset invalid enforcement"),
        (changed(target="tag"), "does not enforce rulesets for 'tag'"),
        (changed(bypass_actors=[{"bypass_mode": "odd"}]), "Ruleset invalid bypass_actors"),
        (with_rule("required_signatures"), "does not enforce the rule 'required_signatures'"),
        (with_rule("pull_request"), "Invalid rule 'pull_request': dismiss_stale_reviews_on_push is None"),
        (
            with_rule("required_status_checks", required_status_checks="test"),
            "Invalid rule 'required_status_checks': required_status_checks is 'test', not a list",
        ),
        (ruleset(required_reviewers=[{"minimum_approvals": 1}]), "does not enforce required_reviewers"),
    ],
)
def test_what_the_forge_would_not_enforce_is_refused(desk: Desk, body: dict[str, Any], said: str) -> None:
    status, found = desk.refusal("ada", "POST", "/rulesets", body)
    assert status == 422
    assert said in found


def test_two_rulesets_do_not_share_a_name(desk: Desk) -> None:
    desk.rule()
    said = "Validation Failed | Ruleset custom name Name must be unique"
    assert desk.refusal("ada", "POST", "/rulesets", ruleset()) == (422, said)


def test_a_pattern_takes_branches_in_and_leaves_some_out(desk: Desk) -> None:
    names = {"include": ["~ALL"], "exclude": ["refs/heads/mlops/*"]}
    desk.ask("ada", "POST", "/rulesets", changed(conditions={"ref_name": names}))
    assert desk.ask("ada", "GET", "/rules/branches/topic") != []
    assert desk.ask("ada", "GET", "/rules/branches/mlops/prod/tumor") == []
