"""The bucket of a trail: written as CloudTrail writes it, if the policies of bucket and key let it."""

from __future__ import annotations

import base64
import hashlib
import io
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from moto.kms.models import kms_backends

from sandbox import access, iam
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.cloudtrail.digests import Place

SERVICE = "cloudtrail.amazonaws.com"
BUCKET_MISSING = "S3BucketDoesNotExistException"
BUCKET_CLOSED = "InsufficientS3BucketPolicyException"
KEY_MISSING = "KmsKeyNotFoundException"
KEY_CLOSED = "InsufficientEncryptionPolicyException"
KEY_DISABLED = "KmsKeyDisabledException"


class Store:
    """S3, for CloudTrail: moto's own PutObject, behind the policies that bind a service."""

    def __init__(self, moto: Any) -> None:
        self._moto = moto

    def check(self, place: Place, key: str) -> str:
        """The ARN of the key; raises what CreateTrail says of a bucket or key that it could not use."""
        if access.bucket_owner(place.bucket) is None:
            raise ServiceError(BUCKET_MISSING, f"S3 bucket {place.bucket} does not exist!")
        arn = f"arn:aws:s3:::{place.bucket}"
        probe = f"{arn}/{place.prefix + '/' if place.prefix else ''}AWSLogs/{place.account}/probe"
        if not (self._may(place, "s3:GetBucketAcl", arn) and self._may(place, "s3:PutObject", probe)):
            raise ServiceError(
                BUCKET_CLOSED, f"Incorrect S3 bucket policy is detected for bucket: {place.bucket}"
            )
        return self._usable_key(place, key) if key else ""

    def put(
        self, place: Place, key: str, body: bytes, metadata: Mapping[str, str] | None = None, *, kms: str = ""
    ) -> None:
        """Write an object; logs are encrypted with the trail's key, digests with S3's."""
        owner = access.bucket_owner(place.bucket)
        if owner is None:
            raise ServiceError("NoSuchBucket", f"bucket {place.bucket} does not exist")
        if not self._may(place, "s3:PutObject", f"arn:aws:s3:::{place.bucket}/{key}"):
            raise ServiceError("AccessDenied", f"the policy of bucket {place.bucket} does not allow it")
        if kms:
            self._usable_key(place, kms)
        headers = {f"x-amz-meta-{name}": value for name, value in (metadata or {}).items()}
        headers["x-amz-server-side-encryption"] = "aws:kms" if kms else "AES256"
        if kms:
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = kms
        # a bucket with Object Lock asks for it
        headers["content-md5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        self._send(owner, f"/{place.bucket}/{key}", body, headers)

    def _send(self, owner: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        seen: list[str] = []
        environ = {
            "REQUEST_METHOD": "PUT",
            "PATH_INFO": path,
            "RAW_URI": quote(path),
            "QUERY_STRING": "",
            "SERVER_NAME": "s3.amazonaws.com",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "s3.amazonaws.com",
            "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=cloudtrail/20000101/us-east-1/s3/aws4_request",
            "HTTP_X_MOTO_ACCOUNT_ID": owner,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": "gzip",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        }
        answer = b"".join(self._moto(environ, lambda status, found, exc_info=None: seen.append(status)))
        if not seen[0].startswith("200"):
            raise ServiceError("InternalFailure", f"{seen[0]}: {answer[:300]!r}")

    def _may(self, place: Place, action: str, resource: str) -> bool:
        """Whether the bucket's policy lets CloudTrail, for this trail; nothing else could."""
        policy = access.bucket_policy(place.bucket)
        context = {"s3:x-amz-acl": ["bucket-owner-full-control"], "aws:SecureTransport": ["true"]}
        owner = access.bucket_owner(place.bucket) or ""
        return bool(policy) and _allows(str(policy), place, action, resource, owner, context)

    def _usable_key(self, place: Place, name: str) -> str:
        """The ARN of a key that CloudTrail may encrypt with; the alias of another account's will do."""
        arn = name if name.startswith("arn:") else f"arn:aws:kms:{place.home}:{place.account}:{name}"
        _, _, _, region, account, _ = arn.split(":", 5)
        key = _key(account, region, name)
        if key is None:
            raise ServiceError(KEY_MISSING, f"KMS key {name} is not found or is disabled.")
        if not key.enabled:
            raise ServiceError(KEY_DISABLED, f"KMS key {key.arn} is disabled.")
        trail = f"arn:aws:cloudtrail:{place.home}:{place.account}:trail/{place.trail}"
        context = {"kms:EncryptionContext:aws:cloudtrail:arn": [trail]}
        policy = access.key_policy(account, region, key.id)
        if not _allows(str(policy), place, "kms:GenerateDataKey", key.arn, account, context):
            raise ServiceError(KEY_CLOSED, f"The policy of KMS key {key.arn} does not let CloudTrail encrypt")
        return str(key.arn)


def _key(account: str, region: str, name: str) -> Any:
    """A key by id, ARN or alias; None where there is none."""
    backend = kms_backends[account][region]
    alias = backend.get_alias_name(name)
    found = backend.get_key_id_from_alias(alias) if alias.startswith("alias/") else name
    return backend.keys.get(backend.get_key_id(found)) if found else None


def _allows(
    policy: str, place: Place, action: str, resource: str, owner: str, context: dict[str, list[str]]
) -> bool:
    trail = f"arn:aws:cloudtrail:{place.home}:{place.account}:trail/{place.trail}"
    known = {
        "aws:SourceArn": [trail],
        "aws:SourceAccount": [place.account],
        "aws:PrincipalIsAWSService": ["true"],
        "aws:PrincipalServiceName": [SERVICE],
        **context,
    }
    principal = iam.Principal(place.account, SERVICE, "service")
    try:
        return iam.evaluate(
            iam.Request(principal, action, resource, owner, known), iam.Policies(resource=[policy])
        ).allowed
    except iam.PolicyError:
        return False
