"""`mlops audit --fetch`: bring what is new of trail, public keys and evidence into the folder.

Objects never change, so what is here in full is not brought again. Killed anywhere, a second run goes on.
"""

from __future__ import annotations

import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.audit.chain import stamp
from mlops.audit.layout import SPARE, DigestKey, LogKey, is_asked, parse_key
from mlops.audit.store import FETCHED, KEYS, SIGNATURES, read_json
from mlops.aws import POOL, answered_at, client_config
from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from mlops.aws import Aws
    from mlops.project import Project

EVIDENCE = "evidence/"


@dataclass(frozen=True)
class Place:
    """Where a trail delivers."""

    bucket: str
    prefix: str = ""


@dataclass(frozen=True)
class Brought:
    """How many objects came, and how many were here already."""

    new: int
    known: int


def trail_place(project: Project, uri: str = "") -> Place:
    """The trail's bucket: the one that is named, or the project's own."""
    if not uri:
        return Place(f"{project.project}-trail-{project.accounts.training}-{project.region}")
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise UsageError(f"{uri!r} names no bucket; allowed: s3://BUCKET or s3://BUCKET/PREFIX")
    return Place(bucket, f"{prefix.rstrip('/')}/" if prefix.strip("/") else "")


def fetch(aws: Aws, project: Project, place: Place, root: Path, since: datetime | None) -> Brought:
    """Bring everything that is new. What was listed is complete as of the moment before the listing."""
    root.mkdir(parents=True, exist_ok=True)
    moment = answered_at(aws.s3.head_bucket(Bucket=place.bucket))
    signatures = read_json(root / SIGNATURES, {})
    wanted = list(list_trail(aws.s3, place, since))
    missing = [item for item in wanted if is_missing(root, *item, signatures)]
    with ThreadPoolExecutor(POOL) as pool:
        found = pool.map(lambda item: bring(aws.s3, place.bucket, item[0], root), missing)
        for (key, _), metadata in zip(missing, found, strict=True):
            if isinstance(parse_key(key), DigestKey):
                signatures[key] = metadata
    write_json(root / SIGNATURES, signatures)
    evidence = bring_evidence(aws.s3, project, root)
    write_json(root / KEYS, read_keys(aws, root, wanted))
    write_json(root / FETCHED, {"bucket": place.bucket, "at": stamp(moment)})
    return Brought(len(missing) + evidence, len(wanted) - len(missing))


def list_trail(s3: S3Client, place: Place, since: datetime | None) -> Iterator[tuple[str, int]]:
    """(key, size) of logs and digests."""
    for key, size in list_objects(s3, place.bucket, f"{place.prefix}AWSLogs/"):
        known = parse_key(key)
        if isinstance(known, DigestKey | LogKey) and is_asked(known, since):
            yield key, size


def list_objects(s3: S3Client, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    """(key, size) of all objects below a prefix."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            yield entry["Key"], entry["Size"]


def is_missing(root: Path, key: str, size: int, signatures: dict[str, Any]) -> bool:
    """Whether an object is not here in full, or a digest without its signature."""
    path = root / key
    if not path.is_file() or path.stat().st_size != size:
        return True
    return isinstance(parse_key(key), DigestKey) and key not in signatures


def bring(s3: S3Client, bucket: str, key: str, root: Path) -> dict[str, str]:
    """Write an object under its key, whole or not at all; its metadata."""
    path = root / key
    if root.resolve() not in path.resolve().parents:
        raise UsageError(f"s3://{bucket}/{key}: leads out of {str(root)!r}; find out who wrote it")
    answer = s3.get_object(Bucket=bucket, Key=key)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(answer["Body"].read())
    os.replace(partial, path)  # noqa: PTH105 - replaces what is there on every system
    return dict(answer.get("Metadata", {}))


def bring_evidence(s3: S3Client, project: Project, root: Path) -> int:
    """The evidence that `deploy` wrote; how many objects are new."""
    found = list_objects(s3, project.releases_bucket, EVIDENCE)
    missing = [key for key, size in found if is_missing(root, key, size, {})]
    with ThreadPoolExecutor(POOL) as pool:
        list(pool.map(lambda key: bring(s3, project.releases_bucket, key, root), missing))
    return len(missing)


def read_keys(aws: Aws, root: Path, wanted: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """The public keys of every region that signed, beside those known already."""
    known = read_json(root / KEYS, {})
    ends: dict[str, list[datetime]] = {}
    for key, _ in wanted:
        place = parse_key(key)
        if isinstance(place, DigestKey):
            ends.setdefault(place.source.region, []).append(place.end)
    for region, times in sorted(ends.items()):
        entries = {entry["Fingerprint"]: entry for entry in known.get(region, [])}
        entries |= {entry["Fingerprint"]: entry for entry in list_keys(aws, region, min(times), max(times))}
        known[region] = [entries[name] for name in sorted(entries)]
    return known


def list_keys(aws: Aws, region: str, start: datetime, end: datetime) -> Iterator[dict[str, str]]:
    """The keys that signed digests of a region between two times."""
    client: Any = aws.session.client("cloudtrail", region_name=region, config=client_config())
    pages = client.get_paginator("list_public_keys")
    for page in pages.paginate(StartTime=start - SPARE, EndTime=end + SPARE):
        for entry in page["PublicKeyList"]:
            yield {
                "Fingerprint": entry["Fingerprint"],
                "Value": base64.b64encode(entry["Value"]).decode(),
                "ValidityStartTime": stamp(entry["ValidityStartTime"]),
                "ValidityEndTime": stamp(entry["ValidityEndTime"]),
            }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file, whole or not at all."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, path)  # noqa: PTH105 - replaces what is there on every system
