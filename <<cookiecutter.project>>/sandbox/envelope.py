"""What S3 asks of KMS in a caller's name: a data key for what is written, its decryption for what is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from sandbox.iam.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

WRITES = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
# Parts are encrypted with the key that the upload began with: KMS guide, "multipart upload".
APPENDS = frozenset({"UploadPart", "UploadPartCopy", "CompleteMultipartUpload"})
READS = frozenset({"GetObject", "SelectObjectContent"})


# They change the alias itself, and name the key besides.
ON_ALIASES = frozenset({"kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"})


def behind_alias(part: Part) -> Part:
    """A part on an alias as KMS decides it: on the key that the alias stands for. None there: it stays."""
    pieces = part.resource.split(":", 5)
    if (
        len(pieces) < 6
        or pieces[2] != "kms"
        or not pieces[5].startswith("alias/")
        or part.action in ON_ALIASES
    ):
        return part
    key = kms_backends[pieces[4]][pieces[3]].get_key_id_from_alias(pieces[5])
    return replace(part, resource=":".join([*pieces[:5], f"key/{key}"])) if key else part


def key_parts(operation: str, params: Mapping[str, Any], caller: str, region: str) -> list[Part]:
    """The parts of KMS that a call of S3 has; none where no key of a customer's encrypts."""
    found: list[tuple[str, str, str, str]] = []
    bucket, name = str(params.get("Bucket", "")), str(params.get("Key", ""))
    if operation in WRITES:
        found.append(("kms:GenerateDataKey", _write_key(bucket, params), bucket, name))
    if operation in APPENDS:
        found.append(("kms:Decrypt", _write_key(bucket, params), bucket, name))
    if operation in READS or (operation == "HeadObject" and params.get("ChecksumMode") == "ENABLED"):
        found.append(("kms:Decrypt", _read_key(bucket, name), bucket, name))
    if operation == "CopyObject":
        source, _, key = str(params.get("CopySource", "")).partition("?")[0].lstrip("/").partition("/")
        found.append(("kms:Decrypt", _read_key(source, key), source, key))
    return [
        _part(action, key, _context(where, name), caller, region) for action, key, where, name in found if key
    ]


def _part(action: str, key: str, context: str, caller: str, region: str) -> Part:
    return Part(
        action,
        key,
        key.split(":")[4],
        {
            "kms:ViaService": [f"s3.{region}.amazonaws.com"],
            "kms:CallerAccount": [caller],
            "kms:EncryptionContext:aws:s3:arn": [context],
            "kms:EncryptionContextKeys": ["aws:s3:arn"],
            "aws:ViaAWSService": ["true"],
        },
    )


def _context(bucket: str, name: str) -> str:
    """The bucket, where a bucket key spares S3 calls, else the object: S3 guide, "Bucket Keys"."""
    rule = _rule(bucket)
    shared = str(rule.get("BucketKeyEnabled", "")).lower() == "true"
    return f"arn:aws:s3:::{bucket}" if shared else f"arn:aws:s3:::{bucket}/{name}"


def _write_key(bucket: str, params: Mapping[str, Any]) -> str:
    """The key that encrypts an upload: what it names, or the bucket's."""
    if named := params.get("SSEKMSKeyId"):
        return _arn(str(named), bucket)
    default = _rule(bucket).get("ApplyServerSideEncryptionByDefault", {})
    if params.get("ServerSideEncryption") or default.get("SSEAlgorithm") != "aws:kms":
        return ""  # S3's own key, or AWS's of the account, which no policy of ours guards
    return _arn(str(default.get("KMSMasterKeyID") or ""), bucket)


def _read_key(bucket: str, name: str) -> str:
    """The key that an object was encrypted with."""
    held = _bucket(bucket)
    found = held.keys.get(name) if held else None
    if found is None or getattr(found, "encryption", None) != "aws:kms":
        return ""
    return _arn(str(found.kms_key_id or ""), bucket)


def _arn(key: str, bucket: str) -> str:
    """The ARN of a key; an id alone is one of the bucket's account."""
    if not key or key.startswith("arn:"):
        return key
    owner = s3_backends.bucket_accounts[bucket][1]
    return f"arn:aws:kms:{_bucket(bucket).region_name}:{owner}:key/{key}"


def _rule(bucket: str) -> dict[str, Any]:
    held = _bucket(bucket)
    return dict(held.encryption["Rule"]) if held and held.encryption else {}


def _bucket(name: str) -> Any:
    owner = s3_backends.bucket_accounts.get(name)
    return s3_backends[owner[1]]["aws"].buckets.get(name) if owner else None
