"""Fleets: several processes, several variants, capture, and what is refused."""

from __future__ import annotations

import functools
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from sandbox.errors import ServiceError
from sandbox.sagemaker.rollout import read_rollout
from sandbox.sagemaker.runtime import ask as answer_of

from .test_endpoints import publish
from .test_rollouts import GOOD, ask, await_share, canary, configure, linear, rolling, settled, watch_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.sagemaker.fleet import Fleet

    from .conftest import Sandbox

BY_PROCESS = GOOD.replace("return model\n", "return os.environ['TMPDIR']\n")
TEXT = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


@pytest.fixture(scope="module")
def archive(fast: Sandbox) -> str:
    return publish(fast, "fleets", "one", BY_PROCESS)


@pytest.fixture
def create(fast: Sandbox) -> Iterator[Callable[..., dict[str, Any]]]:
    """Create endpoints that go when the test ends."""
    client, made = fast.client("sagemaker"), []

    def act(name: str, config: str) -> dict[str, Any]:
        client.create_endpoint(EndpointName=name, EndpointConfigName=config)
        made.append(name)
        return settled(fast, name)

    yield act
    for name in made:
        client.delete_endpoint(EndpointName=name)


def variants(model: str, **weights: float) -> list[dict[str, Any]]:
    return [
        {
            "VariantName": name,
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        for name, weight in weights.items()
    ]


def invoke(sandbox: Sandbox, endpoint: str, **more: Any) -> dict[str, Any]:
    asked = {"Body": b"1", "ContentType": "application/json", **more}
    return dict(runtime(sandbox).invoke_endpoint(EndpointName=endpoint, **asked))


@functools.cache
def runtime(sandbox: Sandbox) -> Any:
    return sandbox.client("sagemaker-runtime")


def test_the_instances_of_a_fleet_share_its_requests(
    fast: Sandbox, unique: str, archive: str, create: Callable[..., dict[str, Any]]
) -> None:
    configure(fast, unique, archive, count=2)
    found = create(unique, unique)
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert sorted(Counter(ask(runtime(fast), unique) for _ in range(10)).values()) == [5, 5]


def test_a_container_that_dies_is_started_again(
    fast: Sandbox, unique: str, create: Callable[..., dict[str, Any]]
) -> None:
    handler = GOOD.replace("return model\n", "os._exit(3) if data == 'die' else None\n    return model\n")
    configure(fast, unique, publish(fast, unique, "alive", handler))
    create(unique, unique)
    with pytest.raises(ClientError, match=r"Received server error \(0\) from primary"):
        invoke(fast, unique, Body=b'"die"')
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert invoke(fast, unique)["Body"].read() == b'"alive"'
        except ClientError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the container stayed dead")


def test_a_container_that_takes_longer_than_a_minute_has_timed_out() -> None:
    class Slow:
        def invoke(self, body: bytes, headers: dict[str, str]) -> None:
            raise TimeoutError

    status, said, reply = answer_of(cast("Fleet", Slow()), b"", {})
    assert (status, reply) == (0, None)
    assert said.startswith("Your invocation timed out while waiting for a response from container primary.")


def test_a_fleet_grows_and_shrinks_under_traffic(
    fast: Sandbox, unique: str, archive: str, create: Callable[..., dict[str, Any]]
) -> None:
    configure(fast, unique, archive)
    create(unique, unique)
    client = fast.client("sagemaker")
    for count in (2, 1):
        change = [{"VariantName": "main", "DesiredInstanceCount": count}]
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(ask, runtime(fast), unique) for _ in range(40)]
            client.update_endpoint_weights_and_capacities(
                EndpointName=unique, DesiredWeightsAndCapacities=change
            )
            found = settled(fast, unique)
            assert all(answer.result() for answer in answers)
        assert found["ProductionVariants"][0]["CurrentInstanceCount"] == count
        assert found["ProductionVariants"][0]["DesiredInstanceCount"] == count
    assert len({ask(runtime(fast), unique) for _ in range(6)}) == 1


