"""Buckets with all that is in them: versions, delete markers, uploads begun. What Object Lock holds stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops.aws import POOL, error_code
from mlops.errors import AwsError
from mlops.teardown.item import Clients, Held, Item, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 1000  # what DeleteObjects takes
GIB = 1024**3
# S3 Standard, first 50 TB, eu-west-1: https://aws.amazon.com/s3/pricing/, read November 2026
USD_PER_GIB = 0.023
UNLOCKED = "ObjectLockConfigurationNotFoundError"


@dataclass(frozen=True)
class Version:
    """A version of an object, or a delete marker."""

    key: str
    id: str
    size: int = 0
    is_marker: bool = False


@dataclass(frozen=True)
class Locked:
    """What Object Lock holds of a bucket."""

    objects: int
    size: int
    free: int  # versions and markers beside them that are not locked
    until: datetime | None  # None: somebody's legal hold, which has no end


def find_buckets(clients: Clients) -> Iterator[Item]:
    """The buckets of the account in this region."""
    for each in clients.pages("s3", "list_buckets", "Buckets", BucketRegion=clients.region):
        yield Item("bucket", each["Name"], each["Name"])


def list_versions(clients: Clients, bucket: str) -> Iterator[Version]:
    """All versions and markers, a page at a time."""
    for page in clients.of("s3").get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in page.get("Versions") or []:
            yield Version(each["Key"], each["VersionId"], each.get("Size", 0))
        for each in page.get("DeleteMarkers") or []:
            yield Version(each["Key"], each["VersionId"], is_marker=True)


def has_lock(clients: Clients, bucket: str) -> bool:
    """Whether objects of a bucket can be locked at all."""
    try:
        found = clients.of("s3").get_object_lock_configuration(Bucket=bucket)
    except Exception as error:
        if error_code(error) == UNLOCKED:
            return False
        raise
    return bool(found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")


def locked_until(clients: Clients, bucket: str, version: Version) -> datetime | None:
    """Until when a version is locked, for a legal hold the end of time; None where it is not.

    S3 shows the lock to those alone who may see it; from others it refuses the deletion.
    """
    found = clients.of("s3").head_object(Bucket=bucket, Key=version.key, VersionId=version.id)
    if found.get("ObjectLockLegalHoldStatus") == "ON":
        return datetime.max.replace(tzinfo=UTC)
    until: datetime | None = found.get("ObjectLockRetainUntilDate")
    return until if until and until > datetime.now(UTC) else None


def part(clients: Clients, bucket: str) -> tuple[list[Version], list[tuple[Version, datetime]]]:
    """The versions that may go, and those that are locked, with until when."""
    versions = list(list_versions(clients, bucket))
    if not has_lock(clients, bucket):
        return versions, []
    objects = [each for each in versions if not each.is_marker]
    with ThreadPoolExecutor(POOL) as pool:
        ends = list(pool.map(lambda each: locked_until(clients, bucket, each), objects))
    locked = [(version, end) for version, end in zip(objects, ends, strict=True) if end]
    kept = {(version.key, version.id) for version, _ in locked}
    return [each for each in versions if (each.key, each.id) not in kept], locked


def describe_lock(clients: Clients, bucket: str) -> Locked | None:
    """What is locked of a bucket; None for nothing."""
    free, locked = part(clients, bucket)
    if not locked:
        return None
    last = max(end for _, end in locked)
    until = None if last.year == datetime.max.year else last
    return Locked(len(locked), sum(version.size for version, _ in locked), len(free), until)


def hold(item: Item, locked: Locked) -> Held:
    """Why a bucket stays, until when, for how much."""
    until = f"until {locked.until:%Y-%m-%d}" if locked.until else "until a legal hold is taken off"
    said = f"Object Lock holds {locked.objects} objects, {locked.size:,} bytes, {until}"
    return Held(item, said, USD_PER_GIB * locked.size / GIB)


def remove_bucket(clients: Clients, item: Item) -> None:
    """Empty a bucket but for what is locked, and delete it where nothing is."""
    s3, bucket = clients.of("s3"), item.id
    abort_uploads(clients, bucket)
    free, locked = part(clients, bucket)
    for start in range(0, len(free), BATCH):
        delete_batch(s3, bucket, free[start : start + BATCH])
    if not locked:
        s3.delete_bucket(Bucket=bucket)


def abort_uploads(clients: Clients, bucket: str) -> None:
    """Uploads that were begun are paid for, and keep a bucket from being deleted."""
    s3 = clients.of("s3")
    for each in clients.pages("s3", "list_multipart_uploads", "Uploads", Bucket=bucket):
        s3.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])


def delete_batch(s3: Any, bucket: str, versions: list[Version]) -> None:
    """Delete some versions; raises with the first that S3 would not delete."""
    named = [{"Key": each.key, "VersionId": each.id} for each in versions]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
    for error in answer.get("Errors") or []:
        raise AwsError(
            f"s3://{bucket}/{error.get('Key')}: {error.get('Code')}: {error.get('Message')} "
            f"({len(answer['Errors'])} of {len(versions)} were not deleted)"
        )


KINDS = (
    Kind(
        "bucket", find_buckets, remove_bucket, ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"), ("put_object",)
    ),
)
