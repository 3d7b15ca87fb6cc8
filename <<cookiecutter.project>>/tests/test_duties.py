"""Each verb as the role whose job it is; tests/sandbox/test_roles.py has what each role may not."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from mlops.pin import pin_path
from mlops.project import ENVIRONMENTS
from tests.conftest import commit
from tests.duties import run
from tests.firm import await_true
from tests.live import run_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.project import Environment
    from mlops.release import Artifact
    from tests.duties import Acting
    from tests.live import Bench


def ship(bench: Bench, model: str, acting: Acting, *weights: str, **serve: Any) -> list[Artifact]:
    """Releases, each of them deployed to both environments after the other."""
    artifacts = [bench.register(model, each) for each in weights]
    for artifact in artifacts:
        for environment in ENVIRONMENTS:
            bench.pin(model, artifact, environment, **serve)
            assert run(acting, f"deploy-{environment}", "deploy", environment, model) == 0
    return artifacts


@pytest.mark.recorded
def test_two_environments_are_deployed_rolled_back_and_looked_at_by_their_own_roles(
    bench: Bench, name: str, acting: Acting, capsys: pytest.CaptureFixture[str]
) -> None:
    ship(bench, name, acting, "first", "second")
    assert run(acting, "deploy-prod", "deploy", "prod", name) == 0, "again"
    assert bench.ask(name, "prod") == "second"
    assert run(acting, "rollback-prod", "rollback", name, "--env", "prod", "--now") == 0
    assert bench.ask(name, "prod") == "first"
    capsys.readouterr()
    assert run(acting, "deploy-prod", "status", "prod", "--json") == 1
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["model"] == name]
    assert "serves config" in row["drift"]


@pytest.mark.recorded
def test_what_a_hand_did_is_ratified_and_a_model_retired_by_their_own_roles(
    bench: Bench, name: str, acting: Acting, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = ship(bench, name, acting, "first", "second", capture={"percent": 100})
    assert bench.ask(name, "prod") == bench.ask(name) == "second"
    for environment in ENVIRONMENTS:
        assert run(acting, f"rollback-{environment}", "rollback", name, "--env", environment, "--now") == 0
        assert run(acting, f"deploy-{environment}", "deploy", environment, name) == 1
        assert "rolled back by hand" in capsys.readouterr().out
        bench.pin(name, first, environment, capture={"percent": 100})
        assert run(acting, f"deploy-{environment}", "deploy", environment, name) == 0
        retire(bench, name, environment, acting, capsys)
    for environment in ENVIRONMENTS:
        await_true(functools.partial(captured, bench, environment, name))


def retire(
    bench: Bench, model: str, environment: Environment, acting: Acting, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bury a model at once, by the tombstone that its verb writes."""
    words = ["retire", model, "--env", environment, "--drain-days", "0", "--dry-run"]
    capsys.readouterr()
    assert run(acting, "ci", *words) == 0
    (bench.root / pin_path(environment, model)).write_text(capsys.readouterr().out)
    commit(bench.root, f"Retire {model}")
    assert run(acting, f"deploy-{environment}", "deploy", environment) == 0
    names = bench.aws.sagemaker.list_endpoints(NameContains=f"{environment}-{model}")
    assert names["Endpoints"] == []


def captured(bench: Bench, environment: Environment, model: str) -> int:
    """How many files an endpoint has captured."""
    prefix = f"capture/{environment}/{bench.project.endpoint(environment, model)}/"
    return int(bench.aws.s3.list_objects_v2(Bucket=bench.project.data_bucket, Prefix=prefix)["KeyCount"])


@pytest.mark.recorded
def test_the_trail_and_the_evidence_are_read_by_the_auditors_role(
    bench: Bench, name: str, acting: Acting, live: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ship(bench, name, acting, "first")
    run_sandbox(live, "trail")
    capsys.readouterr()
    run(acting, "audit", "audit", "--fetch")
    _, complaints = capsys.readouterr()  # the report tells of refusals that other tests brought about
    assert "AccessDenied" not in complaints
    assert re.search(r"fetched [1-9]\d* objects", complaints), complaints


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
