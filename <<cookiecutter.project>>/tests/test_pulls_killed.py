"""`propose` killed after every one of its requests to the forge: the next run ends where one alone does."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.connectionpool import HTTPConnectionPool

from mlops.github_forge import connect
from mlops.pulls import Change, publish
from sandbox.forge.calls import Answer, Call, Route
from tests.hub import open_desk
from tests.sandbox.forge.conftest import NAME, Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hub import Port
    from tests.sandbox.forge.conftest import Desk

REACH = 40  # more requests than one proposal makes
WHERE = "/repos/<owner>/<name>"
MARKER = "<!-- mlops:proposal environment=prod model=guess release=sha256:{} -->"
FIRST = Change("prod", "guess", "", "releases/prod/guess.yml", "one\n", "Promote", MARKER.format("a" * 64))
NEWER = replace(FIRST, text="two\n", title="Promote another", body=MARKER.format("b" * 64))


@dataclass
class Checks(Recorder):
    """Runs that take note of the checks that somebody starts."""

    def __post_init__(self) -> None:
        self.routes += [
            Route("POST", f"{WHERE}/actions/workflows/<file>/dispatches", self.start),
            Route("GET", f"{WHERE}/commits/<sha>/check-runs", self.index),
        ]

    def start(self, call: Call) -> Answer:
        head = self.ground.repository.branch(call.body["ref"])
        assert head is not None
        self.finish(head, "check", "success")
        return Answer(status=204)

    def index(self, call: Call) -> Answer:
        found = self.checks(str(call.arguments["sha"]))
        return Answer({"total_count": len(found), "check_runs": found})


@pytest.fixture
def bots(forge_port: Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A forge on which a workflow's token acts."""
    for desk in open_desk(forge_port, tmp_path, Checks):
        desk.call("ada", "PUT", "/actions/permissions/workflow", {"can_approve_pull_request_reviews": True})
        monkeypatch.setenv("GITHUB_API_URL", f"{desk.url}/api/v3")
        token = desk.job(contents="write", pull_requests="write", actions="write", checks="read")
        monkeypatch.setenv("GITHUB_TOKEN", token)
        yield desk


def propose(change: Change, after: int = REACH) -> int:
    """Publish a change in a process that dies of SIGKILL once so many requests are answered; their number."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        ask, asked = HTTPConnectionPool.urlopen, 0

        def urlopen(self: HTTPConnectionPool, *arguments: Any, **named: Any) -> Any:
            nonlocal asked
            answer, asked = ask(self, *arguments, **named), asked + 1
            os.write(writing, b".")
            if asked == after:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        HTTPConnectionPool.urlopen = urlopen  # type: ignore[method-assign]
        try:
            publish(connect(NAME), change, asked=False)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) if after < REACH else status == 0, f"after {after}: {status}"
    with os.fdopen(reading, "rb") as pipe:
        return len(pipe.read())


def state(desk: Desk, branch: str) -> dict[str, Any]:
    """What people see of a proposal."""
    pulls = desk.ask("ada", "GET", "/pulls?state=all")
    mine = [pull for pull in pulls if pull["head"]["ref"] == branch]
    return {
        "pulls": [(pull["state"], pull["title"], pull["body"]) for pull in mine],
        "pin": connect(NAME).read_file(FIRST.path, branch),
        "checks": {check["name"] for pull in mine for check in desk.runs.checks(pull["head"]["sha"])},
    }


def test_a_proposal_is_opened_once(bots: Desk) -> None:
    count = propose(replace(FIRST, branch="whole"))
    expected = state(bots, "whole")
    assert expected["pulls"] == [("open", FIRST.title, FIRST.body)]
    assert (expected["pin"], expected["checks"]) == (b"one\n", {"check"})
    for after in range(1, count + 1):
        change = replace(FIRST, branch=f"killed{after}")
        propose(change, after)
        propose(change)
        assert state(bots, change.branch) == expected, f"killed after request {after} of {count}"


def test_a_newer_release_takes_its_place(bots: Desk) -> None:
    propose(replace(FIRST, branch="whole"))
    count = propose(replace(NEWER, branch="whole"))
    expected = state(bots, "whole")
    assert expected["pulls"] == [("open", NEWER.title, NEWER.body)]
    assert (expected["pin"], expected["checks"]) == (b"two\n", {"check"})
    for after in range(1, count + 1):
        branch = f"killed{after}"
        propose(replace(FIRST, branch=branch))
        propose(replace(NEWER, branch=branch), after)
        propose(replace(NEWER, branch=branch))
        assert state(bots, branch) == expected, f"killed after request {after} of {count}"
