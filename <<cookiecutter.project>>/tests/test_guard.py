"""A canary that fails, or that answers otherwise than on its test set, goes back by itself."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from mlops.aws import Aws
from mlops.deploy import deploy
from mlops.target import read_targets
from tests.live import Bench, start_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.deploy import Deployed
    from mlops.workspace import Workspace

SPEED = "60"  # a minute of AWS in a second
ROLLOUT = {"strategy": "canary", "percent": 10, "bake_minutes": 4}
HANDLER = """
import json, pathlib

def model_fn(folder):
    return json.loads((pathlib.Path(folder) / "weights.txt").read_text())

def input_fn(body, kind):
    return body

def predict_fn(data, model):
    if model.get("fails") and data != b"x\\n1\\n":
        raise RuntimeError("no answer")
    return model

def output_fn(prediction, accept):
    says = {"model": prediction["model"], "fingerprint": "f" * 12, "score": prediction["score"]}
    print(json.dumps({"mlops": says}), flush=True)
    return json.dumps(prediction["name"]), "application/json"
"""


@pytest.fixture(scope="module")
def slow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox in which a bake lasts long enough to be watched."""
    yield from start_sandbox(tmp_path_factory.mktemp("slow") / "project", SPEED)


@pytest.fixture
def watched(workspace: Workspace, slow_url: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench on that sandbox."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", slow_url)
    return Bench(workspace.root, workspace.project, Aws(workspace.project.region))


def weights(model: str, name: str, score: float = 1.0, fails: bool = False) -> str:
    """What a release is sealed with: its name, the score it reports, and whether it fails."""
    import json

    return json.dumps({"model": model, "name": name, "score": score, "fails": fails})


class Clients:
    """Ask an endpoint until told to stop; what was answered, by release."""

    def __init__(self, bench: Bench, model: str) -> None:
        self.bench, self.model = bench, model
        self.answers: Counter[str] = Counter()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.ask) for _ in range(2)]

    def __enter__(self) -> Clients:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def ask(self) -> None:
        """One client's life."""
        while not self.stopped.is_set():
            try:
                self.answers[str(self.bench.ask(self.model))] += 1
            except self.bench.aws.runtime.exceptions.ClientError as error:
                self.answers[error.response["Error"]["Code"]] += 1


def roll_out(bench: Bench, model: str, release: str) -> tuple[Deployed, Counter[str]]:
    """Deploy a release under traffic, over one that is live."""
    for content in (weights(model, "old"), release):
        bench.pin(model, bench.register(model, content, HANDLER), count=2, rollout=ROLLOUT)
        targets = read_targets(bench.root, bench.project, "staging", model)
        with Clients(bench, model) as clients:
            (deployed,) = deploy(bench.aws, targets, bench.orders)
    return deployed, clients.answers


def watched_config(bench: Bench, model: str) -> str:
    """The config that git pins."""
    (target,) = read_targets(bench.root, bench.project, "staging", model)
    return target.config


def read_rollback(bench: Bench, model: str) -> dict[str, str]:
    """What `deploy` wrote of the release that did not stay."""
    bucket, prefix = bench.project.releases_bucket, f"evidence/staging/{model}/"
    entries = bench.aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    (key,) = [entry["Key"] for entry in entries if entry["Key"].endswith(".rollback.json")]
    return dict(json.loads(bench.aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()))


def test_a_good_release_takes_over_through_a_canary(watched: Bench, name: str) -> None:
    deployed, answers = roll_out(watched, name, weights(name, "new"))
    assert deployed.error == ""
    assert set(answers) == {"old", "new"}, "a request was lost"
    assert watched.ask(name) == "new"


def test_a_release_that_fails_goes_back_within_the_bake(watched: Bench, name: str) -> None:
    deployed, answers = roll_out(watched, name, weights(name, "new", fails=True))
    assert f"acme-staging-{name}.errors." in deployed.error
    assert watched.ask(name) == "old"
    assert read_rollback(watched, name)["failed"] == watched_config(watched, name)
    assert set(answers) == {"old", "ModelError"}
    assert answers["ModelError"] / answers.total() < 0.15, f"a tenth at most was to fail: {answers}"


def test_one_instance_is_guarded_too(watched: Bench, name: str) -> None:
    watched.pin(name, watched.register(name, weights(name, "old"), HANDLER), rollout=ROLLOUT)
    deploy(watched.aws, read_targets(watched.root, watched.project, "staging", name), watched.orders)
    watched.pin(name, watched.register(name, weights(name, "new", fails=True), HANDLER), rollout=ROLLOUT)
    with Clients(watched, name):
        (deployed,) = deploy(
            watched.aws, read_targets(watched.root, watched.project, "staging", name), watched.orders
        )
    assert f"acme-staging-{name}.errors." in deployed.error
    assert watched.ask(name) == "old"


def test_a_release_whose_scores_shift_goes_back_without_an_error(watched: Bench, name: str) -> None:
    deployed, answers = roll_out(watched, name, weights(name, "new", score=9.0))
    assert f"acme-staging-{name}.score-high." in deployed.error
    assert watched.ask(name) == "old"
    assert set(answers) == {"old", "new"}, "a request was lost"