def test_variants_answer_by_weight_unless_one_is_named(
    fast: Sandbox, unique: str, archive: str, create: Callable[..., dict[str, Any]]
) -> None:
    configure(fast, unique, archive)
    client = fast.client("sagemaker")
    client.create_endpoint_config(
        EndpointConfigName=f"{unique}-ab", ProductionVariants=variants(unique, a=3, b=1)
    )
    create(unique, f"{unique}-ab")

    def count(**more: Any) -> Counter[str]:
        return Counter(invoke(fast, unique, **more)["InvokedProductionVariant"] for _ in range(8))

    assert count() == {"a": 6, "b": 2}
    assert count(TargetVariant="b") == {"b": 8}
    change = [{"VariantName": "a", "DesiredWeight": 0}]
    client.update_endpoint_weights_and_capacities(EndpointName=unique, DesiredWeightsAndCapacities=change)
    assert {found["CurrentWeight"] for found in settled(fast, unique)["ProductionVariants"]} == {0, 1}
    assert count() == {"b": 8}
    with pytest.raises(ClientError, match="Variant c not found"):
        invoke(fast, unique, TargetVariant="c")
    with pytest.raises(ClientError, match=r"variants of endpoint configuration .* names must not change"):
        client.update_endpoint(EndpointName=unique, EndpointConfigName=unique)
    retained = {"RetainAllVariantProperties": True}
    client.update_endpoint(EndpointName=unique, EndpointConfigName=f"{unique}-ab", **retained)
    assert {found["CurrentWeight"] for found in settled(fast, unique)["ProductionVariants"]} == {0, 1}


def test_an_instance_type_that_cannot_be_had_leaves_the_old_fleet_serving(
    fast: Sandbox, unique: str, archive: str, create: Callable[..., dict[str, Any]]
) -> None:
    configure(fast, unique, archive)
    configure(fast, f"{unique}-c5", archive, instance="ml.c5.large")
    create(unique, unique)
    fast.client("sagemaker").update_endpoint(EndpointName=unique, EndpointConfigName=f"{unique}-c5")
    found = settled(fast, unique)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", unique)
    assert found["FailureReason"].startswith("Unable to provision requested ML compute capacity")
    assert invoke(fast, unique)["Body"].read()
    assert create(f"{unique}-c5", f"{unique}-c5")["EndpointStatus"] == "Failed"


def test_an_endpoint_can_be_deleted_during_a_canary(fast: Sandbox, unique: str, archive: str) -> None:
    client = fast.client("sagemaker")
    configure(fast, unique, archive)
    client.create_endpoint(EndpointName=unique, EndpointConfigName=unique)
    settled(fast, unique)
    client.update_endpoint(EndpointName=unique, EndpointConfigName=unique, DeploymentConfig=canary(10, 3600))
    await_share(fast, unique)
    client.delete_endpoint(EndpointName=unique)
    with pytest.raises(ClientError, match="not found"):
        invoke(fast, unique)


def test_an_alarm_that_is_on_already_stops_an_update_at_its_first_look(
    fast: Sandbox, unique: str, archive: str, create: Callable[..., dict[str, Any]]
) -> None:
    configure(fast, unique, archive)
    create(unique, unique)
    alarm = watch_errors(
        fast, unique, ComparisonOperator="LessThanThreshold", TreatMissingData="breaching", Threshold=-1
    )
    fast.client("sagemaker").update_endpoint(
        EndpointName=unique, EndpointConfigName=unique, DeploymentConfig=rolling(50, 3600) | rollback(alarm)
    )
    assert f"{alarm}: Threshold Crossed" in settled(fast, unique)["FailureReason"]


def rollback(alarm: str) -> dict[str, Any]:
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]}}


