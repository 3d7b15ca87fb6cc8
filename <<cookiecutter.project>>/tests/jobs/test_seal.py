"""Sealing: one archive, written once, registered once, whatever fails on the way."""

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber

from tests.jobs.layout import SPEC, write_archive, write_files, write_json

PATIENT = Config(region_name="eu-west-1", retries={"mode": "standard", "max_attempts": 8})


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with mock_aws():
        s3, sagemaker = boto3.client("s3", config=PATIENT), boto3.client("sagemaker", config=PATIENT)
        place: Any = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket=SPEC["releases_bucket"], CreateBucketConfiguration=place)
        sagemaker.create_model_package_group(ModelPackageGroupName=SPEC["package_group"])
        yield s3, sagemaker


def seal(ml: Path, work: Path, clients: tuple[Any, Any], execution: str = "e1") -> str:
    import seal as program

    origin = program.Origin("c" * 40, "d" * 32, "b" * 64, "f" * 64, execution)
    return program.run(ml, work, origin, *clients)


def keys(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=SPEC["releases_bucket"]).get("Contents", [])]


def packages(sagemaker: Any) -> list[str]:
    found = sagemaker.list_model_packages(ModelPackageGroupName=SPEC["package_group"])
    return [entry["ModelPackageArn"] for entry in found["ModelPackageSummaryList"]]


def fail_once(client: Any, operation: str, failure: Callable[[Any], AWSResponse | None]) -> list[str]:
    """Let the first attempt of an operation fail; return the attempts as they come."""
    attempts: list[str] = []

    def before_send(request: Any, **_: object) -> AWSResponse | None:
        attempts.append(request.url)
        botocore_stubber.enabled = failure not in (throttle, conflict) or len(attempts) > 1
        return failure(request) if len(attempts) == 1 else None

    client.meta.events.register_first(f"before-send.*.{operation}", before_send)
    return attempts


def throttle(request: Any) -> AWSResponse:
    class Body(io.BytesIO):
        def stream(self, **_: object) -> Iterator[bytes]:
            yield self.read()

    error = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
    xml = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"
    return AWSResponse(request.url, 503, HTTPHeaders(), Body(xml if "releases" in request.url else error))


def conflict(request: Any) -> AWSResponse:
    """What S3 answers while another conditional write of the key is under way."""
    text = b"<Error><Code>ConditionalRequestConflict</Code><Message>Conflict, retry</Message></Error>"

    class Body(io.BytesIO):
        def stream(self, **_: object) -> Iterator[bytes]:
            yield self.read()

    return AWSResponse(request.url, 409, HTTPHeaders(), Body(text))


def drop_before(request: Any) -> AWSResponse:
    raise ConnectionClosedError(endpoint_url=request.url)


def drop_after(request: Any) -> AWSResponse:
    assert isinstance(botocore_stubber, BotocoreStubber)
    botocore_stubber("before-send", request)
    raise ConnectionClosedError(endpoint_url=request.url)


def test_the_archive_is_stored_under_its_own_hash(ml: Path, tmp_path: Path, clients: tuple[Any, Any]) -> None:
    seal(ml, tmp_path / "work", clients)
    [evaluation, archive] = keys(clients[0])
    content = clients[0].get_object(Bucket=SPEC["releases_bucket"], Key=archive)["Body"].read()
    prefix = f"releases/adder/{hashlib.sha256(content).hexdigest()}"
    written = ml / "processing/input/evaluation/evaluation.json"
    evidence = hashlib.sha256(written.read_bytes()).hexdigest()
    assert [evaluation, archive] == [f"{prefix}/evaluations/{evidence}.json", f"{prefix}/model.tar.gz"]
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert {"offset.txt", "code/inference.py", "code/requirements.txt", "code/serve.py"} < set(
            tar.getnames()
        )


