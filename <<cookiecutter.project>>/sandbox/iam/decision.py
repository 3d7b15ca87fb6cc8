"""The decision: may this principal do this, by all the policies that bear on it.

AWS's order: an explicit deny anywhere ends it; then the resource's policy and the principal's own policies
allow, either of them within an account, both of them across accounts; boundaries and session policies limit.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.iam.document import compile_policy
from sandbox.iam.principals import OUTSIDE, Match
from sandbox.iam.request import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.iam.document import Policy
    from sandbox.iam.request import Document, Policies, Principal, Request

    Facts = dict[str, Sequence[str]]

TYPES = {"root": "Account", "user": "User", "role": "AssumedRole", "session": "AssumedRole"}
IDENTITY, BOUNDARY, SESSION = "identity-based policy", "permissions boundary", "session policy"
RESOURCE = "resource-based policy"
# What still limits a grant by the resource's policy in an account, by how closely it names the principal: see
# IAM guide, "Resource-based policies and implicit denies in other policy types". It says nothing of "*":
# users report that a boundary does not bind; that a session policy does is our caution.
BINDING = {Match.ROLE: (BOUNDARY, SESSION), Match.EVERYONE: (SESSION,), Match.DIRECT: ()}
ALLOWED = Decision(True, "")
# Every caller may ask who it is, whatever policies say: STS reference, GetCallerIdentity.
ALWAYS = frozenset({"sts:getcalleridentity"})
# The owner's root user can always mend a bucket's policy, even one that denies it this: S3 reference.
RESCUES = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"})
# Roles and keys trust not even their own account unless their policy says so: IAM and KMS guides.
TRUSTED_ONLY = re.compile(r"(?:sts:(?:assumerole|tagsession|setsourceidentity)\w*|kms:\w+)", re.IGNORECASE)
# An alias has no policy of its own, nor has a key that is not there yet: KMS guide, "Access to aliases".
POLICYLESS = re.compile(r"kms:(?:create|update|delete)alias \S+:alias/\S+|kms:\w+ \S+:key/\*", re.IGNORECASE)


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decide one request."""
    if _is_exempt(request):
        return ALLOWED
    facts = context_of(request)
    own = {IDENTITY: policies.identity, BOUNDARY: policies.boundary, SESSION: policies.session}
    compiled = {name: _compiled(given) for name, given in own.items() if given is not None}
    attached = _compiled(policies.resource)
    denying = [name for name, found in compiled.items() if _any(found, True, request, facts)]
    if _grant(attached, True, request, facts, bounded=policies.boundary is not None):
        denying.append(RESOURCE)
    if denying:
        return Decision(False, f"with an explicit deny in {_article(denying[0])} {denying[0]}")
    silent = [name for name, found in compiled.items() if not _any(found, False, request, facts)]
    lacking = _lacking(request, _grant(attached, False, request, facts), silent)
    if lacking:
        return Decision(False, f"because no {lacking} allows the {request.action} action")
    return ALLOWED


def _is_exempt(request: Request) -> bool:
    """Whether no policy can forbid the request."""
    action, who = request.action.lower(), request.principal
    owns = who.kind == "root" and who.account == request.account
    return (action in ALWAYS and who.kind != "anonymous") or (action in RESCUES and owns)


def _lacking(request: Request, grant: Match, silent: list[str]) -> str:
    """The kind of policy whose Allow is missing; empty when nothing is.

    `grant` is what the resource's policy says, `silent` which of the principal's own policies allow nothing.
    """
    principal = request.principal
    if principal.kind in OUTSIDE:
        return "" if grant >= Match.EVERYONE else RESOURCE
    if principal.kind == "root":
        silent = [name for name in silent if name != IDENTITY]
    if principal.account != request.account:
        # Users report that AWS names the resource's policy too where that only trusts the account
        blamed = not grant or (grant is Match.ACCOUNT and IDENTITY in silent)
        missing = [RESOURCE] if blamed else silent
    elif grant >= Match.ROLE:
        missing = [name for name in silent if name in BINDING[grant]]
    else:
        missing = [*silent, RESOURCE] if not grant and _is_trusted_only(request) else silent
    return missing[0] if missing else ""


def _is_trusted_only(request: Request) -> bool:
    if request.resource == "*" or POLICYLESS.fullmatch(f"{request.action} {request.resource}"):
        return False
    return TRUSTED_ONLY.fullmatch(request.action) is not None


def _any(policies: Iterable[Policy], deny: bool, request: Request, facts: Facts) -> bool:
    return any(
        statement.deny is deny and statement.covers(request.action, request.resource, facts)
        for policy in policies
        for statement in policy
    )


def _grant(
    policies: Iterable[Policy], deny: bool, request: Request, facts: Facts, bounded: bool = False
) -> Match:
    """How closely the statements of a resource's policy that apply name the principal.

    A Deny by NotPrincipal hits every principal with a boundary: IAM guide, "Permissions boundaries".
    """
    return max(
        (
            Match.EVERYONE
            if bounded and statement.principals.excluded
            else statement.principals.match(request.principal)
            for policy in policies
            for statement in policy
            if statement.principals is not None
            and statement.deny is deny
            and statement.covers(request.action, request.resource, facts)
        ),
        default=Match.NONE,
    )


def _compiled(documents: Iterable[Document]) -> list[Policy]:
    return [compile_policy(document) for document in documents]


def _article(name: str) -> str:
    return "an" if name[0] in "aeiou" else "a"


def context_of(request: Request) -> Facts:
    """What conditions see: the request's own keys in lower case, and what IAM knows of the principal."""
    facts: Facts = {key.lower(): values for key, values in request.context.items()}
    now = time.time()
    facts.setdefault("aws:currenttime", (datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),))
    facts.setdefault("aws:epochtime", (str(int(now)),))
    if request.account:
        facts.setdefault("aws:resourceaccount", (request.account,))
    return facts | _principal_facts(request.principal)


def _principal_facts(principal: Principal) -> Facts:
    service = principal.kind == "service"
    facts: Facts = {"aws:principalisawsservice": ("true" if service else "false",)}
    if service:
        return facts | {"aws:principalservicename": (principal.arn,)}
    kind = TYPES.get(principal.kind, "Anonymous")
    facts["aws:principaltype"] = (kind,)
    if kind != "Anonymous":
        facts["aws:principalarn"] = (principal.source_arn,)
        facts["aws:principalaccount"] = (principal.account,)
    if principal.id:
        facts["aws:userid"] = (principal.id,)
    if principal.kind == "user":
        facts["aws:username"] = (principal.arn.rsplit("/", 1)[-1],)
    return facts | {f"aws:principaltag/{key.lower()}": (value,) for key, value in principal.tags.items()}


def denial(request: Request, decision: Decision) -> str:
    """AWS's sentence for a refused request."""
    return (
        f"User: {request.principal.arn} is not authorized to perform: {request.action} "
        f"on resource: {request.resource} {decision.reason}"
    )
