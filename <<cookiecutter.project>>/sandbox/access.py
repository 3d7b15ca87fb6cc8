"""Decides every call before it is served, ours and moto's: by the caller's policies and by the resource's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from sandbox import iam, identity
from sandbox.envelope import behind_alias, key_parts
from sandbox.errors import ServiceError
from sandbox.iam.document import compile_policy
from sandbox.iam.part import Place
from sandbox.sts import not_authorized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.decisions import Decisions
    from sandbox.iam.request import Document
    from sandbox.identity import Caller
    from sandbox.sagemaker.registry import Registry
    from sandbox.wire import Target

    Locate = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class Access:
    """The evaluator, with the policies of callers and of resources at hand."""

    def __init__(
        self,
        region: str,
        registries: Mapping[str, Registry],
        decisions: Decisions | None = None,
        locate: Locate | None = None,
    ) -> None:
        self._region = region
        self._registries = registries
        self._decisions = decisions
        self._locate = locate

    def check(
        self, caller: Caller, target: Target, params: Mapping[str, Any], environ: dict[str, Any]
    ) -> str:
        """The account whose resource is called; raises AccessDenied unless the caller may."""
        known = {**iam.facts(environ, self._region), **caller.facts}
        if target.service == "codecommit" and self._locate:  # pull requests go by number, policies by name
            params = {**params, **self._locate(caller.account, params)}
        authorized = iam.authorize(target, params, known, caller.account, self._region)
        parts = [behind_alias(part) for part in authorized]
        if target.service == "s3":
            around = {key: values for key, values in known.items() if not key.startswith("s3:")}
            asked = key_parts(target.operation, params, caller.account, self._region)
            parts += [replace(part, context={**around, **part.context}) for part in asked]
        for part in parts:
            request, decision = self._ask(caller, part)
            if not decision.allowed and target.operation == "AssumeRoleWithWebIdentity":
                raise not_authorized(target.operation)
            if not decision.allowed:
                raise ServiceError("AccessDenied", iam.denial(request, decision), 403)
        return self._owner(parts[0], caller)

    def require(self, caller: Caller, action: str, resource: str) -> None:
        """Ask for an action that no request stands for: what a service does by a role's leave."""
        part = Place(caller.account, self._region).part(action, resource, dict(caller.facts))
        request, decision = self._ask(caller, part)
        if not decision.allowed:
            raise ServiceError("AccessDenied", iam.denial(request, decision), 403)

    def hides(self, caller: Caller, bucket: str, key: str, environ: dict[str, Any]) -> bool:
        """Whether a caller may not learn that a key does not exist: S3 then says 403 instead of 404."""
        part = iam.listing(bucket, key, Place(caller.account, self._region))
        known = {**iam.facts(environ, self._region), **caller.facts, **part.context}
        return not self._ask(caller, replace(part, context=known))[1].allowed

    def _ask(self, caller: Caller, part: iam.Part) -> tuple[iam.Request, iam.Decision]:
        """Decide a part of a call, and note how."""
        request, decision = self._decide(caller, part)
        if self._decisions:
            self._decisions.note(request, decision.allowed)
        return request, decision

    def _decide(self, caller: Caller, part: iam.Part) -> tuple[iam.Request, iam.Decision]:
        owner = self._owner(part, caller)
        request = iam.Request(caller.principal, part.action, part.resource, owner, part.context)
        attached = self._attached(part)
        try:
            return request, iam.evaluate(request, replace(caller.policies, resource=attached))
        except iam.PolicyError as error:  # nobody may do what a policy that nobody can read is to decide
            return request, iam.Decision(False, f"because a policy is malformed: {error}")

    @staticmethod
    def _owner(part: iam.Part, caller: Caller) -> str:
        """The account of a resource; the names of buckets are global, those of all else name theirs."""
        if part.resource.startswith("arn:aws:s3:::") and part.action != "s3:CreateBucket":
            return bucket_owner(_bucket(part.resource)) or caller.account
        return part.account or caller.account

    def _attached(self, part: iam.Part) -> list[Document]:
        """The policy of the resource itself, for the services whose resources have one here."""
        found: Document | None = None
        pieces = part.resource.split(":", 5)
        if len(pieces) < 6:
            return []
        service, account, name = pieces[2], pieces[4], pieces[5]
        if service == "s3":
            found = bucket_policy(_bucket(part.resource))
        elif service == "iam" and part.action.startswith("sts:"):
            found = identity.trust_of(part.resource)
        elif service == "sagemaker" and name.startswith(("model-package/", "model-package-group/")):
            registry = self._registries.get(account)
            found = registry.policy_of(name.split("/")[1]) if registry else None
        elif service == "kms" and name.startswith("key/"):
            found = key_policy(account, pieces[3], name.removeprefix("key/"))
        return [found] if found else []


def _bucket(arn: str) -> str:
    return arn.removeprefix("arn:aws:s3:::").split("/", 1)[0]


def bucket_owner(name: str) -> str | None:
    """The account of a bucket: its name is global."""
    found: tuple[str, str] | None = s3_backends.bucket_accounts.get(name)
    return found[1] if found else None


def bucket_policy(name: str) -> Document | None:
    owner = bucket_owner(name)
    bucket = s3_backends[owner]["aws"].buckets.get(name) if owner else None
    return str(bucket.policy.decode()) if bucket is not None and bucket.policy else None


def key_policy(account: str, region: str, key: str) -> Document | None:
    found = kms_backends[account][region].keys.get(key)
    return str(found.policy) if found else None


def check_bucket_policy(body: bytes) -> None:
    """Refuse a bucket policy that could not be evaluated; moto takes anything."""
    try:
        compile_policy(body.decode("utf-8", "replace"))
    except iam.PolicyError as error:
        raise ServiceError("MalformedPolicy", f"Policies must be valid JSON and IAM: {error}") from None