def test_the_package_waits_for_approval_and_says_where_it_comes_from(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    arn = seal(ml, tmp_path / "work", clients)
    package = clients[1].describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    [container] = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == f"s3://{SPEC['releases_bucket']}/{keys(clients[0])[1]}"
    known = package["CustomerMetadataProperties"]
    sealed = container["ModelDataUrl"].split("/")[-2]
    evaluation = (ml / "processing/input/evaluation/evaluation.json").read_bytes()
    size = clients[0].head_object(Bucket=SPEC["releases_bucket"], Key=keys(clients[0])[1])["ContentLength"]
    assert known == {
        "commit": "c" * 40,
        "data": "d" * 32,
        "bundle": "b" * 64,
        "fingerprint": "f" * 64,
        "execution": "e1",
        "archive.sha256": sealed,
        "archive.size": str(size),
        "evaluation.sha256": hashlib.sha256(evaluation).hexdigest(),
        "image": SPEC["image"],
        "metric.error": "0.5",
    }


def test_sealing_twice_gives_one_archive_and_one_package(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    first = seal(ml, tmp_path / "one", clients)
    assert seal(ml, tmp_path / "two", clients, execution="e2") == first
    assert packages(clients[1]) == [first]
    assert len(keys(clients[0])) == 2


def test_another_model_gets_a_package_of_its_own(ml: Path, tmp_path: Path, clients: tuple[Any, Any]) -> None:
    first = seal(ml, tmp_path / "one", clients)
    write_archive(ml / "processing/input/model/model.tar.gz", {"offset.txt": b"0.75"})
    assert seal(ml, tmp_path / "two", clients) != first
    assert len(packages(clients[1])) == 2


def test_a_run_that_stopped_before_registering_is_completed(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    def die(**_: object) -> None:
        raise KeyboardInterrupt

    event = "provide-client-params.sagemaker.CreateModelPackage"
    clients[1].meta.events.register(event, die)
    with pytest.raises(KeyboardInterrupt):
        seal(ml, tmp_path / "one", clients)
    clients[1].meta.events.unregister(event, die)
    assert seal(ml, tmp_path / "two", clients) == packages(clients[1])[0]
    assert len(keys(clients[0])) == 2


@pytest.mark.parametrize("failure", [throttle, drop_before, drop_after, conflict])
def test_a_first_put_that_fails_or_whose_answer_is_lost_does_no_harm(
    failure: Callable[[Any], AWSResponse], ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    attempts = fail_once(clients[0], "PutObject", failure)
    seal(ml, tmp_path / "work", clients)
    assert len(attempts) == 3  # the archive twice, the evaluation once
    assert len(packages(clients[1])) == 1


@pytest.mark.parametrize("failure", [throttle, drop_before])
def test_a_first_registration_that_fails_is_repeated(
    failure: Callable[[Any], AWSResponse], ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    attempts = fail_once(clients[1], "CreateModelPackage", failure)
    seal(ml, tmp_path / "work", clients)
    assert len(attempts) == 2
    assert len(packages(clients[1])) == 1


def test_an_object_with_other_bytes_is_never_overwritten(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    import job

    seal(ml, tmp_path / "one", clients)
    [_, archive] = keys(clients[0])
    clients[0].put_object(Bucket=SPEC["releases_bucket"], Key=archive, Body=b"other")
    with pytest.raises(job.JobError) as caught:
        seal(ml, tmp_path / "two", clients)
    assert f"s3://{SPEC['releases_bucket']}/{archive} already holds other bytes (sha256 " in str(caught.value)


def test_a_conflict_that_does_not_end_is_said(ml: Path, tmp_path: Path, clients: tuple[Any, Any]) -> None:
    def always(request: Any, **_: object) -> AWSResponse:
        botocore_stubber.enabled = False
        return conflict(request)

    clients[0].meta.events.register_first("before-send.s3.PutObject", always)
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        seal(ml, tmp_path / "work", clients)


def test_a_run_that_stopped_and_measured_anew_is_completed(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    """Equal weights give an equal archive, but the second evaluation took other milliseconds."""

    def die(**_: object) -> None:
        raise KeyboardInterrupt

    event = "provide-client-params.sagemaker.CreateModelPackage"
    clients[1].meta.events.register(event, die)
    with pytest.raises(KeyboardInterrupt):
        seal(ml, tmp_path / "one", clients)
    clients[1].meta.events.unregister(event, die)
    path = ml / "processing/input/evaluation/evaluation.json"
    write_json(path, json.loads(path.read_text()) | {"latency": {"p95_ms": 7.0}})
    package = clients[1].describe_model_package(ModelPackageName=seal(ml, tmp_path / "two", clients))
    evidence = hashlib.sha256(path.read_bytes()).hexdigest()
    assert package["CustomerMetadataProperties"]["evaluation.sha256"] == evidence
    uri = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert uri.endswith(f"/evaluations/{evidence}.json")
    assert len([key for key in keys(clients[0]) if "/evaluations/" in key]) == 2


def test_of_two_seals_at_once_the_second_finds_the_package_of_the_first(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    """The other seal registers between this one's look and its own registration."""
    first: list[str] = []

    def overtake(**_: object) -> None:
        clients[1].meta.events.unregister(event, overtake)
        first.append(seal(ml, tmp_path / "other", clients, execution="e2"))
        clients[1].meta.events.register("before-call.sagemaker.CreateModelPackage", refuse)

    def refuse(**_: object) -> None:
        answer: Any = {"Error": {"Code": "ConflictException", "Message": "token used"}}
        raise ClientError(answer, "CreateModelPackage")

    event = "provide-client-params.sagemaker.CreateModelPackage"
    clients[1].meta.events.register(event, overtake)
    assert [seal(ml, tmp_path / "work", clients)] == first
    assert packages(clients[1]) == first


def test_equal_inputs_give_an_equal_archive(ml: Path, tmp_path: Path) -> None:
    import seal as program

    inputs = ml / "processing/input"
    one, two = (program.pack_archive(inputs, "adder", "f" * 64, tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as tar:
        identity = tar.extractfile("code/identity.json")
        assert identity is not None
        assert json.load(identity) == {"model": "adder", "fingerprint": "f" * 64}


def test_the_container_serves_through_the_wrapper(ml: Path, tmp_path: Path, clients: tuple[Any, Any]) -> None:
    package = clients[1].describe_model_package(ModelPackageName=seal(ml, tmp_path / "work", clients))
    [container] = package["InferenceSpecification"]["Containers"]
    assert container["Environment"] == {
        "SAGEMAKER_PROGRAM": "serve.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }


def test_plots_lie_beside_the_evaluation_that_names_them(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    folder = ml / "processing/input/evaluation/plots"
    write_files(folder, {"metrics.svg": b"<svg/>"})
    seal(ml, tmp_path / "work", clients)
    [evaluation, plot, _] = keys(clients[0])
    assert plot == evaluation.removesuffix(".json") + "/plots/metrics.svg"


def test_how_long_an_object_is_locked_is_the_buckets_own_rule(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    sent: list[str] = []

    def note(request: Any, **_: object) -> None:
        sent.extend(request.headers.keys())

    clients[0].meta.events.register_first("before-send.s3.PutObject", note)
    seal(ml, tmp_path / "work", clients)
    assert not [header for header in sent if "object-lock" in header.lower()]


def test_weights_of_a_sealed_archive_are_sealed_under_new_code(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    old = {
        "offset.txt": b"0.5",
        "code/identity.json": b"{}",
        "code/inference.py": b"old",
        "code/gone.py": b"",
    }
    write_archive(ml / "processing/input/model/model.tar.gz", old)
    seal(ml, tmp_path / "work", clients)
    with tarfile.open(tmp_path / "work/model.tar.gz") as tar:
        names = tar.getnames()
        handler = tar.extractfile("code/inference.py")
        assert handler is not None
        assert handler.read() != b"old"
    assert "code/gone.py" not in names


def test_the_archive_travels_with_its_checksum(ml: Path, tmp_path: Path, clients: tuple[Any, Any]) -> None:
    sent: list[bytes] = []

    def note(request: Any, **_: object) -> None:
        sent.append(base64.b64decode(request.headers["x-amz-checksum-sha256"]))
        assert request.headers["If-None-Match"] == b"*"

    clients[0].meta.events.register_first("before-send.s3.PutObject", note)
    seal(ml, tmp_path / "work", clients)
    assert sent[0].hex() == keys(clients[0])[1].split("/")[-2]


def test_a_model_that_failed_its_gates_is_not_sealed(
    ml: Path, tmp_path: Path, clients: tuple[Any, Any]
) -> None:
    import job

    path = ml / "processing/input/evaluation/evaluation.json"
    write_json(path, json.loads(path.read_text()) | {"passed": False, "reason": "gate error <= 0.6 failed"})
    with pytest.raises(job.JobError) as caught:
        seal(ml, tmp_path / "work", clients)
    reason = "the model did not pass its gates and is not sealed: gate error <= 0.6 failed"
    assert str(caught.value) == reason
    assert keys(clients[0]) == []


def test_no_more_metrics_are_registered_than_the_registry_holds() -> None:
    import seal as program

    origin = program.Origin("c", "d", "b", "f", "e")
    sealed = program.Stored("s3://bucket/key", "a" * 64, 1, fresh=True)
    metrics = {f"m{number:03}": {"value": 1.0} for number in range(60)}
    known = program.properties(origin, sealed, "e" * 64, "image", metrics)
    assert len(known) == program.KEYS_LIMIT
    assert "metric.m000" in known


def test_the_bundle_is_named_by_its_hash() -> None:
    import seal as program

    words = ["--commit", "c", "--data-version", "d", "--fingerprint", "f", "--execution", "e"]
    origin = program.parse([*words, "--bundle-uri", "s3://bucket/code/abc.tar.gz"])
    assert origin == program.Origin("c", "d", "abc", "f", "e")
