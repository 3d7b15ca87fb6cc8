"""IAM decides as AWS documents: denials, accounts, boundaries, sessions, trust; how a refusal is said."""

from __future__ import annotations

import timeit
from typing import Any

import pytest

from sandbox.iam import ANONYMOUS, Policies, Principal, Request, claim_keys, denial, evaluate

HOME, AWAY = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{HOME}:role/acme-train"
SESSION_ARN = f"arn:aws:sts::{HOME}:assumed-role/acme-train/run.7"
SESSION = Principal(HOME, SESSION_ARN, "session", ROLE, "run.7", {"team": "ml"}, "AROA:run.7")
USER = Principal(HOME, f"arn:aws:iam::{HOME}:user/ada", "user")
ROOT = Principal(HOME, f"arn:aws:iam::{HOME}:root", "root")
SERVICE = Principal("", "sagemaker.amazonaws.com", "service")
OBJECT = "arn:aws:s3:::acme-data/ml/part-1.csv"


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    action = {} if "NotAction" in more else {"Action": "s3:GetObject"}
    resource = {} if "NotResource" in more else {"Resource": OBJECT}
    return {"Effect": effect, **action, **resource, **more}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


ALLOW = policy(statement())
OTHER = policy(statement(Resource="arn:aws:s3:::other/*"))
DENY = policy(statement("Deny"))


def decide(who: Principal, owner: str = HOME, /, **policies: Any) -> str:
    """Empty when allowed, else the reason."""
    found = evaluate(Request(who, "s3:GetObject", OBJECT, owner), Policies(**policies))
    assert found.allowed is (found.reason == "")
    return found.reason


def attached(principal: Any, effect: str = "Allow", element: str = "Principal") -> list[dict[str, Any]]:
    return [policy(statement(effect, **{element: principal}))]


NO_IDENTITY = "because no identity-based policy allows the s3:GetObject action"
NO_BOUNDARY = "because no permissions boundary allows the s3:GetObject action"
NO_SESSION = "because no session policy allows the s3:GetObject action"
NO_RESOURCE = "because no resource-based policy allows the s3:GetObject action"


def test_what_no_policy_allows_is_refused() -> None:
    assert decide(USER) == NO_IDENTITY
    assert decide(USER, identity=[OTHER]) == NO_IDENTITY
    assert decide(USER, identity=[OTHER, ALLOW]) == ""


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("identity", "with an explicit deny in an identity-based policy"),
        ("boundary", "with an explicit deny in a permissions boundary"),
        ("session", "with an explicit deny in a session policy"),
    ],
)
def test_a_deny_anywhere_outweighs_every_allow(kind: str, reason: str) -> None:
    given = {"identity": [ALLOW], "boundary": [ALLOW], "session": [ALLOW]}
    given[kind] = [ALLOW, DENY]
    assert decide(SESSION, HOME, **given, resource=attached({"AWS": SESSION_ARN})) == reason


def test_a_deny_of_the_resources_policy_binds_the_root_user_too() -> None:
    assert decide(ROOT) == ""
    assert decide(ROOT, resource=attached("*", "Deny")) == "with an explicit deny in a resource-based policy"


def test_a_boundary_and_a_session_policy_must_allow_too() -> None:
    assert decide(SESSION, identity=[ALLOW], boundary=[OTHER]) == NO_BOUNDARY
    assert decide(SESSION, identity=[ALLOW], session=[OTHER]) == NO_SESSION
    assert decide(SESSION, identity=[ALLOW], boundary=[ALLOW], session=[ALLOW]) == ""
    assert decide(SESSION, boundary=[ALLOW], session=[ALLOW]) == NO_IDENTITY


@pytest.mark.parametrize(
    ("principal", "boundary", "session"),
    [
        ({"AWS": ROLE}, NO_BOUNDARY, NO_SESSION),
        ({"AWS": SESSION_ARN}, "", ""),
        ("*", "", NO_SESSION),
        ({"AWS": HOME}, NO_IDENTITY, NO_IDENTITY),
    ],
)
def test_how_a_resources_policy_names_a_session_decides_what_still_limits_it(
    principal: Any, boundary: str, session: str
) -> None:
    resource = attached(principal)
    assert decide(SESSION, boundary=[OTHER], resource=resource) == boundary
    assert decide(SESSION, session=[OTHER], resource=resource) == session


