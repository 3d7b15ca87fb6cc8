"""S3 in and out of a job, with SageMaker's rules for prefixes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from pathlib import Path

ONE_THREAD = TransferConfig(use_threads=False)


class DataError(Exception):
    """Data could not be brought in or out; the text becomes a FailureReason."""


@dataclass(frozen=True)
class Place:
    """A bucket and a key or prefix in it."""

    bucket: str
    key: str


@dataclass(frozen=True)
class Source:
    """Where an input comes from: the objects under a prefix, or those that a manifest names."""

    uri: str
    kind: str = "S3Prefix"
    mode: str = "File"


def parse_uri(uri: str) -> Place:
    """Take an s3:// URI apart."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise DataError(f"{uri!r} is not an S3 URI")
    return Place(bucket, key)


def local_name(key: str, prefix: str) -> str:
    """Where a key lands: an object by its base name, the keys of a folder relative to it."""
    folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
    if key.startswith(folder):
        return key.removeprefix(folder)
    return key.removeprefix(prefix.rpartition("/")[0]).lstrip("/")


def bring(s3: Any, source: Source, folder: Path, role: str) -> None:
    """Bring an input's objects into a folder."""
    if source.kind == "ManifestFile":
        bring_listed(s3, source.uri, folder)
    else:
        download(s3, source.uri, folder, role)


def bring_listed(s3: Any, uri: str, folder: Path) -> None:
    """Bring what a manifest names; the manifest itself stands beside the folder, as `<folder>-manifest`."""
    place = parse_uri(uri)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        body = s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
        (folder.parent / f"{folder.name}-manifest").write_bytes(body)
        prefix, names = read_manifest(uri, body)
        for name in names:
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                raise DataError(f"the manifest {uri!r} names {name!r}, which is outside its prefix")
            target.parent.mkdir(parents=True, exist_ok=True)
            source = parse_uri(prefix + name)
            s3.download_file(source.bucket, source.key, str(target), Config=ONE_THREAD)
    except (ClientError, BotoCoreError) as error:
        raise DataError(f"the manifest {uri!r}: {error}") from error


def read_manifest(uri: str, body: bytes) -> tuple[str, list[str]]:
    """Take a manifest apart: `[{"prefix": "s3://…"}, "name", …]`."""
    try:
        head, *names = json.loads(body)
        prefix = head["prefix"]
    except (ValueError, TypeError, KeyError):
        raise DataError(f'{uri!r} is not a manifest: [{{"prefix": "s3://…"}}, "name", …]') from None
    if not names or not all(isinstance(name, str) for name in (prefix, *names)):
        raise DataError(f"the manifest {uri!r} names no objects, or names that are not strings")
    return prefix, names


def download(s3: Any, uri: str, folder: Path, role: str) -> int:
    """Bring every object whose key starts with the URI's; how many there were."""
    place = parse_uri(uri)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        keys = _keys(s3, place)
        for key in keys:
            target = folder / local_name(key, place.key)
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(place.bucket, key, str(target), Config=ONE_THREAD)
    except (ClientError, BotoCoreError) as error:
        raise DataError(f"{uri!r}: {error}") from error
    if not keys:
        raise DataError(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the '
            f'bucket exists, that objects exist under that S3 prefix, and that the role "{role}" has '
            f'"s3:ListBucket" permissions on bucket "{place.bucket}".'
        )
    return len(keys)


def _keys(s3: Any, place: Place) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
    found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return [key for key in found if not key.endswith("/")]


def upload(s3: Any, source: Path, uri: str) -> None:
    """Put a file at a URI, or a folder's files under it."""
    place = parse_uri(uri)
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    try:
        for path in files:
            key = (
                place.key
                if path == source
                else f"{place.key.rstrip('/')}/{path.relative_to(source).as_posix()}"
            )
            s3.upload_file(str(path), place.bucket, key.lstrip("/"), Config=ONE_THREAD)
    except (ClientError, BotoCoreError, OSError) as error:
        raise DataError(f"{uri!r}: {error}") from error
