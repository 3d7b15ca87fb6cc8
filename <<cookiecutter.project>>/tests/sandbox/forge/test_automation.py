"""Workflows that are switched off, and the subject of identity tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sandbox.forge.conftest import Desk

PERMISSIONS = "/actions/permissions"
SUBJECT = "/actions/oidc/customization/sub"


def test_what_happens_starts_nothing_while_actions_are_off(desk: Desk) -> None:
    before = len(desk.runs.events)
    desk.ask("ada", "PUT", PERMISSIONS, {"enabled": False})
    desk.commit("off", {"a.txt": "a"})
    assert desk.ask("ada", "GET", PERMISSIONS)["enabled"] is False
    assert len(desk.runs.events) == before
    desk.ask("ada", "PUT", PERMISSIONS, {"enabled": True})
    desk.commit("on", {"a.txt": "a"})
    assert len(desk.runs.events) == before + 1


@pytest.mark.parametrize("body", [{}, {"enabled": True, "allowed_actions": "local_only"}])
def test_what_would_not_be_enforced_is_refused(desk: Desk, body: dict[str, object]) -> None:
    assert desk.call("ada", "PUT", PERMISSIONS, body).status_code == 422


def test_only_administrators_may_say_what_actions_do(desk: Desk) -> None:
    assert desk.call("ben", "GET", PERMISSIONS).status_code == 403
    assert desk.call("ben", "PUT", PERMISSIONS, {"enabled": False}).status_code == 403


def test_tokens_have_the_default_subject_and_no_other(desk: Desk) -> None:
    assert desk.call("ada", "PUT", SUBJECT, {"use_default": True}).status_code == 201
    assert desk.call("ada", "PUT", SUBJECT, {"use_default": False}).status_code == 422
