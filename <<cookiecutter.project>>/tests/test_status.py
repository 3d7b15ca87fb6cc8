"""`status` says what differs between git and AWS, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.live import Live
from mlops.status import compare
from tests.test_pin import make_guess

if TYPE_CHECKING:
    import pytest

    from mlops.workspace import Workspace
    from tests.live import Bench


def drift(workspace: Workspace, live: dict[str, Live | None], pinned: bool = True) -> list[str]:
    pins = [make_guess()] if pinned else []
    return [row.drift for row in compare(workspace.project, "staging", pins, live)]


def test_the_states_that_are_drift(workspace: Workspace) -> None:
    name, wanted = "acme-staging-guess", make_guess().config_name(workspace.project, "staging")
    assert drift(workspace, {name: Live(name, wanted, "InService")}) == [""]
    assert drift(workspace, {name: None}) == ["pinned, but there is no endpoint"]
    assert drift(workspace, {name: Live(name, wanted, "Failed", "no memory")}) == ["is Failed: no memory"]
    assert drift(workspace, {name: Live(name, "x", "InService")}) == [
        f"serves config 'x', pinned is {wanted!r}"
    ]
    assert drift(workspace, {name: Live(name, "x", "InService")}, pinned=False) == [
        "live, but no pin asks for it"
    ]


def test_an_endpoint_that_serves_its_pin_is_no_drift(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    capsys.readouterr()
    cli.run(["status", "--json"])
    rows = {row["model"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows[name]["drift"] == ""
    assert rows[name]["endpoint"] == f"acme-staging-{name}"


def test_an_endpoint_moved_by_hand_is_drift_and_exit_1(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    first = bench.aws.sagemaker.describe_endpoint(EndpointName=f"acme-staging-{name}")["EndpointConfigName"]
    bench.pin(name, bench.register(name, "second"))
    cli.run(["deploy", "staging", name])
    bench.aws.sagemaker.update_endpoint(EndpointName=f"acme-staging-{name}", EndpointConfigName=first)
    settled = bench.aws.sagemaker.get_waiter("endpoint_in_service")
    settled.wait(EndpointName=f"acme-staging-{name}", WaiterConfig={"Delay": 1})
    capsys.readouterr()
    assert cli.run(["status"]) == 1
    cli.run(["status", "--json"])
    out = capsys.readouterr().out
    assert f"serves config '{first}'" in out[out.index("[\n") :]
