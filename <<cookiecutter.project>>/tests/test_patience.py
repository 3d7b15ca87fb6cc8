"""A forge that is busy or down: waited for while that takes seconds, one line where it takes longer."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import requests

from mlops.forge import ForgeError
from mlops.github_forge import connect
from tests.sandbox.forge.conftest import NAME

if TYPE_CHECKING:
    from mlops.github_forge import GithubForge
    from tests.sandbox.forge.conftest import Desk

PIN = "releases/prod/guess.yml"
BRANCH = "mlops/prod/guess"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long a client would have waited before each attempt: nobody waits here."""
    pauses: list[float] = []
    watch = SimpleNamespace(sleep=pauses.append, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr("urllib3.util.retry.time", watch)
    return pauses


def fail(desk: Desk, status: int, count: int = 1, match: str = "", **headers: str) -> None:
    """Let the next requests fail."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    limited = "X-RateLimit-Reset" in named
    fault = {"status": status, "count": count, "match": match, "headers": named}
    said = {"message": "API rate limit exceeded for user ID 5002."} if limited else {}
    requests.post(f"{desk.url}/_faults", json=fault | said, timeout=5).raise_for_status()


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_forge_that_says_when_to_come_back_is_asked_again_then(
    desk: Desk, hub: GithubForge, slept: list[float], status: int
) -> None:
    fail(desk, status, 2, Retry_After="7")
    assert hub.find_branch("main") is not None
    assert slept == [7, 7]


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_that_ends_soon_is_waited_for(
    desk: Desk, hub: GithubForge, slept: list[float], status: int
) -> None:
    fail(desk, status, X_RateLimit_Reset=str(int(time.time()) + 30))
    assert hub.find_branch("main") is not None
    assert len(slept) == 1
    assert 25 < slept[0] <= 60


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("header", ["Retry_After", "X_RateLimit_Reset"])
def test_a_limit_that_ends_late_is_left_to_a_later_run(
    desk: Desk, hub: GithubForge, slept: list[float], status: int, header: str
) -> None:
    value = "3600" if header == "Retry_After" else str(int(time.time()) + 3600)
    fail(desk, status, 1, "", **{header: value})
    with pytest.raises(
        ForgeError, match=r"(rate limit is used up|come back in 3600 seconds).*; run the same command again"
    ):
        hub.find_branch("main")
    assert slept == []


@pytest.mark.parametrize("match", ["GET .*/git/ref/", "POST .*/git/trees", "PATCH .*/git/refs/"])
def test_an_outage_of_seconds_is_waited_out_by_every_method(
    desk: Desk, hub: GithubForge, slept: list[float], match: str
) -> None:
    hub.push_file(BRANCH, PIN, "one\n", "Promote")
    fail(desk, 503, 3, match)
    made = hub.push_file(BRANCH, PIN, "two\n", "Promote")
    assert hub.find_branch(BRANCH) == made
    assert len(slept) >= 2


def test_an_outage_that_lasts_is_one_line(desk: Desk, hub: GithubForge, slept: list[float]) -> None:
    fail(desk, 503, 50)
    with pytest.raises(ForgeError, match="Nothing is lost: run the same command again") as caught:
        hub.find_pull(BRANCH)
    assert "\n" not in str(caught.value)
    assert sum(slept) < 60, "a run that cannot go on holds its machine"


def test_a_forge_that_is_down_is_one_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1/api/v3")
    with pytest.raises(
        ForgeError, match=r"the forge cannot be reached.*run the same command again"
    ) as caught:
        connect(NAME).find_pull(BRANCH)
    assert "\n" not in str(caught.value)
