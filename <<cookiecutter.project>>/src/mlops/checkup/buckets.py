"""Buckets: versions, no public access, encryption, TLS, locks; and DVC's remote, which is one of them."""

from __future__ import annotations

import configparser
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import Check, Trouble, UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops.checkup.site import Site

BUCKET = "AWS::S3::Bucket"
BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


@dataclass(frozen=True)
class Bucket:
    """A bucket that a stack made, and one answer of S3's about it; None where there is no such setting."""

    name: str
    duty: str
    answer: Any


def read_setting(site: Site, operation: str, is_locked: bool = False) -> Iterator[tuple[str, Bucket]]:
    """One setting of every bucket of the stacks, or of those that their template locks."""
    for stack, logical, name in site.made(BUCKET):
        if is_locked and "ObjectLockConfiguration" not in site.properties(stack, logical):
            continue
        yield name, Bucket(name, stack.duty, site.reads.aws("s3", operation, Bucket=name))


def judge_presence(bucket: Bucket) -> Trouble | None:
    """S3 has it, and lets us in."""
    if bucket.answer is not None:
        return None
    return Trouble("the bucket is gone", f"mlops destroy {bucket.duty}, then mlops bootstrap {bucket.duty}")


def judge_versions(bucket: Bucket) -> Trouble | None:
    """What is overwritten is kept."""
    status = (bucket.answer or {}).get("Status")
    if status == "Enabled":
        return None
    return Trouble(
        f"versioning is {status or 'off'}",
        f"aws s3api put-bucket-versioning --bucket {bucket.name} --versioning-configuration Status=Enabled",
    )


def judge_privacy(bucket: Bucket) -> Trouble | None:
    """Nothing of it can be made public."""
    found = (bucket.answer or {}).get("PublicAccessBlockConfiguration", {})
    wrong = [name for name in BLOCKS if not found.get(name)]
    remedy = (
        f"aws s3api put-public-access-block --bucket {bucket.name} --public-access-block-configuration "
        + ",".join(f"{name}=true" for name in BLOCKS)
    )
    return Trouble(f"public access is not blocked: {', '.join(wrong)}", remedy) if wrong else None


def judge_encryption(bucket: Bucket) -> Trouble | None:
    """Objects are encrypted unless they say otherwise."""
    rules = (bucket.answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    if any(rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in rules):
        return None
    return Trouble("has no default encryption", f"mlops bootstrap {bucket.duty}")


def judge_transport(bucket: Bucket) -> Trouble | None:
    """Its policy refuses whoever comes without TLS."""
    document = json.loads((bucket.answer or {}).get("Policy", "{}"))
    if any(refuses_plain(statement) for statement in document.get("Statement", [])):
        return None
    return Trouble("its policy lets requests without TLS in", f"mlops bootstrap {bucket.duty}")


def refuses_plain(statement: Mapping[str, Any]) -> bool:
    """Whether a statement denies everything to requests without TLS."""
    asked = (statement.get("Condition") or {}).get("Bool", {}).get("aws:SecureTransport")
    return statement.get("Effect") == "Deny" and statement.get("Action") == "s3:*" and asked == "false"


def judge_lock(bucket: Bucket) -> Trouble | None:
    """What is written cannot be taken away before its time."""
    found = (bucket.answer or {}).get("ObjectLockConfiguration", {})
    if found.get("ObjectLockEnabled") == "Enabled" and found.get("Rule", {}).get("DefaultRetention"):
        return None
    return Trouble("new objects are not locked", f"mlops bootstrap {bucket.duty}")


@dataclass(frozen=True)
class Remote:
    """Where DVC keeps its bytes, where it should, and whether S3 lets us in there."""

    url: str
    wanted: str
    is_reachable: bool


def read_remote(site: Site) -> Iterator[tuple[str, Remote]]:
    """The default remote of .dvc/config."""
    if "training" not in site.duties:
        return
    path = site.root / ".dvc/config"
    if not path.is_file():
        raise UnreadError(f"there is no {path.relative_to(site.root)}: dvc init")
    url, wanted = default_remote(path.read_text(encoding="utf-8")), f"s3://{site.project.data_bucket}/"
    bucket = url.removeprefix("s3://").partition("/")[0]
    reached = (
        site.reads.aws("s3", "head_bucket", Bucket=bucket) if bucket and url.startswith("s3://") else None
    )
    yield ".dvc/config", Remote(url, wanted, reached is not None)


def default_remote(text: str) -> str:
    """The address of the remote that DVC uses; empty where none is named."""
    config = configparser.ConfigParser()
    try:
        config.read_string(text)
        return config[f"'remote \"{config['core']['remote']}\"'"]["url"]
    except (configparser.Error, KeyError):
        return ""


def judge_remote(remote: Remote) -> Trouble | None:
    """It lies in the project's own bucket, and can be reached."""
    fix = f"dvc remote add --default --force storage {remote.wanted}dvc"
    if not remote.url:
        return Trouble("names no default remote", fix)
    if not remote.url.startswith(remote.wanted):
        return Trouble(f"its remote is {remote.url!r}, which is not in {remote.wanted!r}", fix)
    return (
        None if remote.is_reachable else Trouble(f"{remote.url!r} is not there", "mlops bootstrap training")
    )


CHECKS = (
    Check("bucket", "buckets are there", lambda site: read_setting(site, "head_bucket"), judge_presence),
    Check(
        "bucket-versions",
        "they keep what is overwritten",
        lambda site: read_setting(site, "get_bucket_versioning"),
        judge_versions,
    ),
    Check(
        "bucket-private",
        "nothing in them can be public",
        lambda site: read_setting(site, "get_public_access_block"),
        judge_privacy,
    ),
    Check(
        "bucket-encrypted",
        "they encrypt by default",
        lambda site: read_setting(site, "get_bucket_encryption"),
        judge_encryption,
    ),
    Check(
        "bucket-tls",
        "they refuse requests without TLS",
        lambda site: read_setting(site, "get_bucket_policy"),
        judge_transport,
    ),
    Check(
        "bucket-locked",
        "releases and trail cannot be taken away",
        lambda site: read_setting(site, "get_object_lock_configuration", is_locked=True),
        judge_lock,
    ),
    Check("dvc-remote", "DVC keeps its bytes in the data bucket", read_remote, judge_remote),
)
