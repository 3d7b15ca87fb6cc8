"""Other clients reach the sandbox by its address alone: the AWS CLI and DVC; and odd S3 requests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from .conftest import REGION, Sandbox


def client_environment(sandbox: Sandbox, home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GIT_"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "AWS_ENDPOINT_URL": sandbox.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIAROOT222222222222",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "DVC_NO_ANALYTICS": "1",
    }


def run(sandbox: Sandbox, folder: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=client_environment(sandbox, folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_the_aws_cli_reaches_it(sandbox: Sandbox, tmp_path: Path, unique: str) -> None:
    run(
        sandbox,
        tmp_path,
        "aws",
        "sagemaker",
        "create-model-package-group",
        "--model-package-group-name",
        unique,
    )
    found = run(
        sandbox,
        tmp_path,
        "aws",
        "sagemaker",
        "describe-model-package-group",
        "--model-package-group-name",
        unique,
    )
    assert json.loads(found)["ModelPackageGroupName"] == unique
    (tmp_path / "a.txt").write_text("hello")
    run(sandbox, tmp_path, "aws", "s3", "cp", "a.txt", f"s3://{sandbox.bucket}/{unique}/a.txt")
    assert sandbox.read(f"s3://{sandbox.bucket}/{unique}/a.txt") == b"hello"


def test_dvc_pushes_and_pulls(sandbox: Sandbox, tmp_path: Path, unique: str) -> None:
    (tmp_path / ".dvc").mkdir()
    remote = (
        f"[core]\nremote = store\nno_scm = true\n['remote \"store\"']\nurl = s3://{sandbox.bucket}/{unique}\n"
    )
    (tmp_path / ".dvc/config").write_text(remote)
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    run(sandbox, tmp_path, "dvc", "add", "--quiet", "data.csv")
    run(sandbox, tmp_path, "dvc", "push", "--quiet")
    shutil.rmtree(tmp_path / ".dvc/cache")
    (tmp_path / "data.csv").unlink()
    run(sandbox, tmp_path, "dvc", "pull", "--quiet")
    assert (tmp_path / "data.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize("key", ["plain", "a b+c%20&=?.txt", "ünï/cödé", "trailing.", "deep/er/est", "x//y"])
def test_an_object_key_comes_back_as_it_was_put(sandbox: Sandbox, unique: str, key: str) -> None:
    s3 = sandbox.client("s3")
    s3.put_object(Bucket=sandbox.bucket, Key=f"{unique}/{key}", Body=key.encode())
    listed = s3.list_objects_v2(Bucket=sandbox.bucket, Prefix=f"{unique}/")["Contents"]
    assert [entry["Key"] for entry in listed] == [f"{unique}/{key}"]
    assert s3.get_object(Bucket=sandbox.bucket, Key=f"{unique}/{key}")["Body"].read() == key.encode()
    recorded = [
        record["requestParameters"].get("key") for record in sandbox.records() if record["requestParameters"]
    ]
    assert recorded.count(f"{unique}/{key}") == 2


@pytest.mark.parametrize("size", [0, 1, 70_000, 20_000_000])
def test_an_object_of_any_size_comes_back(sandbox: Sandbox, unique: str, size: int) -> None:
    body = os.urandom(size)
    assert sandbox.read(sandbox.put(unique, body)) == body


def test_a_conditional_write_keeps_what_is_there(sandbox: Sandbox, unique: str) -> None:
    s3 = sandbox.client("s3")
    s3.put_object(
        Bucket=sandbox.bucket, Key=unique, Body=b"first", IfNoneMatch="*", ChecksumAlgorithm="SHA256"
    )
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=sandbox.bucket, Key=unique, Body=b"second", IfNoneMatch="*")
    assert sandbox.read(f"s3://{sandbox.bucket}/{unique}") == b"first"


def test_a_header_that_would_be_lost_is_refused(sandbox: Sandbox, unique: str) -> None:
    with pytest.raises(ClientError) as caught:
        sandbox.client("s3").put_object(Bucket=sandbox.bucket, Key=unique, Body=b"", Metadata={"a_b": "c"})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_cli_makes_and_lists_alarms(sandbox: Sandbox, tmp_path: Path, unique: str) -> None:
    words = (
        f"put-metric-alarm --alarm-name {unique} --namespace shop --metric-name m --extended-statistic p95 "
        "--period 60 --evaluation-periods 1 --threshold 5 --comparison-operator GreaterThanThreshold"
    )
    run(sandbox, tmp_path, "aws", "cloudwatch", *words.split())
    listed = run(sandbox, tmp_path, "aws", "cloudwatch", "describe-alarms", "--alarm-names", unique)
    alarm = json.loads(listed)["MetricAlarms"][0]
    assert (alarm["StateValue"], alarm["ExtendedStatistic"]) == ("INSUFFICIENT_DATA", "p95")
