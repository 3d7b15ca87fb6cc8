"""What `deploy` says and leaves when an endpoint does not come to rest, goes, or fails while it waits."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.deploy import deploy
from mlops.target import read_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops.deploy import Deployed
    from tests.live import Bench

Said = pytest.CaptureFixture[str]
HANDLER = """
import json, pathlib, time

def model_fn(folder):
    switch = pathlib.Path((pathlib.Path(folder) / "weights.txt").read_text())
    while not switch.exists():  # a container that answers no ping
        time.sleep(0.02)
    if switch.read_text() == "fail":
        raise ValueError("no luck today")
    return switch.name

def input_fn(body, kind):
    return body

def predict_fn(data, model):
    return model

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


@pytest.fixture
def switch(tmp_path: Path) -> Path:
    """While this file is not there, a release sealed with its path does not start."""
    return tmp_path / "switch"


def pin(bench: Bench, model: str, switch: Path) -> None:
    """Pin a release that starts when the switch says so."""
    bench.pin(model, bench.register(model, str(switch), HANDLER), rollout={"bake_minutes": 0})


def serve_another(bench: Bench, model: str) -> None:
    """Let another release be live."""
    bench.pin(model, bench.register(model, "old"))
    assert cli.run(["deploy", "staging", model]) == 0


def while_it_waits(bench: Bench, model: str, act: Callable[[], object]) -> Deployed:
    """Do something to an endpoint in the middle of deploy's wait; what deploy made of it."""
    done: list[Deployed] = []
    targets = read_targets(bench.root, bench.project, "staging", model)
    thread = threading.Thread(target=lambda: done.extend(deploy(bench.aws, targets, bench.orders)))
    thread.start()
    listed = bench.aws.sagemaker.list_endpoints
    while not listed(NameContains=model, StatusEquals="Creating")["Endpoints"]:
        time.sleep(0.02)
    act()
    thread.join(30)
    assert done, "deploy did not end"
    return done[0]


@pytest.mark.parametrize(
    ("updates", "status", "did"), [(True, "Updating", "update"), (False, "Creating", "create")]
)
def test_an_endpoint_that_outlasts_the_wait_is_told_in_one_line_and_waited_for_again(
    bench: Bench, name: str, switch: Path, capsys: Said, updates: bool, status: str, did: str
) -> None:
    if updates:
        serve_another(bench, name)
    pin(bench, name, switch)
    capsys.readouterr()
    assert cli.run(["deploy", "staging", name, "--wait-minutes", "0.01"]) == 1
    first, count = capsys.readouterr().out.splitlines()
    assert count == "1 pins in staging"
    assert re.fullmatch(
        rf"{name}: {did}, release sha256:[0-9a-f]{{64}}: endpoint 'acme-staging-{name}' is {status} since "
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, and was waited for 0.01 minutes; SageMaker goes on without us. "
        rf"See why: aws logs tail /aws/sagemaker/Endpoints/acme-staging-{name}; "
        rf"wait again: mlops deploy staging {name}",
        first,
    ), first
    threading.Timer(3, lambda: switch.write_text("go")).start()  # the second run has to begin before
    assert cli.run(["deploy", "staging", name]) == 0
    assert f"{name}: wait, release" in capsys.readouterr().out
    assert bench.ask(name) == "switch"


def test_an_endpoint_deleted_in_the_middle_of_the_wait_is_made_by_the_next_run(
    bench: Bench, name: str, switch: Path
) -> None:
    pin(bench, name, switch)
    endpoint = f"acme-staging-{name}"
    deployed = while_it_waits(bench, name, lambda: bench.aws.sagemaker.delete_endpoint(EndpointName=endpoint))
    assert (
        deployed.error
        == f"endpoint '{endpoint}' was deleted while it was deployed; run the same command again"
    )
    switch.write_text("go")
    assert cli.run(["deploy", "staging", name]) == 0
    assert bench.ask(name) == "switch"


def test_an_endpoint_that_fails_in_the_middle_of_the_wait_is_replaced_by_the_next_run(
    bench: Bench, name: str, switch: Path, capsys: Said
) -> None:
    pin(bench, name, switch)
    deployed = while_it_waits(bench, name, lambda: switch.write_text("fail"))
    assert f"endpoint 'acme-staging-{name}' is Failed with config 'acme-{name}-staging-" in deployed.error
    assert "no luck today" in deployed.error
    assert deployed.error.endswith("was it chance, run the same command again")
    assert "\n" not in deployed.error
    switch.write_text("go")
    assert cli.run(["deploy", "staging", name]) == 0
    assert f"{name}: replace, release" in capsys.readouterr().out
    assert bench.ask(name) == "switch"


def test_an_update_that_fails_in_the_middle_leaves_the_old_release_and_is_tried_again_on_request(
    bench: Bench, name: str, switch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serve_another(bench, name)
    pin(bench, name, switch)
    threading.Timer(1, lambda: switch.write_text("fail")).start()
    assert cli.run(["deploy", "staging", name]) == 1
    assert bench.ask(name) == "old"
    switch.write_text("go")
    assert cli.run(["deploy", "staging", name]) == 1
    said = f"or try the same release once more: mlops deploy staging {name} --retry"
    assert said in capsys.readouterr().out
    assert cli.run(["deploy", "staging", name, "--retry"]) == 0
    assert bench.ask(name) == "switch"
