"""Reviews that wait: told as a metric, heard of by an alarm, quiet again once somebody has decided."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.aws import answered_at
from mlops.forge import ForgeError, PullRequest
from mlops.pulls import branch_name
from mlops.waits import find_waits
from tests.live import run_sandbox
from tests.paper import BOT, Paper

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.live import Bench

    Acting = Callable[[str], AbstractContextManager[None]]

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PULL = PullRequest(3, "", "", "", "mlops/prod/guess", "a" * 40, "main", BOT, opened_at=NOW)
ALARM = "acme-training-review-waits"


@pytest.fixture
def forge(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Paper:
    """A forge whose clock is AWS's."""
    now = answered_at(bench.aws.s3.head_bucket(Bucket=bench.project.releases_bucket))
    forge = Paper(bench.root, now=now)
    monkeypatch.setattr("mlops.propose.open_forge", lambda project: forge)
    return forge


@pytest.mark.parametrize("kind", ["promote", "rollback"])
def test_a_pull_request_of_a_pin_waits_since_it_was_opened(kind: str) -> None:
    pull = replace(PULL, branch=branch_name(kind, "prod", "guess"))
    (wait,) = find_waits([pull], NOW + timedelta(hours=30))
    assert (wait.environment, wait.model, wait.hours) == ("prod", "guess", 30)


@pytest.mark.parametrize("branch", ["feature", "mlops/dev/guess", "x/mlops/prod/guess", "mlops/prod/guess/x"])
def test_a_pull_request_of_something_else_is_none_of_the_alarms(branch: str) -> None:
    assert find_waits([replace(PULL, branch=branch)], NOW) == []


def test_the_longest_wait_comes_first_and_none_is_negative() -> None:
    later = replace(PULL, branch="mlops/staging/guess", opened_at=NOW + timedelta(hours=2))
    found = find_waits([later, PULL], NOW + timedelta(hours=1))
    assert [(wait.environment, wait.hours) for wait in found] == [("prod", 1), ("staging", 0)]


def test_a_forgotten_review_rings_until_it_is_merged(
    bench: Bench, live: Path, forge: Paper, acting: Acting, capsys: pytest.CaptureFixture[str]
) -> None:
    pull = forge.open_pull("mlops/prod/guess", "Promote", "")
    propose(acting)
    await_state(bench, "OK")
    run_sandbox(live, "clock", "--forward", "25h")
    propose(acting)
    hours = re.findall(r"guess to prod: has waited (\d+) hours for people: https", capsys.readouterr().err)
    assert int(hours[-1]) >= 25
    await_state(bench, "ALARM")
    forge.close_pull(pull.number)
    propose(acting)
    run_sandbox(live, "clock", "--forward", "4h")
    await_state(bench, "OK")


def propose(acting: Acting) -> None:
    """What the schedule runs, as the role that it runs as."""
    with acting("ci"):
        assert cli.run(["propose"]) == 0


def await_state(bench: Bench, wanted: str) -> None:
    """The alarm of infra/observability.yml comes into a state."""
    deadline = time.monotonic() + 15
    while (found := read_alarm(bench)) != wanted:
        assert time.monotonic() < deadline, f"{ALARM} is {found}, wanted {wanted}"
        time.sleep(0.1)


def read_alarm(bench: Bench) -> str:
    """The state of the alarm."""
    (alarm,) = bench.aws.cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    return alarm["StateValue"]


def test_each_wait_is_a_metric_of_its_own(bench: Bench, name: str, forge: Paper) -> None:
    forge.open_pull(f"mlops/staging/{name}", "Promote", "")
    assert cli.run(["propose"]) == 0
    found = bench.aws.cloudwatch.list_metrics(Namespace="mlops/acme", MetricName="HoursWaiting")["Metrics"]
    wanted = [{"Name": "Environment", "Value": "staging"}, {"Name": "Model", "Value": name}]
    assert wanted in [metric["Dimensions"] for metric in found]
    assert [] in [metric["Dimensions"] for metric in found], "the alarm's own"


def test_a_run_that_could_not_tell_says_so(
    bench: Bench, forge: Paper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: Paper) -> list[PullRequest]:
        raise ForgeError("the forge answered 502")

    monkeypatch.setattr(Paper, "list_open", refuse)
    assert cli.run(["propose"]) == 1
    said = capsys.readouterr().err
    assert said == "no alarm hears how long pull requests wait: the forge answered 502\n"


def test_a_role_that_may_not_tell_is_refused(
    bench: Bench, forge: Paper, acting: Acting, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.open_pull("mlops/prod/guess", "Promote", "")
    with acting("train"):
        cli.run(["propose"])
    said = capsys.readouterr().err
    assert said.startswith("no alarm hears how long pull requests wait: HeadBucket was refused: 403")


def test_a_run_for_one_model_tells_nothing(bench: Bench, forge: Paper) -> None:
    forge.open_pull("mlops/prod/guess", "Promote", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlops.propose.tell_waits", lambda *_: pytest.fail("told"))
        assert cli.run(["propose", "--dry-run"]) == 0
        assert cli.run(["propose", "--to", "staging"]) == 0
