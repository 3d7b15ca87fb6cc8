"""Throttling and dropped connections: whichever call they hit, a verb ends as if they had not."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError

from mlops.data import publish
from mlops.deploy import deploy
from mlops.propose import wanted_in_staging
from mlops.run import prepare_run
from mlops.spec import read_spec
from mlops.status import read_rows
from mlops.target import read_targets
from mlops.train import start
from mlops.workspace import Workspace
from tests.conftest import commit, edit
from tests.live import IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.live import Bench

THROTTLED = {
    "json": b'{"__type": "ThrottlingException", "message": "Rate exceeded"}',
    "rest-xml": b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>",
}


class Raw:
    """The body of an answer that never came from a server."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.content


class Faults:
    """Fails the first attempt of every call: `kinds` says how, by turns."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds
        self.hits: Counter[str] = Counter()

    def watch(self, client: Any) -> None:
        """Stand between a client and the network."""
        client.meta.events.register("before-send", self.send)

    def send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        """Botocore asks before each attempt; the retry's own header tells the first from the others."""
        attempt = request.headers.get("amz-sdk-request", b"")
        text = attempt.decode() if isinstance(attempt, bytes) else str(attempt)
        if "attempt=1" not in text:
            return None
        kind = self.kinds[sum(self.hits.values()) % len(self.kinds)]
        self.hits[event_name.rsplit(".", 1)[-1]] += 1
        if kind == "dropped":
            raise ConnectionClosedError(endpoint_url=request.url)
        body = THROTTLED["rest-xml" if ".s3." in event_name else "json"]
        return AWSResponse(request.url, 503 if ".s3." in event_name else 400, HTTPHeaders(), Raw(body))


@pytest.fixture(params=["dropped", "throttled"])
def faults(request: pytest.FixtureRequest, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Every first attempt of every call of the bench's clients fails."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    faults = Faults(request.param)
    for client in (bench.aws.s3, bench.aws.sagemaker):
        faults.watch(client)
    return faults


def attempts(faults: Faults, act: Callable[[], Any]) -> Any:
    """The result of an act, after checking that faults did hit it."""
    faults.hits.clear()
    result = act()
    assert faults.hits, "no call was hit"
    return result


def test_a_dataset_is_published_all_the_same(bench: Bench, faults: Faults) -> None:
    md5 = hashlib.md5(b"a", usedforsecurity=False).hexdigest()
    key = f"dvc/files/md5/{md5[:2]}/{md5[2:]}"
    bench.aws.s3.put_object(Bucket=bench.project.data_bucket, Key=key, Body=b"a")
    workspace = Workspace(bench.root, bench.project)
    published = attempts(faults, lambda: publish(workspace, bench.aws.s3, "guess"))
    assert published.files == 1
    assert {"HeadObject", "ListObjectsV2"} <= set(faults.hits)


def test_a_run_is_started_once_all_the_same(
    bench: Bench, faults: Faults, name: str, make_model: Callable[[str], Path]
) -> None:
    edit(make_model(name) / "model.yml", 'framework: sklearn, version: "1.9-0"', f'uri: "{IMAGE}"')
    workspace = Workspace(bench.root, bench.project)
    head = commit(bench.root, "Add")
    spec = read_spec(bench.root, name)
    run = prepare_run(workspace, spec, head)
    manifest = f"datasets/{name}/{run.parameters['DataVersion']}/manifest.json"
    bench.aws.s3.put_object(Bucket=bench.project.data_bucket, Key=manifest, Body=b"{}")
    execution, started = attempts(faults, lambda: start(workspace, bench.aws, spec, run))
    assert started
    assert {"CreatePipeline", "StartPipelineExecution", "CreateModelPackageGroup", "PutObject"} <= set(
        faults.hits
    )
    listed = bench.aws.sagemaker.list_pipeline_executions(PipelineName=f"acme-{name}")[
        "PipelineExecutionSummaries"
    ]
    assert [row["PipelineExecutionArn"] for row in listed] == [execution]


def test_a_pin_is_proposed_all_the_same(
    bench: Bench, faults: Faults, make_model: Callable[[str], Path], name: str
) -> None:
    make_model(name)
    artifact = bench.register(name, "first")
    workspace = Workspace(bench.root, bench.project)
    pin = attempts(faults, lambda: wanted_in_staging(workspace, bench.aws.sagemaker, name)).pin
    assert pin.artifact == artifact


def test_a_release_is_deployed_all_the_same(bench: Bench, faults: Faults, name: str) -> None:
    bench.pin(name, bench.register(name, "first"))
    targets = read_targets(bench.root, bench.project, "staging", name)
    done = attempts(faults, lambda: deploy(bench.aws, targets, bench.orders))
    assert [deployed.error for deployed in done] == [""]
    assert {"CreateModel", "CreateEndpointConfig", "CreateEndpoint", "GetObject"} <= set(faults.hits)
    assert bench.ask(name) == "first"


def test_the_status_is_read_all_the_same(bench: Bench, faults: Faults, name: str) -> None:
    bench.pin(name, bench.register(name, "first"))
    deploy(bench.aws, read_targets(bench.root, bench.project, "staging", name), bench.orders)
    rows = attempts(faults, lambda: read_rows(Workspace(bench.root, bench.project), bench.aws.sagemaker))
    assert [row.drift for row in rows if row.model == name] == [""]
