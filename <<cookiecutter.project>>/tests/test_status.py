"""`status` says what differs between git and AWS, and nothing else."""

from __future__ import annotations

import json
import uuid
from datetime import date
from typing import TYPE_CHECKING

from mlops import cli
from mlops.live import Live
from mlops.retire import bury, make_tombstone
from mlops.status import compare
from mlops.workspace import Workspace
from tests.test_pin import make_guess

if TYPE_CHECKING:
    import pytest
    from mypy_boto3_sagemaker.type_defs import TagTypeDef

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


def test_the_endpoints_of_a_project_whose_name_goes_on_are_not_ours(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_endpoint(bench, f"acme-staging-prod-{name}", "acme-staging")
    make_endpoint(bench, f"acme-staging-by-hand-{name}", None)
    cli.run(["status", "--json"])
    rows = {row["endpoint"]: row["drift"] for row in json.loads(capsys.readouterr().out)}
    assert f"acme-staging-prod-{name}" not in rows
    assert rows[f"acme-staging-by-hand-{name}"] == "live, but no pin asks for it"


def test_an_endpoint_of_another_project_is_neither_moved_nor_retired(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = f"acme-staging-{name}"
    config = make_endpoint(bench, endpoint, "acme-staging")
    bench.pin(name, bench.register(name, "first"))
    assert cli.run(["deploy", "staging", name]) == 1
    said = f"endpoint '{endpoint}' belongs to project 'acme-staging' (tag mlops:project), not to 'acme'; give"
    assert said in capsys.readouterr().out
    tombstone = make_tombstone(Workspace(bench.root, bench.project), "staging", name, date(2026, 1, 1), 0)
    assert bury(bench.aws, bench.project, "staging", tombstone, date(2026, 2, 1), lambda: None) == "nothing"
    assert bench.aws.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"] == config


def make_endpoint(bench: Bench, endpoint: str, owner: str | None) -> str:
    """An endpoint that this project did not deploy; its config."""
    client, model = bench.aws.sagemaker, f"hand-{uuid.uuid4().hex[:10]}"
    package = bench.register(model, "other").package
    client.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    role, containers = bench.project.execution_role, [{"ModelPackageName": package}]
    client.create_model(ModelName=model, ExecutionRoleArn=role, Containers=containers)  # type: ignore[arg-type]
    variant = {
        "VariantName": "main",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    client.create_endpoint_config(EndpointConfigName=model, ProductionVariants=[variant])  # type: ignore[list-item]
    tags: list[TagTypeDef] = [{"Key": "mlops:project", "Value": owner}] if owner else []
    client.create_endpoint(EndpointName=endpoint, EndpointConfigName=model, Tags=tags)
    client.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig={"Delay": 1})
    return model
