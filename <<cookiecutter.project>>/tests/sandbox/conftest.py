"""One server for the whole run, reached only through boto3, as a user reaches it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAYLOAD = Path(__file__).resolve().parents[2]
ACCOUNT = "222222222222"
REGION = "eu-west-1"
STAGING, PROD = "333333333333", "444444444444"
PROJECT = f"""\
project: "shop"
owner_team: "@acme/ml"
repository: "acme/shop"
region: "{REGION}"
accounts: {{training: "{ACCOUNT}", staging: "{STAGING}", prod: "{PROD}"}}
"""
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/empty:1"


@dataclass(frozen=True)
class Sandbox:
    """A running server and the folder of the project it runs in."""

    root: Path
    endpoint: str
    role: str = f"arn:aws:iam::{ACCOUNT}:role/shop-execution"
    bucket: str = f"shop-data-{ACCOUNT}-{REGION}"
    attempts: int = 1

    def client(self, service: str, access_key: str = f"AKIAROOT{ACCOUNT}", token: str | None = None) -> Any:
        session: Any = boto3.session.Session()
        return session.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key="secret",  # noqa: S106
            aws_session_token=token,
            config=Config(proxies={}, retries={"mode": "standard", "total_max_attempts": self.attempts}),
        )

    def put(self, key: str, body: str | bytes) -> str:
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    def records(self) -> list[dict[str, Any]]:
        files = sorted((self.root / ".sandbox/trail").glob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def allow(*actions: str, resource: str = "*") -> str:
    """A policy that allows actions."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_user(sandbox: Sandbox, name: str, account: str = ACCOUNT) -> str:
    """An IAM user who may assume roles and nothing else; its access key."""
    iam = sandbox.client("iam", f"AKIAROOT{account}")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="assume", PolicyDocument=allow("sts:AssumeRole"))
    return str(iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"])


def make_role(
    sandbox: Sandbox, name: str, actions: list[str], principal: dict[str, str] | None = None
) -> str:
    """A role of which the account's users, or another principal, may open sessions; its ARN."""
    trust = {"Effect": "Allow", "Principal": principal or {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = sandbox.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=allow(*actions))
    return str(made["Role"]["Arn"])


def make_project(folder: Path) -> Path:
    """A project as small as the sandbox needs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.yml").write_text(PROJECT)
    (folder / "infra").symlink_to(PAYLOAD / "infra")
    images = folder / "images"
    images.mkdir()
    (images / "empty-1.txt").write_text("# nothing but Python and pip\n")
    return folder


def environment() -> dict[str, str]:
    """The environment of a user's shell, without what a developer's machine adds."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MOTO_"))}
    return {**kept, "PYTHONPATH": str(PAYLOAD), "PYTHONWARNINGS": "ignore"}


def sandbox_command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    root = make_project(tmp_path_factory.mktemp("sandbox") / "project")
    started = sandbox_command(root, "up", "--detach", "--images", "images")
    assert started.returncode == 0, started.stderr
    yield Sandbox(root, json.loads((root / ".sandbox/sandbox.json").read_text())["endpoint"])
    assert sandbox_command(root, "down").returncode == 0


@pytest.fixture(scope="session")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox in which ten minutes and a session last a second, and one instance type cannot be had."""
    root = make_project(tmp_path_factory.mktemp("fast") / "project")
    options = ("--speed", "600", "--no-capacity", "ml.c5.large", "--session-seconds", "1")
    started = sandbox_command(root, "up", "--detach", "--images", "images", *options)
    assert started.returncode == 0, started.stderr
    yield Sandbox(root, json.loads((root / ".sandbox/sandbox.json").read_text())["endpoint"])
    assert sandbox_command(root, "down").returncode == 0


@pytest.fixture(scope="session")
def sagemaker(sandbox: Sandbox) -> Any:
    return sandbox.client("sagemaker")


@pytest.fixture
def unique() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


def wait_for(
    read: Callable[[], dict[str, Any]], status: str, *pending: str | None, seconds: float = 60
) -> dict[str, Any]:
    """Read until a resource leaves its pending states."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = read()
        if found[status] not in pending:
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found[status]} after {seconds} s")


def archive(files: dict[str, str]) -> bytes:
    """A tar.gz of text files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


def training(sandbox: Sandbox, name: str, script: str, **changes: Any) -> dict[str, Any]:
    """Arguments of CreateTrainingJob for a job that runs a shell script."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/bash"],
            "ContainerArguments": ["-c", script],
        },
        "RoleArn": sandbox.role,
        "OutputDataConfig": {"S3OutputPath": f"s3://{sandbox.bucket}/runs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }


def channel(name: str, uri: Any) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
    }


def processing(sandbox: Sandbox, name: str, script: str, **changes: Any) -> dict[str, Any]:
    """Arguments of CreateProcessingJob for a job that runs a shell script."""
    return {
        "ProcessingJobName": name,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["/bin/bash", "-c", script]},
        "RoleArn": sandbox.role,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }


def processing_input(name: str, uri: Any) -> dict[str, Any]:
    path = f"/opt/ml/processing/input/{name}"
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def processing_output(name: str, uri: Any) -> dict[str, Any]:
    target = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/output/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}


def run_training(sandbox: Sandbox, name: str, script: str, **changes: Any) -> dict[str, Any]:
    client = sandbox.client("sagemaker")
    client.create_training_job(**training(sandbox, name, script, **changes))
    return ended_training(client, name)


def ended_training(client: Any, name: str) -> dict[str, Any]:
    return wait_for(
        lambda: client.describe_training_job(TrainingJobName=name),
        "TrainingJobStatus",
        "InProgress",
        "Stopping",
    )


def run_processing(sandbox: Sandbox, name: str, script: str, **changes: Any) -> dict[str, Any]:
    client = sandbox.client("sagemaker")
    client.create_processing_job(**processing(sandbox, name, script, **changes))
    return ended_processing(client, name)


def ended_processing(client: Any, name: str) -> dict[str, Any]:
    return wait_for(
        lambda: client.describe_processing_job(ProcessingJobName=name),
        "ProcessingJobStatus",
        "InProgress",
        "Stopping",
    )