def captured(fast: Sandbox, endpoint: str) -> list[dict[str, Any]]:
    listed = fast.client("s3").list_objects_v2(Bucket=fast.bucket, Prefix=f"runs/capture/{endpoint}/main/")
    keys = [item["Key"] for item in listed.get("Contents", [])]
    texts = [fast.read(f"s3://{fast.bucket}/{key}").decode() for key in keys]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_a_share_of_the_requests_is_captured_in_sagemakers_format(fast: Sandbox, unique: str) -> None:
    client = fast.client("sagemaker")
    configure(fast, unique, publish(fast, unique, "one", GOOD))
    capture = {
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": f"s3://{fast.bucket}/runs/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": TEXT,
    }
    client.create_endpoint_config(
        EndpointConfigName=f"{unique}-c",
        ProductionVariants=variants(unique, main=1),
        DataCaptureConfig=capture,
    )
    client.create_endpoint(EndpointName=unique, EndpointConfigName=f"{unique}-c")
    found = settled(fast, unique)["DataCaptureConfig"]
    assert (found["CaptureStatus"], found["CurrentSamplingPercentage"]) == ("Started", 50)
    for number in range(4):
        invoke(fast, unique, Body=str(number).encode(), InferenceId=f"i{number}", CustomAttributes="trace=1")
    client.delete_endpoint(EndpointName=unique)
    lines = sorted(captured(fast, unique), key=lambda line: line["eventMetadata"]["inferenceId"])
    assert [line["eventMetadata"]["inferenceId"] for line in lines] == ["i1", "i3"]
    assert lines[0]["captureData"] == {
        "endpointInput": {
            "observedContentType": "application/json",
            "mode": "INPUT",
            "data": "1",
            "encoding": "JSON",
        },
        "endpointOutput": {
            "observedContentType": "application/json",
            "mode": "OUTPUT",
            "data": '"one"',
            "encoding": "JSON",
        },
    }
    assert lines[0]["eventMetadata"]["customAttributes"] == ["trace=1"]
    assert lines[0]["eventVersion"] == "0"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"Body": b" " * (6 * 2**20 + 1)}, "exceeded 6291456 bytes"),
        ({"TargetModel": "m.tar.gz"}, "does not serve X-Amzn-SageMaker-Target-Model"),
        ({"InferenceComponentName": "c"}, "does not serve X-Amzn-SageMaker-Inference-Component"),
    ],
)
def test_a_request_that_no_endpoint_takes_is_refused(fast: Sandbox, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=rf"\(ValidationError\).*{said}"):
        invoke(fast, "nowhere", **more)


def sized(deployment: dict[str, Any], **changes: Any) -> dict[str, Any]:
    policy, routing = deployment["BlueGreenUpdatePolicy"], "TrafficRoutingConfiguration"
    return {"BlueGreenUpdatePolicy": {**policy, routing: {**policy[routing], **changes}}}


def limited(deployment: dict[str, Any], seconds: int) -> dict[str, Any]:
    limit = {"MaximumExecutionTimeoutInSeconds": seconds}
    return {"BlueGreenUpdatePolicy": {**deployment["BlueGreenUpdatePolicy"], **limit}}


@pytest.mark.parametrize(
    ("deployment", "said"),
    [
        (canary(51), "CanarySize must be between 1% and 50% of the variant's total instance count, not 51 %"),
        (linear(9, 1), "LinearStepSize must be between 10% and 50%"),
        (rolling(51, 1), "MaximumBatchSize must be between 5% and 50%"),
        (rolling(4, 1), "not 4 %"),
        (sized(canary(), CanarySize={"Type": "INSTANCE_COUNT", "Value": 3}), "not 3 of 4 instances"),
        (sized(canary(), Type="ALL_AT_ONCE"), "CanarySize must not be specified for .* ALL_AT_ONCE"),
        (sized(canary(), Type="LINEAR"), "CanarySize must not be specified for .* LINEAR"),
        (canary() | rolling(10, 1), "Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy"),
        (
            {
                "BlueGreenUpdatePolicy": {
                    **canary(10, 600)["BlueGreenUpdatePolicy"],
                    "MaximumExecutionTimeoutInSeconds": 1200,
                }
            },
            r"MaximumExecutionTimeoutInSeconds \(1200\) must be larger than the total waiting time",
        ),
    ],
)
def test_a_rollout_that_sagemaker_would_not_take_is_refused(deployment: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        read_rollout(deployment, 4)


def test_rollouts_become_stages() -> None:
    def shares(deployment: dict[str, Any] | None) -> list[int]:
        return [stage.share for stage in read_rollout(deployment, 4).stages]

    assert shares(None) == [100]
    assert shares(canary(10)) == [10, 100]
    assert shares(sized(canary(), CanarySize={"Type": "INSTANCE_COUNT", "Value": 1})) == [25, 100]
    assert shares(linear(30, 1)) == [30, 60, 90, 100]
    assert shares(rolling(50, 1)) == [50, 100]
