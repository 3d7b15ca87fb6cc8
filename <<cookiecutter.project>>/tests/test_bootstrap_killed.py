"""`bootstrap` killed after every one of its AWS calls: the next run ends where an undisturbed one does."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient

from mlops.cli import run
from tests.newcomer import STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.newcomer import Newcomer

REACH = 300  # more calls than one run makes
CREATED = STORE
UPDATED = STORE.replace("${Color}", "${Color}-things")


def count_calls(monkeypatch: pytest.MonkeyPatch, after: int = REACH) -> list[str]:
    """The names of this process's AWS calls, as they are answered; it dies of SIGKILL after one of them."""
    calls: list[str] = []
    plain = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, operation: str, arguments: Any) -> Any:
        try:
            return plain(client, operation, arguments)
        finally:
            calls.append(operation)
            if len(calls) == after:
                os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return calls


def die_after(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Bootstrap in a process that is killed after some call."""
    child = os.fork()
    if child == 0:
        try:
            count_calls(monkeypatch, after)
            run(["bootstrap", "--yes"])
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"call {after} never came"


def worth_dying_after(calls: list[str]) -> list[int]:
    """The numbers of the calls that change something, and of the first look after each."""
    changing = [
        number
        for number, name in enumerate(calls, start=1)
        if not name.startswith(("Describe", "List", "Get"))
    ]
    return sorted({after for number in changing for after in (number, number + 1) if after < len(calls)})


@pytest.mark.parametrize("earlier", ["", CREATED], ids=["created", "updated"])
def test_a_run_killed_after_any_call_is_finished_by_the_next(
    settle: Callable[..., Newcomer], monkeypatch: pytest.MonkeyPatch, earlier: str
) -> None:
    def begin() -> Newcomer:
        new = settle(store=earlier or UPDATED)
        if earlier:
            assert run(["bootstrap", "--yes"]) == 0
            (new.root / "infra/store.yml").write_text(UPDATED)
        return new

    undisturbed = begin()
    with monkeypatch.context() as patched:
        calls = count_calls(patched)
        assert run(["bootstrap", "--yes"]) == 0
    expected = undisturbed.inventory()
    assert "ExecuteChangeSet" in calls
    for after in worth_dying_after(calls):
        new = begin()
        die_after(monkeypatch, after)
        assert run(["bootstrap", "--yes"]) == 0
        assert new.inventory() == expected, f"killed after call {after}, {calls[after - 1]}"
