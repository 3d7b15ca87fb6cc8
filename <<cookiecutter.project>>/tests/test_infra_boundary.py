"""Boundaries: what holds for a role of infra/*.yml whatever policy somebody attaches to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from sandbox.iam import Policies, Principal, Request, evaluate
from tests.blueprint import ACCOUNTS, REGION, ROOT, Made, is_common, made

Context = dict[str, Sequence[str]]
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
OWN = {"Version": "2012-10-17", "Statement": [EVERYTHING]}
RELEASES = f"arn:aws:s3:::shop-releases-{ACCOUNTS['training']}-{REGION}"
PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNTS['training']}:model-package/shop-x/1"
STATUS, STAGE = "sagemaker:ModelApprovalStatus", "sagemaker:ModelLifeCycle:stage"


def boundary(duty: str, variant: str = "") -> dict[str, Any]:
    """A boundary by the end of its name: a duty, or `builds` (of a forge)."""
    (found,) = [
        each
        for each in made("AWS::IAM::ManagedPolicy")
        if each.properties["ManagedPolicyName"] == f"shop-boundary-{duty}" and each.variant == variant
    ]
    return dict(found.properties["PolicyDocument"])


def boundary_of(each: Made) -> dict[str, Any]:
    """The boundary of a role."""
    kind = each.properties["PermissionsBoundary"].rpartition("-")[2]
    return boundary(kind, each.variant if kind == "builds" else "")


def statements(each: Made) -> list[dict[str, Any]]:
    """What a role is given: by itself, and by the project's own policies."""
    shared = {
        f"arn:aws:iam::{ACCOUNTS[one.duty]}:policy/{one.properties['ManagedPolicyName']}": one
        for one in made("AWS::IAM::ManagedPolicy")
        if one.variant == each.variant
    }
    documents = [policy["PolicyDocument"] for policy in each.properties["Policies"]]
    documents += [
        shared[arn].properties["PolicyDocument"] for arn in each.properties.get("ManagedPolicyArns", [])
    ]
    return [statement for document in documents for statement in document["Statement"]]


def role(duty: str) -> Principal:
    arn = f"arn:aws:iam::{ACCOUNTS[duty]}:role/shop-any"
    return Principal(ACCOUNTS[duty], f"arn:aws:sts::{ACCOUNTS[duty]}:assumed-role/shop-any/x", "session", arn)


def may(duty: str, action: str, resource: str, **context: str) -> bool:
    """Whether a role that was given everything may do this, where the resource trusts its account."""
    owner = resource.split(":")[4] if resource.count(":") > 4 else ""
    known = {key: [value] for key, value in context.items()}
    asked = Request(role(duty), action, resource, owner or ACCOUNTS["training"], known)
    opened = {**EVERYTHING, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNTS[duty]}:root"}}
    return evaluate(asked, Policies([OWN], [boundary(duty)], None, [{**OWN, "Statement": [opened]}])).allowed


def stage(duty: str, status: str = "") -> dict[str, str]:
    return {STAGE: duty, **({STATUS: status} if status else {})}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:AttachRolePolicy", "arn:aws:iam::{account}:role/shop-any"),
        ("iam:DeleteRolePermissionsBoundary", "arn:aws:iam::{account}:role/shop-any"),
        ("iam:PassRole", "arn:aws:iam::{account}:role/admin"),
        ("iam:CreateAccessKey", "arn:aws:iam::{account}:user/any"),
        ("sts:AssumeRole", "arn:aws:iam::{account}:role/admin"),
        ("cloudtrail:StopLogging", "arn:aws:cloudtrail:eu-west-1:{account}:trail/shop-audit"),
        ("kms:PutKeyPolicy", "arn:aws:kms:eu-west-1:222222222222:key/x"),
        ("kms:ScheduleKeyDeletion", "arn:aws:kms:eu-west-1:222222222222:key/x"),
        ("s3:BypassGovernanceRetention", f"{RELEASES}/releases/x"),
        ("s3:DeleteObject", f"{RELEASES}/releases/x"),
        ("s3:DeleteObjectVersion", f"{RELEASES}/releases/x"),
        ("s3:PutBucketPolicy", RELEASES),
        ("s3:GetObject", "arn:aws:s3:::another-projects-222222222222-eu-west-1/x"),
        ("sagemaker:DeleteModelPackage", PACKAGE),
        ("sagemaker:DeleteModelPackageGroup", PACKAGE.replace("package/shop-x/1", "package-group/shop-x")),
        ("sagemaker:CreateModelPackage", PACKAGE),
        ("ec2:RunInstances", "arn:aws:ec2:eu-west-1:{account}:instance/x"),
    ],
)
@pytest.mark.parametrize("duty", ACCOUNTS)
def test_no_role_goes_beyond_its_duty_even_with_a_policy_that_allows_everything(
    duty: str, action: str, resource: str
) -> None:
    assert not may(duty, action, resource.format(account=ACCOUNTS[duty]))


def test_training_registers_what_is_pending_alone_and_judges_nothing() -> None:
    assert may("training", "sagemaker:CreateModelPackage", PACKAGE, **{STATUS: "PendingManualApproval"})
    assert not may("training", "sagemaker:CreateModelPackage", PACKAGE, **{STATUS: "Approved"})
    assert not may("training", "sagemaker:UpdateModelPackage", PACKAGE, **stage("staging", "Approved"))


@pytest.mark.parametrize(("duty", "other"), [("staging", "prod"), ("prod", "staging")])
def test_an_environment_writes_its_own_stage_alone(duty: str, other: str) -> None:
    assert may(duty, "sagemaker:UpdateModelPackage", PACKAGE, **stage(duty))
    assert not may(duty, "sagemaker:UpdateModelPackage", PACKAGE, **stage(other))
    assert not may(duty, "sagemaker:UpdateModelPackage", PACKAGE)


