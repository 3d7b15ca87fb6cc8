"""The pin that `propose --dry-run` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.pin import parse_pin
from tests.conftest import commit, edit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.live import Bench


@pytest.fixture
def model(bench: Bench, name: str, make_model: Callable[[str], Path]) -> str:
    """A model of the work tree that no other test registers packages for."""
    edit(make_model(name) / "model.yml", "ml.m5.large}", "ml.m5.large, environments: {prod: {count: 2}}}")
    commit(bench.root, "Add")
    return name


def proposed(model: str, environment: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert cli.run(["propose", model, "--to", environment, "--dry-run"]) == 0
    return capsys.readouterr().out


def test_staging_takes_the_newest_package(
    bench: Bench, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.register(model, "first")
    second = bench.register(model, "second")
    pin = parse_pin(proposed(model, "staging", capsys), "staging", model)
    assert pin.artifact == second
    assert pin.promoted_from is None


def test_a_rejected_package_is_passed_over(
    bench: Bench, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = bench.register(model, "first"), bench.register(model, "second")
    bench.aws.sagemaker.update_model_package(ModelPackageArn=second.package, ModelApprovalStatus="Rejected")
    assert parse_pin(proposed(model, "staging", capsys), "staging", model).artifact == first


def test_prod_takes_what_staging_pins_and_says_where_from(
    bench: Bench, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = bench.register(model, "first")
    bench.register(model, "second")
    head = bench.pin(model, first)
    assert cli.run(["deploy", "staging", model]) == 0
    pin = parse_pin(proposed(model, "prod", capsys), "prod", model)
    assert pin.artifact == first
    assert pin.serving.serve.count == 2
    assert pin.promoted_from is not None
    assert (pin.promoted_from.environment, pin.promoted_from.commit) == ("staging", head)


def test_nothing_registered_says_what_to_type(
    bench: Bench, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["propose", model, "--to", "staging", "--dry-run"]) == 1
    expected = f"mlops: {model} to staging: no release is registered. Train one: mlops train {model} --wait\n"
    assert capsys.readouterr().err == expected


def test_nothing_in_staging_says_what_to_type(
    bench: Bench, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["propose", model, "--to", "prod", "--dry-run"]) == 1
    assert f"Promote it there first: mlops propose {model} --to staging" in capsys.readouterr().err


def test_prod_waits_for_the_soak(bench: Bench, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench.pin(model, bench.register(model, "first"), soak_minutes=60)
    cli.run(["deploy", "staging", model])
    capsys.readouterr()
    assert cli.run(["propose", model, "--to", "prod", "--dry-run"]) == 1
    assert "has not soaked in staging for 60 minutes yet" in capsys.readouterr().err


def test_a_release_that_git_went_back_from_is_proposed_only_by_name(
    bench: Bench, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = bench.register(model, "first"), bench.register(model, "second")
    for artifact in (second, first):
        bench.pin(model, artifact)
    cli.run(["propose", "--to", "staging", "--dry-run"])
    said = f"{model} to staging: release {second.release[7:19]} was pinned before and git went back from it"
    assert said in capsys.readouterr().out
    assert parse_pin(proposed(model, "staging", capsys), "staging", model).artifact == second
