"""Families of cases, each about one part of AWS's evaluation logic, and how a judge is asked about them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sandbox.iam import ANONYMOUS, Policies, Principal, Request
from sandbox.iam.conditions import MULTIVALUED
from sandbox.iam.decision import context_of

from tests.judges.cases import (
    AWAY_SESSION,
    EVERYWHERE,
    HOME,
    ISSUER,
    OTHER_USER,
    ROLE,
    SERVICE,
    SESSION,
    TARGETS,
    USER,
    WEB,
    Case,
    Draw,
    Keys,
    Target,
)

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ROOT = Principal(HOME, f"arn:aws:iam::{HOME}:root", "root", id=HOME)
CLAIMS = {
    f"{ISSUER}:aud": ["sts.amazonaws.com"],
    f"{ISSUER}:sub": ["repo:acme@7/models@9:environment:prod"],
    f"{ISSUER}:repository_id": ["9"],
    f"{ISSUER}:environment": ["prod"],
    f"{ISSUER}:job_workflow_ref": ["acme/models/.github/workflows/deploy.yml@refs/heads/main"],
}
LISTING = Target("sagemaker:ListEndpoints", "*")
KEY = Target("kms:Decrypt", f"arn:aws:kms:eu-west-1:{HOME}:key/1234abcd", {"kms:CallerAccount": [HOME]})


def keys_of(caller: Principal, target: Target, claims: Keys | None = None) -> Keys:
    """The keys that conditions are drawn from."""
    found = {**EVERYWHERE, **target.keys, **(claims or {})}
    found |= {f"aws:PrincipalTag/{name}": [value] for name, value in caller.tags.items()}
    return found | ({"aws:PrincipalArn": [caller.source_arn]} if caller.kind in ("user", "session") else {})


def ask(caller: Principal, target: Target, policies: Policies, claims: Keys | None = None) -> Case:
    context = {**EVERYWHERE, **target.keys, **(claims or {})}
    return Case(Request(caller, target.action, target.resource, HOME, context), policies)


def identity(draw: Draw) -> Case:
    caller, target = draw.one([USER, SESSION]), draw.one([*TARGETS, LISTING])
    keys = keys_of(caller, target)
    return ask(caller, target, Policies([draw.document(target, keys) for _ in range(1 + draw.number(1))]))


def boundaries(draw: Draw) -> Case:
    caller, target = draw.one([USER, SESSION]), draw.one(TARGETS)
    keys = keys_of(caller, target)
    return ask(
        caller, target, Policies([draw.document(target, keys, 0.1)], [draw.document(target, keys, 0.1)])
    )


def sessions(draw: Draw) -> Case:
    target = draw.one(TARGETS)
    keys = keys_of(SESSION, target)
    boundary = [draw.document(target, keys, 0.1)] if draw.chance(0.3) else None
    own = [draw.document(target, keys, 0.1)]
    return ask(SESSION, target, Policies(own, boundary, [draw.document(target, keys, 0.1)]))


def attached(draw: Draw) -> Case:
    """A resource's policy and the principal's own, within one account."""
    caller, target = draw.one([USER, SESSION]), draw.one(TARGETS)
    keys = keys_of(caller, target)
    own = [draw.document(target, keys, 0.1)] if draw.chance(0.6) else []
    boundary = [draw.document(target, keys, 0.1)] if draw.chance(0.4) else None
    return ask(caller, target, Policies(own, boundary, None, [draw.attached(target, keys, caller)]))


def across(draw: Draw) -> Case:
    """A principal of another account."""
    caller, target = draw.one([OTHER_USER, AWAY_SESSION]), draw.one(TARGETS)
    keys = keys_of(caller, target)
    own = [draw.document(target, keys, 0.1)]
    boundary = [draw.document(target, keys, 0.1)] if draw.chance(0.2) else None
    resource = [draw.attached(target, keys, caller)] if draw.chance(0.9) else []
    return ask(caller, target, Policies(own, boundary, None, resource))


def outsiders(draw: Draw) -> Case:
    """Services and nobody: only the resource's policy speaks of them."""
    caller, target = draw.one([SERVICE, ANONYMOUS]), draw.one(TARGETS)
    return ask(caller, target, Policies(resource=[draw.attached(target, keys_of(caller, target), caller)]))


