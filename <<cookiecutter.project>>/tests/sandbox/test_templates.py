"""infra/*.yml as text: what roles may be given, and what they never are."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import yaml

from .conftest import ACCOUNT, PAYLOAD, Sandbox

# AWS knows no resources of these (service authorization reference).
WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListEndpoints",
    "sagemaker:ListModels",
}
PEOPLE = {"developer"}
LARGEST = 10_240  # characters of all inline policies of a role: IAM quota


class _Loader(yaml.SafeLoader):
    pass


def _construct(loader: Any, suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value
    return loader.construct_sequence(node, deep=True)


_Loader.add_multi_constructor("!", _construct)


def read_roles() -> dict[str, Any]:
    found = []
    for name in ("identity", "runtime"):
        template: Any = yaml.load((PAYLOAD / f"infra/{name}.yml").read_text(), _Loader)  # noqa: S506
        made = template["Resources"].values()
        found += [each["Properties"] for each in made if each["Type"] == "AWS::IAM::Role"]
    return {role["RoleName"].removeprefix("${Project}-"): role for role in found}


ROLES = read_roles()


def statements(role: str) -> list[dict[str, Any]]:
    policies = [policy["PolicyDocument"] for policy in ROLES[role]["Policies"]]
    return [statement for policy in policies for statement in policy["Statement"]]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_there_is_one_role_for_each_duty() -> None:
    environment = {"deploy", "rollback", "serve"}
    assert set(ROLES) == {"developer", "ci", "train", "execution", "experiment"} | {
        f"{each}-${{Duty}}" for each in environment
    }


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_a_wildcard_and_no_resource_unless_there_is_none(role: str) -> None:
    for statement in statements(role):
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action], statement["Sid"]
        if "*" in listed(statement["Resource"]):
            assert set(actions) <= WITHOUT_RESOURCE, f"{statement['Sid']} allows more than reading lists"


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_change_a_role_or_make_a_key(role: str) -> None:
    actions = json.dumps([statement["Action"] for statement in statements(role)])
    granted = set(re.findall(r"[a-z-]+:\w+", actions))  # in whatever a condition chooses, too
    assert {action for action in granted if action.startswith(("iam:", "sts:"))} <= {"iam:PassRole"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_passed_to_sagemaker_alone(role: str) -> None:
    for statement in statements(role):
        if "iam:PassRole" in listed(statement["Action"]):
            assert statement["Condition"] == {
                "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
            }
            assert "*" not in statement["Resource"]


@pytest.mark.parametrize("role", sorted(set(ROLES) - PEOPLE - {"execution", "experiment", "serve-${Duty}"}))
def test_a_ci_role_trusts_one_repository_by_number_and_its_main_branch(role: str) -> None:
    ((_, build, trust),) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]
    (named,) = build["Condition"]["ArnEquals"].values()
    assert all(":role/${Project}-build-" in arn for arn in listed(named)), (
        "a build's own role, on CodePipeline"
    )
    asked = {key.split(":")[1]: value for key, value in trust["Condition"]["StringEquals"].items()}
    assert list(trust["Condition"]) == ["StringEquals"], "wildcards would trust what nobody has seen"
    assert (asked["aud"], asked["repository_id"], asked["ref"]) == (
        "sts.amazonaws.com",
        "RepositoryId",
        "refs/heads/main",
    )
    assert all(flow.endswith(".yml@refs/heads/main") for flow in listed(asked["job_workflow_ref"]))
    old, new = asked["sub"]
    assert old.startswith("repo:${Owner}/${Repository}:")
    assert new.startswith("repo:${Owner}@${OwnerId}/${Repository}@${RepositoryId}:")


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_policies_fit_iams_quota(role: str) -> None:
    assert len(json.dumps(statements(role))) < LARGEST


def make(sandbox: Sandbox, name: str, **given: str) -> tuple[str, str]:
    """Create a stack of one template of infra/; how it ended, and what failed."""
    cloudformation, stack = sandbox.client("cloudformation"), f"shop-asked-{name}"
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=(PAYLOAD / f"infra/{name}.yml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    while (found := cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]).endswith(
        "_IN_PROGRESS"
    ):
        time.sleep(0.1)
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    return found, "; ".join(each.get("ResourceStatusReason", "") for each in events)


def test_the_network_that_a_team_asks_for_can_be_made(sandbox: Sandbox) -> None:
    status, said = make(sandbox, "network", Project="shop", TrainingAccount=ACCOUNT)
    assert status == "CREATE_COMPLETE", said


def test_the_events_that_a_team_asks_for_need_its_token(sandbox: Sandbox, unique: str) -> None:
    given = {
        "Project": "shop",
        "Duty": "training",
        "Owner": "acme",
        "Repository": "shop",
        "TokenSecret": unique,
    }
    status, said = make(sandbox, "events", **given)
    assert status == "ROLLBACK_COMPLETE"
    assert "can't find the specified secret" in said
    sandbox.client("secretsmanager").create_secret(Name=unique, SecretString="token")
    status, said = make(sandbox, "events", **given)
    assert status == "CREATE_COMPLETE", said
