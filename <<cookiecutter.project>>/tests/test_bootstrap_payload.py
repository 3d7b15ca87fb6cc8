"""The project's own infra/: three accounts, every stack made, and nothing left to do for a second run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlops.cli import run
from tests.conftest import ACCOUNT
from tests.live import PAYLOAD
from tests.newcomer import PROD, STAGING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.newcomer import Newcomer

NO_ATHENA = ["--set", "Queries=none"]  # the sandbox has none


def test_the_whole_foundation_is_made_and_trusts_this_repository_alone(
    settle: Callable[..., Newcomer], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    templates = {path.stem: path.read_text() for path in (PAYLOAD / "infra").glob("*.yml")}
    new = settle(STAGING, PROD, **templates)
    for account in (ACCOUNT, STAGING, PROD):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIAROOT{account}")
        assert run(["bootstrap", "--yes", *NO_ATHENA]) == 0
        assert set(new.stacks(account).values()) == {"CREATE_COMPLETE"}
    capsys.readouterr()
    assert run(["bootstrap", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "create " not in said
    assert "update " not in said
    role = new.place.client("iam", PROD).get_role(RoleName=f"{new.name}-deploy-prod")["Role"]
    trust = json.dumps(role["AssumeRolePolicyDocument"])
    repository = new.place.repository()
    assert f'"{repository["id"]}"' in trust
    assert f"repo:acme@{repository['owner']['id']}/models@{repository['id']}:environment:prod" in trust
