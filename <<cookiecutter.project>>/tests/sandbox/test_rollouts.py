"""Updates under traffic: shares, alarms that roll back, and no request lost on the way."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from .conftest import IMAGE, Sandbox, wait_for
from .test_endpoints import ENVIRONMENT, publish

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 4
FAILING = """
def model_fn(folder):
    return "bad"

def input_fn(body, kind):
    return body

def predict_fn(data, model):
    raise ValueError("no answer from this release")

def output_fn(prediction, accept):
    return prediction
"""
GOOD = """
import json, os

def model_fn(folder):
    return open(os.path.join(folder, "weights.txt")).read()

def input_fn(body, kind):
    return json.loads(body)

def predict_fn(data, model):
    return model

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


def configure(sandbox: Sandbox, name: str, url: str, count: int = 1, instance: str = "ml.m5.large") -> str:
    """A model and a configuration of the same name."""
    client = sandbox.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": url, "Environment": ENVIRONMENT}
    client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=sandbox.role)
    variant = {
        "VariantName": "main",
        "ModelName": name,
        "InstanceType": instance,
        "InitialInstanceCount": count,
    }
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return name


def settled(sandbox: Sandbox, name: str, *more: str) -> dict[str, Any]:
    client = sandbox.client("sagemaker")
    pending = ("Creating", "Updating", "RollingBack", *more)
    return wait_for(lambda: client.describe_endpoint(EndpointName=name), "EndpointStatus", *pending)


def canary(percent: int = 10, wait: int = 600, *alarms: str) -> dict[str, Any]:
    routing = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": wait,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": percent},
    }
    return deployment(routing, *alarms)


def linear(percent: int, wait: int, *alarms: str) -> dict[str, Any]:
    routing = {
        "Type": "LINEAR",
        "WaitIntervalInSeconds": wait,
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": percent},
    }
    return deployment(routing, *alarms)


def deployment(routing: dict[str, Any], *alarms: str) -> dict[str, Any]:
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        **(rollback if alarms else {}),
    }


def rolling(percent: int, wait: int) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": percent}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait}}


def watch_errors(sandbox: Sandbox, endpoint: str, **changes: Any) -> str:
    """An alarm on the endpoint's share of failed requests."""
    dimensions = {"EndpointName": endpoint, "VariantName": "main"}
    alarm = {
        "AlarmName": f"{endpoint}-errors",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.01,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **changes,
    }
    sandbox.client("cloudwatch").put_metric_alarm(**alarm)
    return str(alarm["AlarmName"])


class Traffic:
    """Clients that ask without pause; what they got, in order of time."""

    def __init__(self, sandbox: Sandbox, endpoint: str) -> None:
        self._sandbox = sandbox
        self._endpoint = endpoint
        self._ended = threading.Event()
        self.answers: list[str] = []
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *caught: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        runtime = self._sandbox.client("sagemaker-runtime")
        while not self._ended.is_set():
            try:
                self.answers.append(ask(runtime, self._endpoint))
            except ClientError as error:
                self.errors.append(str(error))


def ask(runtime: Any, endpoint: str) -> str:
    answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1", ContentType="application/json")
    return str(json.loads(answer["Body"].read()))


def ask_often(sandbox: Sandbox, endpoint: str, times: int) -> list[str]:
    """Ask over one connection, without a client library's share of the time."""
    place = urlsplit(sandbox.endpoint)
    connection = http.client.HTTPConnection(str(place.hostname), place.port)
    scope = "AWS4-HMAC-SHA256 Credential=AKIAROOT222222222222/20260101/eu-west-1/sagemaker/aws4_request"
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"{scope}, SignedHeaders=host, Signature=0",
    }
    answers = []
    for _ in range(times):
        connection.request("POST", f"/endpoints/{endpoint}/invocations", b"1", headers)
        answer = connection.getresponse()
        answers.append(str(json.loads(answer.read())))
        assert answer.status == 200
    connection.close()
    return answers


def publish_all(sandbox: Sandbox, **texts: str) -> dict[str, str]:
    return {name: publish(sandbox, f"rollouts-{name}", name, text) for name, text in texts.items()}