def test_staging_alone_approves_and_nobody_rejects() -> None:
    assert may("staging", "sagemaker:UpdateModelPackage", PACKAGE, **stage("staging", "Approved"))
    assert not may("staging", "sagemaker:UpdateModelPackage", PACKAGE, **stage("staging", "Rejected"))
    assert not may("prod", "sagemaker:UpdateModelPackage", PACKAGE, **stage("prod", "Approved"))


@pytest.mark.parametrize(("duty", "other"), [("staging", "prod"), ("prod", "staging")])
def test_an_environment_touches_no_endpoint_and_no_evidence_of_the_other(duty: str, other: str) -> None:
    endpoint = f"arn:aws:sagemaker:{REGION}:{ACCOUNTS[duty]}:endpoint/shop-"
    assert may(duty, "sagemaker:UpdateEndpoint", f"{endpoint}{duty}-x")
    assert not may(duty, "sagemaker:UpdateEndpoint", f"{endpoint}{other}-x")
    assert may(duty, "s3:PutObject", f"{RELEASES}/evidence/{duty}/x")
    assert not may(duty, "s3:PutObject", f"{RELEASES}/evidence/{other}/x")
    assert not may(duty, "s3:PutObject", f"{RELEASES}/releases/x/0/model.tar.gz")


ROLES = [each for each in made("AWS::IAM::Role") if is_common(each.template)]


def roles(kind: str, variant: str) -> list[Made]:
    """The roles under a boundary."""
    end = f"policy/shop-boundary-{kind}"
    found = [each for each in made("AWS::IAM::Role") if each.properties["PermissionsBoundary"].endswith(end)]
    return [each for each in found if not variant or each.variant == variant]


@pytest.mark.parametrize("each", ROLES, ids=lambda each: each.where)
def test_every_role_has_the_boundary_of_its_duty(each: Made) -> None:
    kind = "builds" if each.template == "pipeline" else each.duty
    named = f"arn:aws:iam::{ACCOUNTS[each.duty]}:policy/shop-boundary-{kind}"
    assert each.properties["PermissionsBoundary"] == named


@pytest.mark.parametrize("each", ROLES, ids=lambda each: each.where)
def test_a_boundary_takes_nothing_from_what_a_role_is_given(each: Made) -> None:
    for statement in statements(each):
        for action, resource in pairs(statement):
            fact = facts(statement)
            asked = Request(role(each.duty), action, resource, ACCOUNTS[each.duty], fact)
            alone, held = Policies([OWN]), Policies([OWN], [boundary_of(each)])
            assert evaluate(asked, held) == evaluate(asked, alone), (statement["Sid"], action, resource)


@pytest.mark.parametrize("kind", ACCOUNTS)
def test_a_boundary_allows_nothing_that_no_role_needs(kind: str) -> None:
    assert unneeded(kind) == set()


def unneeded(kind: str, variant: str = "") -> set[str]:
    """What a boundary allows and no role under it is given."""
    given = {
        action
        for each in roles(kind, variant)
        for statement in statements(each)
        for action in listed(statement["Action"])
    }
    allowed = {
        action
        for statement in boundary(kind, variant)["Statement"]
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
    }
    return allowed - given


def test_builds_have_a_boundary_of_their_own_that_obeys_the_same_rules() -> None:
    builders = [each for each in made("AWS::IAM::Role") if each not in ROLES]
    for each in builders:
        test_every_role_has_the_boundary_of_its_duty(each)
        test_a_boundary_takes_nothing_from_what_a_role_is_given(each)
    for forge in {each.variant for each in builders}:
        assert unneeded("builds", forge) == set(), forge


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def pairs(statement: dict[str, Any]) -> list[tuple[str, str]]:
    """Each action on each resource, wildcards as some name; KMS needs a policy of the key besides."""
    resources = [each.replace("*", "x") if each != "*" else each for each in listed(statement["Resource"])]
    actions = [each for each in listed(statement["Action"]) if not each.startswith("kms:")]
    return [(action, resource) for action in actions for resource in resources]


def facts(statement: dict[str, Any]) -> Context:
    """A request that meets a statement's conditions."""
    found: Context = {}
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            if operator != "Null":
                found[key] = [str(listed(value)[0]).replace("*", "x")]
            elif value == "false":
                found[key] = ["x"]
    return found


def organisation() -> dict[str, Any]:
    """The service control policy that docs/accounts.md asks an organisation for."""
    text = (ROOT / "docs/accounts.md").read_text(encoding="utf-8")
    block = text.split("```json\n")[1].split("```")[0]
    return dict(json.loads(block.replace("PROJECT", "shop")))


@pytest.mark.parametrize(
    ("action", "bound", "allowed"),
    [
        ("iam:CreateRole", "arn:aws:iam::222222222222:policy/shop-boundary-training", True),
        ("iam:CreateRole", "arn:aws:iam::222222222222:policy/other", False),
        ("iam:CreateRole", "", False),
        ("iam:PutRolePermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess", False),
        ("iam:DeleteRolePermissionsBoundary", "", False),
        ("iam:PutRolePolicy", "", True),
    ],
)
def test_the_documented_organisation_policy_keeps_boundaries_on_roles(
    action: str, bound: str, allowed: bool
) -> None:
    admin = Principal(ACCOUNTS["training"], "arn:aws:iam::222222222222:user/admin", "user")
    known = {"iam:PermissionsBoundary": [bound]} if bound else {}
    asked = Request(admin, action, "arn:aws:iam::222222222222:role/shop-train", ACCOUNTS["training"], known)
    assert evaluate(asked, Policies([OWN, organisation()])).allowed == allowed