def test_another_account_needs_both_sides() -> None:
    assert decide(SESSION, AWAY, identity=[ALLOW]) == NO_RESOURCE
    assert decide(SESSION, AWAY, resource=attached({"AWS": ROLE})) == NO_IDENTITY
    assert decide(SESSION, AWAY, identity=[ALLOW], resource=attached({"AWS": ROLE})) == ""
    assert (
        decide(SESSION, AWAY, identity=[ALLOW], resource=attached({"AWS": f"arn:aws:iam::{HOME}:root"})) == ""
    )
    assert decide(ROOT, AWAY) == NO_RESOURCE


def test_the_owner_of_a_resource_is_blamed_unless_it_trusts_the_caller_by_name() -> None:
    assert decide(SESSION, AWAY) == NO_RESOURCE
    assert decide(SESSION, AWAY, resource=attached({"AWS": HOME})) == NO_RESOURCE
    assert (
        decide(SESSION, AWAY, identity=[ALLOW], session=[OTHER], resource=attached({"AWS": HOME}))
        == NO_SESSION
    )


def test_services_and_nobody_have_only_the_resources_policy() -> None:
    assert decide(SERVICE, resource=attached({"Service": "sagemaker.amazonaws.com"})) == ""
    assert decide(SERVICE, resource=attached({"Service": "lambda.amazonaws.com"})) == NO_RESOURCE
    assert decide(ANONYMOUS, resource=attached("*")) == ""
    assert decide(ANONYMOUS, resource=attached({"AWS": HOME})) == NO_RESOURCE


def test_not_principal_denies_everyone_else_and_whoever_has_a_boundary() -> None:
    resource = attached({"AWS": [USER.arn, HOME]}, "Deny", "NotPrincipal")
    assert decide(USER, identity=[ALLOW], resource=resource) == ""
    assert "explicit deny" in decide(SERVICE, resource=resource)
    assert "explicit deny" in decide(USER, identity=[ALLOW], boundary=[ALLOW], resource=resource)


@pytest.mark.parametrize("named", [ROLE, HOME, SESSION_ARN])
def test_not_principal_spares_a_session_by_its_role_or_account(named: str) -> None:
    assert decide(SESSION, identity=[ALLOW], resource=attached({"AWS": named}, "Deny", "NotPrincipal")) == ""


def test_not_action_and_not_resource_cover_the_rest() -> None:
    assert decide(USER, identity=[policy(statement(NotAction=["s3:Put*", "iam:*"]))]) == ""
    assert decide(USER, identity=[policy(statement(NotAction="s3:get*"))]) == NO_IDENTITY
    assert decide(USER, identity=[policy(statement(NotResource="arn:aws:s3:::other/*"))]) == ""
    assert decide(USER, identity=[policy(statement(NotResource="arn:aws:s3:::acme-*"))]) == NO_IDENTITY


def test_everyone_may_ask_who_they_are() -> None:
    everything = policy({"Effect": "Deny", "Action": "*", "Resource": "*"})
    request = Request(USER, "sts:GetCallerIdentity", "*", HOME)
    assert evaluate(request, Policies([everything])).allowed


