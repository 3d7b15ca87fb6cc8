"""What `mlops doctor` says of an endpoint that was deployed, and then meddled with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops import cli
from tests.live import PAYLOAD

if TYPE_CHECKING:
    import pytest

    from tests.live import Bench


def look(capsys: pytest.CaptureFixture[str], endpoint: str) -> list[dict[str, Any]]:
    """The doctor's lines about an endpoint's alarms."""
    capsys.readouterr()
    cli.run(["doctor", "staging", "--json", "--only", "alarm", "--only", "alarm-actions"])
    return [line for line in json.loads(capsys.readouterr().out) if line["subject"] == endpoint]


def test_a_muted_alarm_of_a_live_endpoint_is_found_until_the_remedy_is_typed(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.root / "infra").symlink_to(PAYLOAD / "infra")
    bench.pin(name, bench.register(name, "one"))
    assert cli.run(["deploy", "staging", name]) == 0
    endpoint, cloudwatch = bench.project.endpoint("staging", name), bench.aws.cloudwatch
    assert [line["verdict"] for line in look(capsys, endpoint)] == ["ok", "ok"]
    (alarm,) = cloudwatch.describe_alarms(AlarmNamePrefix=f"{endpoint}.errors")["MetricAlarms"]
    cloudwatch.disable_alarm_actions(AlarmNames=[alarm["AlarmName"]])
    there, acting = look(capsys, endpoint)
    assert (there["verdict"], acting["said"]) == ("ok", f"alarms are muted: {alarm['AlarmName']}")
    *command, muted = acting["remedy"].split()
    assert command == ["aws", "cloudwatch", "enable-alarm-actions", "--alarm-names"]
    cloudwatch.enable_alarm_actions(AlarmNames=[muted])
    assert [line["verdict"] for line in look(capsys, endpoint)] == ["ok", "ok"]
