"""A sandbox for tests of verbs that change AWS, and releases made by hand to deploy on it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.approvals import Approved
from mlops.aws import error_code
from mlops.deploy import Orders
from mlops.forge import Person, PullRequest, Review
from mlops.git import last_versions
from mlops.packages import ensure_group
from mlops.pin import dump_pin, make_pin, pin_path
from mlops.release import Artifact, read_package
from mlops.serving import Serve
from tests.conftest import PROJECT, REGION, commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sagemaker.type_defs import MetricsSourceTypeDef

    from mlops.approvals import Move
    from mlops.aws import Aws
    from mlops.project import Environment, Project

PAYLOAD = Path(__file__).resolve().parents[1]
SPEED = "1200"  # ten minutes of bake in half a second
DECISIONS = "SANDBOX_DECISIONS"
EMPTY = "# nothing but Python and pip\n"
EMPTY_REPOSITORY = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/empty"
IMAGE = f"{EMPTY_REPOSITORY}@sha256:{hashlib.sha256(EMPTY.encode()).hexdigest()}"
SCORES = {"column": "x", "mean": 1.0, "std": 0.1, "rows": 100}
SMOKE = {"content_type": "text/csv", "body": "x\n1\n"}
EVALUATION = json.dumps({"schema": 3, "scores": SCORES, "smoke": SMOKE}).encode()
HANDLER = """
import json, pathlib

def model_fn(folder):
    text = (pathlib.Path(folder) / "weights.txt").read_text()
    if text == "broken":
        raise ValueError("these weights cannot be loaded")
    return text

def input_fn(body, kind):
    return body

def predict_fn(data, model):
    return model

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


def start_sandbox(folder: Path, speed: str = SPEED, *options: str) -> Iterator[str]:
    """Serve AWS for the test project; yields the endpoint's URL."""
    folder.mkdir()
    (folder / "project.yml").write_text(PROJECT)
    (folder / "infra").symlink_to(PAYLOAD / "infra")
    (folder / "images").mkdir()
    (folder / "images/empty-1.txt").write_text(EMPTY)
    run_sandbox(folder, "up", "--detach", "--images", "images", "--speed", speed, *options)
    try:
        yield json.loads((folder / ".sandbox/sandbox.json").read_text())["endpoint"]
    finally:
        run_sandbox(folder, "down")