def web_trust(draw: Draw) -> Case:
    """A role's trust policy and the claims of a token."""
    target = Target("sts:AssumeRoleWithWebIdentity", ROLE, {"sts:RoleSessionName": ["p1.abc"]})
    claims = {key: values for key, values in CLAIMS.items() if draw.chance(0.9)}
    keys = {**claims, "sts:RoleSessionName": ["p1.abc"]}
    return ask(WEB, replace(target, absent=(f"{ISSUER}:actor",)), trust(draw, target, keys, WEB), claims)


def role_trust(draw: Draw) -> Case:
    """AssumeRole: the trust policy must allow, even within the account."""
    caller = draw.one([USER, SESSION, AWAY_SESSION, OTHER_USER])
    target = Target("sts:AssumeRole", ROLE, {"sts:RoleSessionName": ["p1.abc"], "sts:ExternalId": ["x1"]})
    keys = keys_of(caller, target)
    own = [draw.document(target, keys, 0.1)] if draw.chance(0.7) else []
    return ask(caller, target, replace(trust(draw, target, keys, caller), identity=own))


def trust(draw: Draw, target: Target, keys: Keys, caller: Principal) -> Policies:
    document = draw.attached(target, keys, caller)
    for statement in document["Statement"]:
        statement.pop("Resource")
        statement.pop("NotAction", None)
        statement["Action"] = draw.one([target.action, "sts:*", "sts:AssumeRole*", "sts:TagSession"])
    return Policies(resource=[document])


def keys(draw: Draw) -> Case:
    """KMS: a key's policy must allow, at least the account."""
    caller = draw.one([USER, SESSION, AWAY_SESSION])
    own = [draw.document(KEY, keys_of(caller, KEY), 0.1)] if draw.chance(0.8) else []
    return ask(caller, KEY, Policies(own, resource=[draw.attached(KEY, keys_of(caller, KEY), caller)]))


def roots(draw: Draw) -> Case:
    """The account's root user: its own policies do not bind it, a resource's Deny does."""
    target = draw.one(TARGETS)
    resource = [draw.attached(target, keys_of(ROOT, target), ROOT, 0.7)] if draw.chance(0.9) else []
    return ask(ROOT, target, Policies([EVERYTHING], resource=resource))


FAMILIES: dict[str, Callable[[Draw], Case]] = {
    family.__name__: family
    for family in (
        identity,
        boundaries,
        sessions,
        attached,
        across,
        outsiders,
        web_trust,
        role_trust,
        keys,
        roots,
    )
}


def simulation(case: Case) -> dict[str, Any]:
    """A case as iam-simulate takes it."""
    request, policies = case.request, case.policies
    context = {
        key: list(values) if key in MULTIVALUED or len(values) > 1 else values[0]
        for key, values in context_of(request).items()
    }
    anonymous = request.principal.kind == "anonymous"
    found: dict[str, Any] = {
        "request": {
            "principal": {"type": "Anonymous"} if anonymous else request.principal.arn,
            "action": request.action,
            "resource": {"resource": request.resource, "accountId": request.account},
            "contextVariables": context,
        },
        "identityPolicies": named(policies.identity),
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }
    if policies.boundary is not None:
        found["permissionBoundaryPolicies"] = named(policies.boundary)
    if policies.session is not None:
        found["sessionPolicy"] = policies.session[0]
    if policies.resource:
        found["resourcePolicy"] = policies.resource[0]
    return rename_claims(found)


def rename_claims(simulation: dict[str, Any]) -> dict[str, Any]:
    """It drops keys that its list lacks, as `aud` and `sub` of GitHub's tokens; Cognito's are in it."""
    text = json.dumps(simulation)
    for claim in ("aud", "sub"):
        text = text.replace(f'"{ISSUER}:{claim}"', f'"cognito-identity.amazonaws.com:{claim}"')
    return dict(json.loads(text))


def named(documents: Sequence[object]) -> list[dict[str, Any]]:
    return [{"name": f"policy{index}", "policy": document} for index, document in enumerate(documents)]
