"""The soak: a release has to serve in staging, for its time and without an alarm, before prod may have it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlops import cli
from mlops.pin import parse_pin
from mlops.soak import has_soaked, soak_key
from tests.duties import run
from tests.live import HANDLER, SPEED

if TYPE_CHECKING:
    from tests.duties import Acting
    from tests.live import Bench

    Said = pytest.CaptureFixture[str]

MINUTES = 40  # two seconds in the sandbox's time
# the smoke request is answered, what `Bench.ask` sends is not
FAILING = HANDLER.replace(
    "    return model\n", "    if data in ('1', b'1'):\n        raise ValueError('no')\n    return model\n"
)


def deploy(bench: Bench, model: str) -> None:
    assert cli.run(["deploy", "staging", model]) == 0


def soaked(bench: Bench, model: str) -> bool:
    text = (bench.root / f"releases/staging/{model}.yml").read_text()
    return has_soaked(bench.aws.s3, bench.project, parse_pin(text, "staging", model))


def wait(minutes: float) -> None:
    """Let the sandbox's time pass."""
    time.sleep(minutes * 60 / float(SPEED))


def versions(bench: Bench, key: str) -> list[Any]:
    answer = bench.aws.s3.list_object_versions(Bucket=bench.project.releases_bucket, Prefix=key)
    return list(answer["Versions"])


@pytest.mark.recorded
def test_a_release_has_soaked_after_its_minutes_and_not_before(
    bench: Bench, name: str, acting: Acting
) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact, soak_minutes=MINUTES)
    for _ in range(2):
        deploy(bench, name)
        assert not soaked(bench, name)
    wait(MINUTES + 5)
    assert not soaked(bench, name), "nobody has looked yet"
    assert run(acting, "deploy-staging", "deploy", "staging", name) == 0
    assert soaked(bench, name)
    key = soak_key("staging", name, artifact.release.removeprefix("sha256:"))
    (version,) = versions(bench, key)
    found = json.loads(bench.aws.s3.get_object(Bucket=bench.project.releases_bucket, Key=key)["Body"].read())
    assert (found["release"], found["endpoint"]) == (artifact.release, f"acme-staging-{name}")
    assert found["since"] < found["until"]
    deploy(bench, name)
    assert versions(bench, key) == [version], "the first soak is the one that counts"


def test_a_new_config_begins_to_soak_anew(bench: Bench, name: str) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact, soak_minutes=MINUTES)
    deploy(bench, name)
    wait(MINUTES + 5)
    bench.pin(name, artifact, soak_minutes=MINUTES, count=2, rollout={"bake_minutes": 0})
    deploy(bench, name)
    assert not soaked(bench, name)


def test_a_release_whose_alarm_rang_has_not_soaked(bench: Bench, name: str) -> None:
    bench.pin(name, bench.register(name, "first", FAILING), soak_minutes=MINUTES)
    deploy(bench, name)
    for _ in range(20):
        with pytest.raises(bench.aws.runtime.exceptions.ModelError):
            bench.ask(name)
    wait(MINUTES + 5)
    history = bench.aws.cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    said = [item["HistorySummary"] for item in history if f"staging-{name}.errors." in item["AlarmName"]]
    assert any("to ALARM" in summary for summary in said), f"the alarm did not ring: {said}"
    deploy(bench, name)
    assert not soaked(bench, name)


def test_prod_refuses_what_has_not_soaked(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact, soak_minutes=600)
    deploy(bench, name)
    bench.pin(name, artifact, "prod")
    assert cli.run(["deploy", "prod", name]) == 1
    assert f"release {artifact.release} has not soaked in staging; nothing was deployed" in (
        capsys.readouterr().out
    )
    assert bench.aws.sagemaker.list_endpoints(NameContains=f"prod-{name}")["Endpoints"] == []


def test_what_was_live_in_prod_comes_back_without_a_soak(bench: Bench, name: str) -> None:
    first, second = bench.register(name, "first"), bench.register(name, "second")
    for artifact in (first, second):
        for environment in ("staging", "prod"):
            bench.pin(name, artifact, environment, rollout={"bake_minutes": 0})
            assert cli.run(["deploy", environment, name]) == 0
    key = soak_key("staging", name, first.release.removeprefix("sha256:"))
    bench.aws.s3.delete_object(Bucket=bench.project.releases_bucket, Key=key)
    bench.pin(name, first, "prod", rollout={"bake_minutes": 0})
    assert cli.run(["deploy", "prod", name]) == 0
    assert bench.ask(name, "prod") == "first"
