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

CREATED = STORE
UPDATED = STORE.replace("${Color}", "${Color}-things")
# asked again and again until something is over: how often, differs from run to run
LOOKS = frozenset({"DescribeChangeSet", "DescribeStackEvents", "DescribeStacks"})
LONG = frozenset({"CreateChangeSet", "ExecuteChangeSet"})


def count_calls(monkeypatch: pytest.MonkeyPatch, after: int = 0, late: bool = False) -> list[str]:
    """The names of this process's AWS calls as they are answered, without looks.

    It dies of SIGKILL after one of them; `late` only after the first look that follows.
    """
    calls: list[str] = []
    plain = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, operation: str, arguments: Any) -> Any:
        try:
            return plain(client, operation, arguments)
        finally:
            is_look = operation in LOOKS
            if not is_look:
                calls.append(operation)
            if len(calls) == after and is_look is late:
                os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return calls


def die_after(monkeypatch: pytest.MonkeyPatch, after: int, late: bool) -> None:
    """Bootstrap in a process that is killed after some call."""
    child = os.fork()
    if child == 0:
        try:
            count_calls(monkeypatch, after, late)
            run(["bootstrap", "--yes"])
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"call {after} never came"


def places_to_die(calls: list[str]) -> list[tuple[int, bool]]:
    """After each call from the first that changes anything, and once more while what it began goes on."""
    first = min(calls.index(name) for name in LONG)
    numbers = range(first + 1, len(calls) + 1)
    return [(each, False) for each in numbers] + [(each, True) for each in numbers if calls[each - 1] in LONG]


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
    for after, late in places_to_die(calls):
        new = begin()
        die_after(monkeypatch, after, late)
        assert run(["bootstrap", "--yes"]) == 0
        assert new.inventory() == expected, f"killed after call {after}, {calls[after - 1]} {late=}"
