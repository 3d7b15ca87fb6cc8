"""Each verb as the role whose job it is; tests/sandbox/test_roles.py has what each role may not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.duties import run

if TYPE_CHECKING:
    from tests.duties import Acting
    from tests.live import Bench


@pytest.mark.recorded
def test_two_environments_are_deployed_rolled_back_and_looked_at_by_their_own_roles(
    bench: Bench, name: str, acting: Acting, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = bench.register(name, "first"), bench.register(name, "second")
    for artifact in (first, second):
        for environment in ("staging", "prod"):
            bench.pin(name, artifact, environment)
            code = run(acting, f"deploy-{environment}", "deploy", environment, name)
            assert code == 0, capsys.readouterr().out
            assert run(acting, f"deploy-{environment}", "deploy", environment, name) == 0, "again"
    assert bench.ask(name, "prod") == "second"
    assert run(acting, "rollback-prod", "rollback", name, "--env", "prod", "--now") == 0
    assert bench.ask(name, "prod") == "first"
    capsys.readouterr()
    assert run(acting, "deploy-prod", "status", "prod", "--json") == 1
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["model"] == name]
    assert "serves config" in row["drift"]


def test_prod_is_not_deployed_by_stagings_role(
    bench: Bench, name: str, acting: Acting, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.pin(name, bench.register(name, "first"), "prod")
    assert run(acting, "deploy-staging", "deploy", "prod", name) == 1
    assert "AccessDenied" in "".join(capsys.readouterr())


@pytest.mark.parametrize("role", ["ci", "train", "rollback-staging", "developer"])
def test_nothing_is_deployed_by_a_role_with_another_duty(
    bench: Bench, name: str, acting: Acting, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.pin(name, bench.register(name, "first"))
    assert run(acting, role, "deploy", "staging", name) == 1
    assert "AccessDenied" in "".join(capsys.readouterr())
