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
from sandbox.iam.principals import Match
from sandbox.iam.request import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.iam.document import Policy
    from sandbox.iam.request import Document, Policies, Principal, Request

    Facts = dict[str, Sequence[str]]

TYPES = {"root": "Account", "user": "User", "role": "AssumedRole", "session": "AssumedRole"}
ALLOWED = Decision(True, "")
# Every caller may ask who it is, whatever policies say: STS reference, GetCallerIdentity.
ALWAYS = frozenset({"sts:getcalleridentity"})
# Roles and keys trust not even their own account unless their policy says so: IAM and KMS guides.
TRUSTED_ONLY = re.compile(r"(?:sts:(?:assumerole|tagsession|setsourceidentity)\w*|kms:\w+)", re.IGNORECASE)


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decide one request."""
    action = request.action.lower()
    if action in ALWAYS and request.principal.kind != "anonymous":
        return ALLOWED
    facts = context_of(request)
    own = {
        "identity-based policy": _compiled(policies.identity),
        "permissions boundary": _compiled(policies.boundary or ()),
        "session policy": _compiled(policies.session or ()),
    }
    for name, compiled in own.items():
        if _any(compiled, True, request, facts):
            return Decision(False, f"with an explicit deny in {_article(name)} {name}")
    attached = _compiled(policies.resource)
    if _grant(attached, True, request, facts):
        return Decision(False, "with an explicit deny in a resource-based policy")
    grant = _grant(attached, False, request, facts)
    limits = [
        name
        for name, given in (
            ("permissions boundary", policies.boundary),
            ("session policy", policies.session),
        )
        if given is not None and not _any(own[name], False, request, facts)
    ]
    return _weigh(request, grant, _own_allow(own["identity-based policy"], request, facts), limits)


def _weigh(request: Request, grant: Match, own: bool, limits: list[str]) -> Decision:
    """Join what the resource's policy, the principal's policies and their limits say."""
    principal = request.principal
    if principal.kind in ("service", "web", "anonymous"):
        return ALLOWED if grant is Match.DIRECT else _nothing("resource-based policy", request)
    if principal.account != request.account:
        if not own:
            return _nothing("identity-based policy", request)
        if limits:
            return _nothing(limits[0], request)
        return ALLOWED if grant else _nothing("resource-based policy", request)
    if grant is Match.DIRECT or (grant is Match.ROLE and not limits):
        return ALLOWED
    if not own and not grant:
        return _nothing("identity-based policy", request)
    if limits:
        return _nothing(limits[0], request)
    if not grant and _is_trusted_only(request):
        return _nothing("resource-based policy", request)
    return ALLOWED if own else _nothing("identity-based policy", request)


def _is_trusted_only(request: Request) -> bool:
    return request.resource != "*" and TRUSTED_ONLY.fullmatch(request.action) is not None


def _own_allow(identity: Sequence[Policy], request: Request, facts: Facts) -> bool:
    return request.principal.kind == "root" or _any(identity, False, request, facts)


def _any(policies: Iterable[Policy], deny: bool, request: Request, facts: Facts) -> bool:
    return any(
        statement.deny is deny and statement.covers(request.action, request.resource, facts)
        for policy in policies
        for statement in policy
    )


def _grant(policies: Iterable[Policy], deny: bool, request: Request, facts: Facts) -> Match:
    """How closely the statements of a resource's policy that apply name the principal."""
    return max(
        (
            statement.principals.match(request.principal)
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


def _nothing(kind: str, request: Request) -> Decision:
    return Decision(False, f"because no {kind} allows the {request.action} action")


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
