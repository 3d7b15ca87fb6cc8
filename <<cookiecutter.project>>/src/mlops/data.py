"""`mlops data publish`: copy a dataset version, inside S3, to where jobs read it.

The bytes go from the DVC remote's content-addressed objects to natural names, and never through the
machine that asks. `manifest.json` is written last: no job reads a folder without it.
"""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mlops.aws import POOL, Aws, is_missing
from mlops.dataset import (
    DataFile,
    Pointer,
    Remote,
    build_manifest,
    dataset_prefix,
    parse_listing,
    pointer_path,
    read_pointer,
    read_remote,
)
from mlops.errors import MlopsError
from mlops.spec import read_spec
from mlops.workspace import open_workspace, require_model

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from mlops.workspace import Workspace

MANIFEST = "manifest.json"
COPY_LIMIT = 5 * 1024**3  # bytes; CopyObject's limit, above which a copy goes in parts


@dataclass(frozen=True)
class Published:
    """A dataset version that jobs can read. `copied` counts the files that this call copied."""

    uri: str
    files: int
    copied: int


@click.group("data")
def command() -> None:
    """Publish a model's dataset version for jobs to read."""


@command.command("publish")
@click.argument("model")
@click.option("--dry-run", is_flag=True, help="Say what would be copied; change nothing.")
def publish_command(model: str, dry_run: bool) -> None:
    """Copy MODEL's dataset version, inside S3, to where jobs read it."""
    workspace = open_workspace()
    require_model(workspace.root, model)
    aws = Aws(workspace.project.region)
    if dry_run:
        click.echo(describe_publication(workspace, aws.s3, model))
        return
    published = publish(workspace, aws.s3, model)
    click.echo(f"{published.uri}: {published.files} files, {published.copied} copied")


def describe_publication(workspace: Workspace, s3: S3Client, model: str) -> str:
    """What `publish` would do, in a sentence."""
    spec = read_spec(workspace.root, model)
    pointer = read_pointer(workspace.root, spec)
    bucket, prefix = workspace.project.data_bucket, dataset_prefix(model, pointer.version)
    if is_published(s3, bucket, prefix):
        return f"s3://{bucket}/{prefix} is published; nothing to do"
    files = list_dataset(s3, read_remote(workspace.root), pointer, pointer_path(spec))
    return f"would copy {len(files)} files to s3://{bucket}/{prefix}"


def publish(workspace: Workspace, s3: S3Client, model: str) -> Published:
    """Publish the dataset version that the model's pointer names. Safe to run twice, and after a stop."""
    spec = read_spec(workspace.root, model)
    pointer = read_pointer(workspace.root, spec)
    bucket, prefix = workspace.project.data_bucket, dataset_prefix(model, pointer.version)
    if is_published(s3, bucket, prefix):
        return Published(f"s3://{bucket}/{prefix}", count_files(s3, bucket, prefix), 0)
    remote = read_remote(workspace.root)
    files = list_dataset(s3, remote, pointer, pointer_path(spec))
    copy = Copy(s3, remote, bucket, prefix, list_sizes(s3, bucket, prefix))
    with ThreadPoolExecutor(POOL) as pool:
        digests = list(pool.map(copy.run, files))
    write_manifest(copy, model, pointer.version, files, digests)
    return Published(
        f"s3://{bucket}/{prefix}", len(files), sum(file.path not in copy.there for file in files)
    )


@dataclass(frozen=True)
class Copy:
    """Where files are copied from and to; `there` holds the sizes of those that an earlier run copied."""

    s3: S3Client
    remote: Remote
    bucket: str
    prefix: str
    there: dict[str, int]

    def run(self, file: DataFile) -> str | None:
        """Copy one file unless it is there; its hex SHA-256 as S3 computed it, or None when S3 has none."""
        if file.path in self.there:
            head = self.s3.head_object(
                Bucket=self.bucket, Key=self.prefix + file.path, ChecksumMode="ENABLED"
            )
            return decode_checksum(head.get("ChecksumSHA256"))
        source = {"Bucket": self.remote.bucket, "Key": self.remote.key(file.md5)}
        try:
            return self.copy_whole(file, source)
        except self.s3.exceptions.ClientError as error:
            if is_missing(error):
                raise MlopsError(
                    f"{file.path!r} of the dataset is not in the DVC remote: no object "
                    f"'s3://{source['Bucket']}/{source['Key']}'. Push it: dvc push"
                ) from None
            if "maximum allowable size" not in str(error):
                raise
        self.s3.copy(source, self.bucket, self.prefix + file.path)  # type: ignore[arg-type]
        return None  # a copy in parts has a checksum of checksums, which says nothing of the bytes

    def copy_whole(self, file: DataFile, source: dict[str, str]) -> str | None:
        """Copy up to 5 GiB in one call, asking S3 for the checksum."""
        answer = self.s3.copy_object(
            Bucket=self.bucket,
            Key=self.prefix + file.path,
            CopySource=source,  # type: ignore[arg-type]
            ChecksumAlgorithm="SHA256",
        )
        return decode_checksum(answer["CopyObjectResult"].get("ChecksumSHA256"))


def decode_checksum(checksum: str | None) -> str | None:
    """S3's base64 SHA-256 as hex; None for a composite checksum ("…-3") or none at all."""
    if not checksum or "-" in checksum:
        return None
    return base64.b64decode(checksum).hex()


def list_dataset(s3: S3Client, remote: Remote, pointer: Pointer, where: str) -> list[DataFile]:
    """The files of a dataset version; a folder's listing is itself an object of the remote."""
    if not pointer.is_folder:
        return [DataFile(pointer.name, pointer.version)]
    key = remote.key(pointer.version)
    try:
        content = s3.get_object(Bucket=remote.bucket, Key=key)["Body"].read()
    except s3.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        raise MlopsError(
            f"{where}: the folder's listing 's3://{remote.bucket}/{key}' is not in the DVC remote. "
            f"Push it: dvc push {where}"
        ) from None
    files = parse_listing(content, f"s3://{remote.bucket}/{key}")
    if not files:
        raise MlopsError(
            f"{where}: the dataset version {pointer.version!r} has no files; there is nothing to train on"
        )
    return files


def list_sizes(s3: S3Client, bucket: str, prefix: str) -> dict[str, int]:
    """Sizes in bytes of what lies under a prefix, by path below it."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {
        entry["Key"][len(prefix) :]: entry["Size"] for page in pages for entry in page.get("Contents", [])
    }


def write_manifest(
    copy: Copy, model: str, version: str, files: list[DataFile], digests: list[str | None]
) -> None:
    """Write manifest.json, which makes the version published."""
    sizes = list_sizes(copy.s3, copy.bucket, copy.prefix)
    rows: list[dict[str, Any]] = [
        {"path": file.path, "size": sizes[file.path], "md5": file.md5, "sha256": digest}
        for file, digest in zip(files, digests, strict=True)
    ]
    body = build_manifest(model, version, rows)
    copy.s3.put_object(
        Bucket=copy.bucket, Key=copy.prefix + MANIFEST, Body=body, ContentType="application/json"
    )


def is_published(s3: S3Client, bucket: str, prefix: str) -> bool:
    """Whether the version's manifest is there."""
    try:
        s3.head_object(Bucket=bucket, Key=prefix + MANIFEST)
    except s3.exceptions.ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def count_files(s3: S3Client, bucket: str, prefix: str) -> int:
    """How many files a published version has, its manifest not counted."""
    return len(list_sizes(s3, bucket, prefix)) - 1