def serve_old(sandbox: Sandbox, name: str, archives: dict[str, str]) -> Iterator[str]:
    """An endpoint that serves the old release, with configurations of the others beside it."""
    client = sandbox.client("sagemaker")
    for release, url in archives.items():
        configure(sandbox, f"{name}-{release}", url)
    client.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-old")
    assert settled(sandbox, name)["EndpointStatus"] == "InService"
    yield name
    client.delete_endpoint(EndpointName=name)


@pytest.fixture(scope="module")
def archives(fast: Sandbox) -> dict[str, str]:
    return publish_all(fast, old=GOOD, new=GOOD, bad=FAILING)


@pytest.fixture
def endpoint(fast: Sandbox, unique: str, archives: dict[str, str]) -> Iterator[str]:
    yield from serve_old(fast, unique, archives)


@pytest.fixture
def slow_endpoint(sandbox: Sandbox, unique: str) -> Iterator[str]:
    """One whose canary lasts for an hour, however long a busy machine takes to ask."""
    yield from serve_old(sandbox, unique, publish_all(sandbox, old=GOOD, new=GOOD))


def update(sandbox: Sandbox, endpoint: str, to: str, **more: Any) -> None:
    sandbox.client("sagemaker").update_endpoint(
        EndpointName=endpoint, EndpointConfigName=f"{endpoint}-{to}", **more
    )


def await_share(sandbox: Sandbox, endpoint: str, status: str = "Baking") -> dict[str, Any]:
    """Wait until the new fleet of an update takes traffic."""
    client, deadline = sandbox.client("sagemaker"), time.monotonic() + 20
    while time.monotonic() < deadline:
        found = client.describe_endpoint(EndpointName=endpoint)
        pending = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])
        if pending[0].get("VariantStatus", [{}])[0].get("Status") == status:
            return dict(found)
        time.sleep(0.01)
    raise AssertionError(f"no fleet is {status}")


def test_every_tenth_of_a_thousand_requests_reaches_a_canary_of_ten_percent(
    sandbox: Sandbox, slow_endpoint: str
) -> None:
    endpoint = slow_endpoint
    update(sandbox, endpoint, "new", DeploymentConfig=canary(10, 3600))
    found = await_share(sandbox, endpoint)
    assert found["EndpointStatus"] == "Updating"
    assert found["EndpointConfigName"] == f"{endpoint}-old"
    assert found["PendingDeploymentSummary"]["EndpointConfigName"] == f"{endpoint}-new"
    assert Counter(ask_often(sandbox, endpoint, 1000)) == {"old": 900, "new": 100}


def test_a_canary_that_fails_requests_is_rolled_back_by_its_alarm(fast: Sandbox, endpoint: str) -> None:
    alarm = watch_errors(fast, endpoint)
    with Traffic(fast, endpoint) as traffic:
        update(fast, endpoint, "bad", DeploymentConfig=canary(10, 3600, alarm))
        found = settled(fast, endpoint)
        after = len(traffic.errors)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", f"{endpoint}-old")
    assert (
        f"alarms for the deployment tripped, it was rolled back. {alarm}: Threshold Crossed"
        in (found["FailureReason"])
    )
    assert "PendingDeploymentSummary" not in found
    assert set(traffic.answers) == {"old"}
    assert traffic.errors
    assert all("no answer from this release" in error for error in traffic.errors)
    assert len(traffic.errors) == after


@pytest.mark.parametrize(
    "rollout",
    [canary(20, 300), linear(25, 120), rolling(50, 120), None],
    ids=["canary", "linear", "rolling", "all"],
)
def test_no_request_is_lost_while_a_new_release_takes_over(
    fast: Sandbox, endpoint: str, rollout: dict[str, Any] | None
) -> None:
    more = {"DeploymentConfig": rollout} if rollout else {}
    with Traffic(fast, endpoint) as traffic:
        update(fast, endpoint, "new", **more)
        found = settled(fast, endpoint)
        after = len(traffic.answers) + len(traffic.errors) + CLIENTS
    assert found["EndpointConfigName"] == f"{endpoint}-new"
    assert "PendingDeploymentSummary" not in found
    assert not traffic.errors
    assert set(traffic.answers) == {"old", "new"}
    assert set(traffic.answers[after:]) <= {"new"}