def test_an_owners_root_user_can_mend_a_policy_that_denies_it_everything() -> None:
    shut = policy({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"})
    for action, account, allowed in (
        ("s3:PutBucketPolicy", HOME, True),
        ("s3:PutObject", HOME, False),
        ("s3:PutBucketPolicy", AWAY, False),
    ):
        request = Request(ROOT, action, "arn:aws:s3:::acme-data", account)
        assert evaluate(request, Policies(resource=[shut])).allowed is allowed


@pytest.mark.parametrize(
    ("action", "resource"),
    [("sts:AssumeRole", ROLE), ("kms:Decrypt", f"arn:aws:kms:eu-west-1:{HOME}:key/1")],
)
def test_roles_and_keys_must_trust_even_their_own_account(action: str, resource: str) -> None:
    own = policy({"Effect": "Allow", "Action": action, "Resource": resource})
    trust = {"Effect": "Allow", "Action": action, "Principal": {"AWS": HOME}}
    request = Request(USER, action, resource, HOME)
    refused = evaluate(request, Policies([own]))
    assert refused.reason == f"because no resource-based policy allows the {action} action"
    assert evaluate(request, Policies([own], resource=[policy(trust)])).allowed
    assert not evaluate(request, Policies(resource=[policy(trust)])).allowed


ISSUER = "https://token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::{HOME}:oidc-provider/token.actions.githubusercontent.com"
CLAIMS = {
    "aud": "sts.amazonaws.com",
    "sub": "repo:acme@7/models@9:environment:prod",
    "repository_id": "9",
    "job_workflow_ref": "acme/models/.github/workflows/deploy.yml@refs/heads/main",
    "run_id": "12",
}
TRUST = {
    "Effect": "Allow",
    "Principal": {"Federated": PROVIDER},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {
            f"token.actions.githubusercontent.com:{name}": CLAIMS[name]
            for name in ("aud", "repository_id", "job_workflow_ref")
        },
        "StringLike": {
            "token.actions.githubusercontent.com:sub": [
                "repo:acme/models:environment:prod",
                "repo:acme@7/models@9:environment:prod",
            ]
        },
    },
}


def assume(
    claims: dict[str, str] | None = None, provider: str = PROVIDER, trust: dict[str, Any] = TRUST
) -> bool:
    who = Principal(HOME, provider, "web")
    keys = claim_keys(ISSUER, {**CLAIMS, **(claims or {})})
    request = Request(who, "sts:AssumeRoleWithWebIdentity", ROLE, HOME, keys)
    return evaluate(request, Policies(resource=[policy(trust)])).allowed


def test_a_token_assumes_the_role_that_trusts_it() -> None:
    assert assume()
    assert assume({"sub": "repo:acme/models:environment:prod"})


@pytest.mark.parametrize(
    "claim",
    [
        {"sub": "repo:acme@7/models@9:environment:staging"},
        {"sub": "repo:acme@7/models@9:pull_request"},
        {"aud": "https://github.com/acme"},
        {"repository_id": "10"},
        {"job_workflow_ref": "acme/models/.github/workflows/deploy.yml@refs/heads/mine"},
    ],
)
def test_a_token_with_another_claim_assumes_nothing(claim: dict[str, str]) -> None:
    assert not assume(claim)


def test_denying_an_account_does_not_bind_a_token_of_its_provider() -> None:
    denial_of_account = {"Effect": "Deny", "Principal": {"AWS": HOME}, "Action": "sts:*"}
    request = Request(Principal(HOME, PROVIDER, "web"), "sts:AssumeRoleWithWebIdentity", ROLE, HOME)
    trust = {**TRUST, "Condition": {}}
    assert evaluate(request, Policies(resource=[policy(trust, denial_of_account)])).allowed


def test_a_claim_that_iam_makes_no_key_never_matches() -> None:
    condition = {"StringEquals": {"token.actions.githubusercontent.com:run_id": "12"}}
    assert not assume(trust={**TRUST, "Condition": condition})


def test_another_provider_is_not_trusted() -> None:
    assert not assume(provider=PROVIDER.replace("token.", "other."))


def test_a_refusal_is_said_as_aws_says_it() -> None:
    request = Request(SESSION, "s3:GetObject", OBJECT, HOME)
    assert denial(request, evaluate(request, Policies())) == (
        f"User: {SESSION_ARN} is not authorized to perform: s3:GetObject on resource: {OBJECT} "
        "because no identity-based policy allows the s3:GetObject action"
    )


def test_a_decision_costs_far_less_than_a_call() -> None:
    many = [
        policy(*[statement(Sid=f"S{number}", Resource=f"arn:aws:s3:::b{number}/*") for number in range(40)])
    ]
    request = Request(SESSION, "s3:GetObject", OBJECT, HOME)
    policies = Policies([*many, ALLOW], boundary=[ALLOW], resource=attached({"AWS": ROLE}))
    assert evaluate(request, policies).allowed
    seconds = min(timeit.repeat(lambda: evaluate(request, policies), number=20, repeat=5)) / 20
    assert seconds < 0.001, f"{seconds * 1e6:.0f} µs"
