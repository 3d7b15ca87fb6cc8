"""Endpoints: real handlers from real archives, replaced blue/green."""

from __future__ import annotations

import functools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import IMAGE, Sandbox, archive, wait_for

HANDLER = """
import json, os, sys

class UnsupportedFormatError(Exception):
    pass

def model_fn(folder):
    return open(os.path.join(folder, "weights.txt")).read()

def input_fn(body, kind):
    if kind != "application/json":
        raise UnsupportedFormatError(f"cannot read {kind}")
    return json.loads(body)

def predict_fn(data, model):
    if data == "break":
        raise ValueError("cannot predict 'break'")
    return f"{model} says {data}"

def output_fn(prediction, accept):
    if accept == "image/png":
        raise UnsupportedFormatError("cannot draw")
    return json.dumps(prediction), "application/json"
"""
ENVIRONMENT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}


def publish(sandbox: Sandbox, name: str, weights: str, handler: str = HANDLER) -> str:
    packed = archive({"weights.txt": weights, "code/inference.py": handler})
    return sandbox.put(f"releases/{name}/model.tar.gz", packed)


def configure(sandbox: Sandbox, name: str, url: str) -> str:
    """A model and a configuration of the same name."""
    client = sandbox.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": url, "Environment": ENVIRONMENT}
    client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=sandbox.role)
    variant = {
        "VariantName": "primary",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return name


def settled(sandbox: Sandbox, name: str) -> dict[str, Any]:
    client = sandbox.client("sagemaker")
    return wait_for(
        lambda: client.describe_endpoint(EndpointName=name), "EndpointStatus", "Creating", "Updating"
    )


def ask(sandbox: Sandbox, name: str, data: Any, **more: str) -> Any:
    headers = {"ContentType": "application/json", **more}
    answer = runtime(sandbox).invoke_endpoint(EndpointName=name, Body=json.dumps(data), **headers)
    return json.loads(answer["Body"].read())


@functools.cache
def runtime(sandbox: Sandbox) -> Any:
    return sandbox.client("sagemaker-runtime")


@pytest.fixture(scope="module")
def served(sandbox: Sandbox) -> str:
    name = configure(sandbox, "shop-served", publish(sandbox, "served", "one"))
    sandbox.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert settled(sandbox, name)["EndpointStatus"] == "InService"
    return name


def test_an_endpoint_answers_with_the_archives_own_handler(sandbox: Sandbox, served: str) -> None:
    runtime = sandbox.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=served, Body=b'"hello"', ContentType="application/json")
    assert json.loads(answer["Body"].read()) == "one says hello"
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "primary"


@pytest.mark.parametrize(
    ("headers", "data", "status", "said"),
    [
        ({}, "break", 500, "cannot predict 'break'"),
        ({"ContentType": "text/plain"}, "x", 415, "cannot read text/plain"),
        ({"Accept": "image/png"}, "x", 406, "cannot draw"),
    ],
)
def test_a_handlers_error_reaches_the_client_as_model_error(
    sandbox: Sandbox, served: str, headers: dict[str, str], data: str, status: int, said: str
) -> None:
    with pytest.raises(ClientError) as caught:
        ask(sandbox, served, data, **headers)
    response: dict[str, Any] = {**caught.value.response}
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == status
    assert response["OriginalMessage"] == said


def test_an_unknown_endpoint_cannot_be_invoked(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match=r"\(ValidationError\).*Endpoint nowhere of account \d+ not found"):
        ask(sandbox, "nowhere", 1)


def test_an_update_switches_to_the_new_fleet_and_a_broken_one_leaves_the_old(
    sandbox: Sandbox, unique: str
) -> None:
    client = sandbox.client("sagemaker")
    first = configure(sandbox, f"{unique}-a", publish(sandbox, f"{unique}-a", "one"))
    second = configure(sandbox, f"{unique}-b", publish(sandbox, f"{unique}-b", "two"))
    broken = configure(
        sandbox, f"{unique}-c", publish(sandbox, f"{unique}-c", "three", "raise OSError('no luck')")
    )
    client.create_endpoint(EndpointName=unique, EndpointConfigName=first)
    settled(sandbox, unique)
    assert ask(sandbox, unique, "hi") == "one says hi"
    client.update_endpoint(EndpointName=unique, EndpointConfigName=second)
    assert settled(sandbox, unique)["EndpointConfigName"] == second
    assert ask(sandbox, unique, "hi") == "two says hi"
    client.update_endpoint(EndpointName=unique, EndpointConfigName=broken)
    found = settled(sandbox, unique)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", second)
    assert "OSError: no luck" in found["FailureReason"]
    assert ask(sandbox, unique, "hi") == "two says hi"
    client.delete_endpoint(EndpointName=unique)
    with pytest.raises(ClientError, match=f'Could not find endpoint "{unique}"'):
        client.describe_endpoint(EndpointName=unique)


def test_an_endpoint_whose_first_fleet_cannot_start_is_failed(sandbox: Sandbox, unique: str) -> None:
    configure(sandbox, unique, f"s3://{sandbox.bucket}/nothing/model.tar.gz")
    sandbox.client("sagemaker").create_endpoint(EndpointName=unique, EndpointConfigName=unique)
    found = settled(sandbox, unique)
    assert found["EndpointStatus"] == "Failed"
    assert (
        f'No S3 objects found under S3 URL "s3://{sandbox.bucket}/nothing/model.tar.gz"'
        in found["FailureReason"]
    )


def test_an_update_in_progress_refuses_another(sandbox: Sandbox, unique: str) -> None:
    client = sandbox.client("sagemaker")
    configure(sandbox, unique, publish(sandbox, unique, "slow", f"import time; time.sleep(1)\n{HANDLER}"))
    client.create_endpoint(EndpointName=unique, EndpointConfigName=unique)
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        client.update_endpoint(EndpointName=unique, EndpointConfigName=unique)
    settled(sandbox, unique)


def deploy_with_requirements(sandbox: Sandbox, name: str, requirements: str) -> dict[str, Any]:
    files = {"weights.txt": "one", "code/inference.py": HANDLER, "code/requirements.txt": requirements}
    configure(sandbox, name, sandbox.put(f"releases/{name}/model.tar.gz", archive(files)))
    sandbox.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    return settled(sandbox, name)


def test_requirements_that_the_image_meets_are_not_installed(sandbox: Sandbox, unique: str) -> None:
    listing = "pip>=1 \\\n    --hash=sha256:00\nabsent==1 ; python_version < '3'\n# a comment\n"
    assert deploy_with_requirements(sandbox, unique, listing)["EndpointStatus"] == "InService"


def test_requirements_that_cannot_be_installed_fail_the_endpoint(sandbox: Sandbox, unique: str) -> None:
    found = deploy_with_requirements(sandbox, unique, "absent @ file:///nowhere/absent-1-py3-none-any.whl\n")
    assert found["EndpointStatus"] == "Failed"
    assert "pip could not install '/opt/ml/model/code/requirements.txt'" in found["FailureReason"]


def test_requests_at_once_are_all_answered(sandbox: Sandbox, served: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(sandbox, served, number), range(40)))
    assert answers == [f"one says {number}" for number in range(40)]
