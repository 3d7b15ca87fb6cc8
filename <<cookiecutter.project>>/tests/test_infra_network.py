"""What project.yml's network lets jobs and endpoints do in EC2: interfaces in that VPC, and in no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.iam import Policies, Principal, Request, evaluate
from tests import blueprint
from tests.blueprint import ACCOUNTS, REGION, Made, templates
from tests.networked import VPC

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 6_144  # characters of a managed policy without white space: IAM quotas
SEEN = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
KEPT = ("CreateNetworkInterfacePermission", "DeleteNetworkInterface", "DeleteNetworkInterfacePermission")
# what a role asks for in a VPC: action, kind of resource
ASKED = [
    ("CreateNetworkInterface", "subnet"),
    ("CreateNetworkInterface", "security-group"),
    *((action, "network-interface") for action in KEPT),
]


@pytest.fixture(params=["training", "prod"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Made]:
    """The policies of a duty whose network is in project.yml, by their kind."""
    monkeypatch.setitem(blueprint.GIVEN, "Vpc", VPC)
    found = [each for each in build(request.param) if each.type == "AWS::IAM::ManagedPolicy"]
    return {each.template: each for each in found}


def build(duty: str) -> Iterator[Made]:
    for template in templates():
        if template.stem in ("boundary", "runtime"):
            yield from blueprint.build(template, duty)


def may(made: dict[str, Made], action: str, kind: str, vpc: str = VPC) -> bool:
    """Whether a job's role may, by its policy and inside its boundary."""
    account = ACCOUNTS[made["runtime"].duty]
    place = f"arn:aws:ec2:{REGION}:{account}"
    resource = f"{place}:{kind}/x" if kind else "*"
    context = {"ec2:Vpc": [f"{place}:vpc/{vpc}"]} if vpc else {}
    role = f"arn:aws:iam::{account}:role/shop-any"
    asked = Request(Principal(account, role, "role"), f"ec2:{action}", resource, account, context)
    policy, boundary = (made[name].properties["PolicyDocument"] for name in ("runtime", "boundary"))
    return evaluate(asked, Policies([policy], [boundary])).allowed


@pytest.mark.parametrize(("action", "kind"), ASKED)
def test_a_role_makes_and_deletes_interfaces_in_its_vpc_alone(
    made: dict[str, Made], action: str, kind: str
) -> None:
    assert may(made, action, kind)
    assert not may(made, action, kind, "vpc-99999999")
    assert not may(made, action, kind, ""), "what lies in no known VPC"


def test_one_that_is_yet_to_be_made_lies_in_no_vpc(made: dict[str, Made]) -> None:
    assert may(made, "CreateNetworkInterface", "network-interface", "")


@pytest.mark.parametrize("what", SEEN)
def test_a_role_sees_what_a_network_is_made_of(made: dict[str, Made], what: str) -> None:
    assert may(made, f"Describe{what}", "", "")


@pytest.mark.parametrize("action", ["CreateSubnet", "AuthorizeSecurityGroupEgress", "CreateRoute"])
def test_a_role_changes_no_network(made: dict[str, Made], action: str) -> None:
    assert not may(made, action, "subnet")


def test_policies_with_a_network_are_as_small_as_aws_wants_them(made: dict[str, Made]) -> None:
    for each in made.values():
        assert len(json.dumps(each.properties["PolicyDocument"], separators=(",", ":"))) < LARGEST


def test_the_roles_of_jobs_and_endpoints_have_it_and_no_other_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(blueprint.GIVEN, "Vpc", VPC)
    holders = {
        name
        for duty in ACCOUNTS
        for template in templates()
        for each in blueprint.build(template, duty)
        if each.type == "AWS::IAM::Role" and "shop-network-" in str(each.properties.get("ManagedPolicyArns"))
        for name in [each.properties["RoleName"]]
    }
    assert holders == {"shop-execution", "shop-experiment", "shop-serve-staging", "shop-serve-prod"}


def test_without_a_network_nobody_has_a_right_in_ec2() -> None:
    every: Any = [each.properties for duty in ACCOUNTS for each in build(duty)]
    assert "ec2:" not in json.dumps(every)
