"""Publishing a dataset version: inside S3, manifest last, safe to stop and to repeat."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from mlops import cli
from mlops.data import publish
from mlops.errors import MlopsError
from tests.conftest import ACCOUNT, REGION, edit

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from mlops.workspace import Workspace

BUCKET = f"acme-data-{ACCOUNT}-{REGION}"
CONTENTS = {"a/one.csv": b"1\n", "two.csv": b"22\n", "zwölf drei.csv": b"12\n"}


@pytest.fixture
def s3(aws: None) -> S3Client:
    return boto3.client("s3", region_name=REGION)


def push(s3: S3Client, content: bytes, suffix: str = "") -> str:
    """What `dvc push` does with one object; its hash."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    s3.put_object(Bucket=BUCKET, Key=f"dvc/files/md5/{md5[:2]}/{md5[2:]}", Body=content)
    return md5


def push_folder(s3: S3Client, root: Path) -> str:
    """A folder in the remote, and a pointer to it; the dataset version."""
    listing = [{"md5": push(s3, content), "relpath": path} for path, content in CONTENTS.items()]
    version = push(s3, json.dumps(listing).encode(), ".dir")
    edit(root / "models/guess/data/rows.csv.dvc", "0cc175b9c0f1b6a831c399e269772661", version)
    edit(root / "models/guess/data/rows.csv.dvc", "rows.csv", "rows")
    return version


def manifest(s3: S3Client, version: str) -> Any:
    body = s3.get_object(Bucket=BUCKET, Key=f"datasets/guess/{version}/manifest.json")["Body"].read()
    return json.loads(body)


def test_a_folder_is_published_under_its_natural_names(workspace: Workspace, s3: S3Client) -> None:
    version = push_folder(s3, workspace.root)
    published = publish(workspace, s3, "guess")
    assert (published.files, published.copied) == (3, 3)
    assert published.uri == f"s3://{BUCKET}/datasets/guess/{version}/"
    for path, content in CONTENTS.items():
        body = s3.get_object(Bucket=BUCKET, Key=f"datasets/guess/{version}/{path}")["Body"].read()
        assert body == content


def test_the_manifest_says_size_and_digests(workspace: Workspace, s3: S3Client) -> None:
    version = push_folder(s3, workspace.root)
    publish(workspace, s3, "guess")
    record = manifest(s3, version)
    assert (record["dataset"], record["version"]) == ("guess", version)
    assert [file["path"] for file in record["files"]] == sorted(CONTENTS)
    for file in record["files"]:
        content = CONTENTS[file["path"]]
        assert file["size"] == len(content)
        assert file["md5"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_single_file_is_published_under_its_name(workspace: Workspace, s3: S3Client) -> None:
    push(s3, b"a")
    publish(workspace, s3, "guess")
    body = s3.get_object(Bucket=BUCKET, Key="datasets/guess/0cc175b9c0f1b6a831c399e269772661/rows.csv")[
        "Body"
    ]
    assert body.read() == b"a"


def test_a_second_run_copies_nothing(workspace: Workspace, s3: S3Client) -> None:
    push_folder(s3, workspace.root)
    publish(workspace, s3, "guess")
    again = publish(workspace, s3, "guess")
    assert (again.files, again.copied) == (3, 0)


def test_a_stopped_run_is_carried_on(workspace: Workspace, s3: S3Client) -> None:
    version = push_folder(s3, workspace.root)
    publish(workspace, s3, "guess")
    whole = manifest(s3, version)
    for name in ("manifest.json", "two.csv"):
        s3.delete_object(Bucket=BUCKET, Key=f"datasets/guess/{version}/{name}")
    assert publish(workspace, s3, "guess").copied == 1
    assert manifest(s3, version) == whole


def test_no_byte_of_the_data_passes_through_this_machine(workspace: Workspace, s3: S3Client) -> None:
    push_folder(s3, workspace.root)
    sent: list[str] = []
    s3.meta.events.register("before-call.s3", lambda model, **_: sent.append(model.name))
    publish(workspace, s3, "guess")
    assert sent.count("GetObject") == 1, "only the folder's listing is read"
    assert sent.count("PutObject") == 1, "only the manifest is written"
    assert sent.count("CopyObject") == 3


def test_an_object_that_was_not_pushed_is_named(workspace: Workspace, s3: S3Client) -> None:
    version = push_folder(s3, workspace.root)
    md5 = hashlib.md5(b"22\n", usedforsecurity=False).hexdigest()
    key = f"dvc/files/md5/{md5[:2]}/{md5[2:]}"
    s3.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(MlopsError) as refused:
        publish(workspace, s3, "guess")
    missing = f"no object 's3://{BUCKET}/{key}'. Push it: dvc push"
    assert str(refused.value) == f"'two.csv' of the dataset is not in the DVC remote: {missing}"
    with pytest.raises(s3.exceptions.NoSuchKey):
        manifest(s3, version)


def test_a_folder_that_was_not_pushed_is_named(workspace: Workspace, s3: S3Client) -> None:
    edit(workspace.root / "models/guess/data/rows.csv.dvc", "772661", "772661.dir")
    with pytest.raises(MlopsError, match=r"Push it: dvc push models/guess/data/rows\.csv\.dvc$"):
        publish(workspace, s3, "guess")


def test_an_empty_dataset_is_refused(workspace: Workspace, s3: S3Client) -> None:
    version = push(s3, b"[]", ".dir")
    edit(workspace.root / "models/guess/data/rows.csv.dvc", "0cc175b9c0f1b6a831c399e269772661", version)
    with pytest.raises(MlopsError, match="has no files; there is nothing to train on"):
        publish(workspace, s3, "guess")


def test_a_dry_run_changes_nothing(root: Path, s3: S3Client, capsys: pytest.CaptureFixture[str]) -> None:
    version = push_folder(s3, root)
    assert cli.run(["data", "publish", "guess", "--dry-run"]) == 0
    assert capsys.readouterr().out == f"would copy 3 files to s3://{BUCKET}/datasets/guess/{version}/\n"
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="datasets/")


def test_a_model_that_is_not_there_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["data", "publish", "gess"]) == 2
    expected = "mlops: 'gess' is no model here; there are: guess. Add it: mlops new gess\n"
    assert capsys.readouterr().err == expected
