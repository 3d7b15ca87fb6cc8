"""A tombstone takes the place of a pin; the endpoint goes when it has drained, and not before."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.errors import MlopsError
from mlops.pin import Retired, Tombstone, parse_pin_file, pin_path
from mlops.retire import make_tombstone
from mlops.workspace import Workspace
from tests.conftest import commit
from tests.duties import run

if TYPE_CHECKING:
    from mlops.approvals import Approved, Move
    from tests.duties import Acting
    from tests.live import Bench

    Said = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("today", "over"),
    [("2026-03-01", False), ("2026-03-14", False), ("2026-03-15", True), ("2026-04-01", True)],
)
def test_an_endpoint_drains_for_as_many_days_as_it_says(today: str, over: bool) -> None:
    assert Retired(since="2026-03-01", drain_days=14).is_over(date.fromisoformat(today)) is over


def retire(bench: Bench, model: str, capsys: Said, drain_days: int) -> Tombstone:
    capsys.readouterr()
    assert cli.run(["retire", model, "--env", "staging", "--drain-days", str(drain_days), "--dry-run"]) == 0
    text = capsys.readouterr().out
    (bench.root / pin_path("staging", model)).write_text(text)
    commit(bench.root, "Retire")
    tombstone = parse_pin_file(text, "staging", model)
    assert isinstance(tombstone, Tombstone)
    return tombstone


def test_a_retired_model_answers_until_it_has_drained(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    cli.run(["deploy", "staging", name])
    assert retire(bench, name, capsys, drain_days=7).last_release == artifact.release
    assert cli.run(["check"]) == 0
    assert cli.run(["deploy", "staging"]) == 0
    assert f"{name}: drains since" in capsys.readouterr().out
    assert bench.ask(name) == "first"


@pytest.mark.recorded
def test_a_drained_endpoint_goes_with_its_alarms(
    bench: Bench, name: str, capsys: Said, acting: Acting
) -> None:
    bench.pin(name, bench.register(name, "first"))
    run(acting, "deploy-staging", "deploy", "staging", name)
    retire(bench, name, capsys, drain_days=0)
    assert run(acting, "deploy-staging", "deploy", "staging") == 0
    assert f"{name}: retire, release" in capsys.readouterr().out
    assert bench.aws.sagemaker.list_endpoints(NameContains=name)["Endpoints"] == []
    prefix = f"acme-staging-{name}."
    assert bench.aws.cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"] == []
    assert cli.run(["deploy", "staging"]) == 0, "a second run"


def test_what_is_not_pinned_cannot_be_retired(bench: Bench, name: str) -> None:
    with pytest.raises(MlopsError, match="is not pinned in staging at HEAD; there is nothing to retire"):
        make_tombstone(Workspace(bench.root, bench.project), "staging", name, date(2026, 1, 1), 1)


def test_an_endpoint_stays_until_people_have_approved_its_tombstone(
    bench: Bench, name: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    retire(bench, name, capsys, drain_days=0)
    with monkeypatch.context() as patch:
        patch.setattr("mlops.deploy.open_counter", lambda workspace: refuse)
        assert cli.run(["deploy", "staging"]) == 1
    assert f"{name}: retire, release" in (said := capsys.readouterr().out)
    assert "#7 has 0 of 1 approvals" in said
    assert bench.ask(name) == "first"
    assert evidence(bench, name) == 1, "of its pin, not of its tombstone"
    assert cli.run(["deploy", "staging"]) == 0
    assert bench.aws.sagemaker.list_endpoints(NameContains=name)["Endpoints"] == []
    assert evidence(bench, name) == 2


def refuse(move: Move) -> Approved:
    raise MlopsError("pull request #7 has 0 of 1 approvals (nobody reviewed it)")


def evidence(bench: Bench, model: str) -> int:
    """How many pins and tombstones of a model were approved."""
    bucket, prefix = bench.project.releases_bucket, f"evidence/staging/{model}/"
    return int(bench.aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"])