def run_sandbox(folder: Path, *arguments: str) -> None:
    """One command of the sandbox."""
    environment = {**os.environ, "PYTHONPATH": str(PAYLOAD)}
    record = os.environ.get(DECISIONS, "")  # the folder where `make record` has decisions written down
    name = "-".join((*folder.parts[-2:], "decisions.jsonl"))
    more = ["--decisions", str(Path(record) / name)] if record and arguments[0] == "up" else []
    command = [sys.executable, "-m", "sandbox", *arguments, *more]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Bench:
    """A project under git, and the clients of the AWS it deploys to."""

    root: Path
    project: Project
    aws: Aws

    def register(
        self,
        model: str,
        weights: str,
        handler: str = HANDLER,
        commit: str = "c" * 40,
        evaluation: bytes = EVALUATION,
    ) -> Artifact:
        """Put a sealed archive and register its package, as the pipeline's last job does."""
        archive = pack({"weights.txt": weights, "code/inference.py": handler})
        digest = hashlib.sha256(archive)
        key = f"releases/{model}/{digest.hexdigest()}/model.tar.gz"
        bucket = self.project.releases_bucket
        self.seal(key, archive)
        sealed = {"archive.sha256": digest.hexdigest(), "archive.size": str(len(archive)), "commit": commit}
        sealed["evaluation.sha256"] = hashlib.sha256(evaluation).hexdigest()
        self.seal(evaluation_key(key, sealed["evaluation.sha256"]), evaluation)
        return self.describe(self.create_package(model, f"s3://{bucket}/{key}", sealed))

    def seal(self, key: str, content: bytes) -> None:
        """Put an object into the releases bucket, which takes none twice."""
        s3, bucket = self.aws.s3, self.project.releases_bucket
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*", ChecksumAlgorithm="SHA256")
        except s3.exceptions.ClientError as error:
            if error_code(error) != "PreconditionFailed":
                raise

    def replace_sealed(self, key: str, content: bytes) -> None:
        """What is left to an attacker: hide an object behind a delete marker, then put another."""
        self.aws.s3.delete_object(Bucket=self.project.releases_bucket, Key=key)
        self.seal(key, content)

    def create_package(self, model: str, url: str, sealed: dict[str, str]) -> str:
        """The package of an archive, waiting for approval; its ARN."""
        client = self.aws.sagemaker
        ensure_group(client, self.project, model)
        environment = {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        }
        container = {"Image": IMAGE, "ModelDataUrl": url, "Environment": environment}
        inference = {
            "Containers": [container],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        }
        properties = {
            **sealed,
            "data": "d" * 32,
            "bundle": "b" * 64,
            "execution": "arn:aws:sagemaker:eu-west-1:111111111111:pipeline/p/execution/e",
            "fingerprint": "f" * 64,
        }
        evaluation = evaluation_key(url, sealed["evaluation.sha256"])
        statistics: MetricsSourceTypeDef = {"ContentType": "application/json", "S3Uri": evaluation}
        answer = client.create_model_package(
            ModelPackageGroupName=self.project.group(model),
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification=inference,  # type: ignore[arg-type]
            CustomerMetadataProperties=properties,
            ModelMetrics={"ModelQuality": {"Statistics": statistics}},
        )
        return answer["ModelPackageArn"]

    def describe(self, arn: str) -> Artifact:
        """The artifact of a package."""
        return read_package(self.aws.sagemaker.describe_model_package(ModelPackageName=arn))

    def pin(self, model: str, artifact: Artifact, environment: Environment = "staging", **serve: Any) -> str:
        """Commit the pin of an artifact; the commit."""
        path = self.root / pin_path(environment, model)
        path.parent.mkdir(parents=True, exist_ok=True)
        serving = Serve.model_validate({"instance": "ml.m5.large", "soak_minutes": 0, **serve}).resolve(
            environment
        )
        path.write_text(dump_pin(make_pin(model, artifact, serving)))
        return commit(self.root, f"Pin {model}")

    @property
    def orders(self) -> Orders:
        """Deploy what two people have approved."""
        return Orders(self.approve)

    def approve(self, move: Move) -> Approved:
        """The approvals that a forge would count; test_approvals.py has the counting itself."""
        commits = last_versions(self.root, move.path)
        people = [Person(number, login) for number, login in enumerate(("ben", "cleo"), start=2)]
        head = "a" * 40
        url = "https://github.com/acme/models/pull/7"
        bot, when = Person(1, "bot", is_bot=True), "2026-11-20T12:00:00Z"
        opened = datetime.fromisoformat(when)
        pull = PullRequest(7, url, "", "", "", head, "main", bot, False, commits[0], opened_at=opened)
        reviews = (Review(person.id, person, head, "APPROVED", when) for person in people)
        return Approved(pull, commits[0], "", tuple(reviews), earlier=tuple(commits[1:]))

    def ask(self, model: str, environment: Environment = "staging") -> Any:
        """The endpoint's answer: the weights it was sealed with."""
        name = self.project.endpoint(environment, model)
        answer = self.aws.runtime.invoke_endpoint(
            EndpointName=name, ContentType="application/json", Body=b"1"
        )
        return json.loads(answer["Body"].read())


def evaluation_key(archive: str, sha256: str) -> str:
    """Where the evaluation of an archive lies, as a key or an address."""
    return archive.replace("model.tar.gz", f"evaluations/{sha256}.json")


def pack(members: dict[str, str]) -> bytes:
    """A tar.gz of texts."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
