"""Stacks as CloudFormation runs them: states, changes, failures in the middle, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, REGION, Sandbox, allow, make_user
from .stacking import Bench, template, topic, two

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudformation.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture(scope="module")
def api(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudformation")


@pytest.fixture
def bench(sandbox: Sandbox, api: Any, unique: str) -> Bench:
    return Bench(sandbox, api, unique)


def test_a_stack_comes_by_its_states_in_the_order_of_its_references(bench: Bench, unique: str) -> None:
    resources = dict(reversed(two(unique).items()))
    assert bench.create(resources, {"Outputs": {"Arn": {"Value": {"Ref": "Second"}}}}) == "CREATE_COMPLETE"
    assert bench.events() == [
        (unique, "CREATE_IN_PROGRESS"),
        ("First", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_COMPLETE"),
        ("Second", "CREATE_IN_PROGRESS"),
        ("Second", "CREATE_IN_PROGRESS"),
        ("Second", "CREATE_COMPLETE"),
        (unique, "CREATE_COMPLETE"),
    ]
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{unique}-b"
    assert bench.stack()["Outputs"] == [{"OutputKey": "Arn", "OutputValue": arn}]
    found = bench.sandbox.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert found["DisplayName"] == f"{unique}-a"
    assert bench.delete() == "DELETE_COMPLETE"
    assert not bench.topics() & {f"{unique}-a", f"{unique}-b"}


def test_the_stacks_tags_join_those_of_its_resources(bench: Bench, unique: str) -> None:
    tags = [{"Key": "project", "Value": "shop"}, {"Key": "team", "Value": "all"}]
    own = {"Thing": topic(unique, Tags=[{"Key": "team", "Value": "a"}])}
    assert bench.create(own, Tags=tags) == "CREATE_COMPLETE"
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{unique}"
    found = bench.sandbox.client("sns").list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert {each["Key"]: each["Value"] for each in found} == {"team": "a", "project": "shop"}


def test_a_failure_in_the_middle_takes_back_what_was_made(bench: Bench, unique: str) -> None:
    bench.plant(fail="Second")
    assert bench.create(two(unique)) == "ROLLBACK_COMPLETE"
    assert ("Second", "CREATE_FAILED") in bench.events()
    assert ("First", "DELETE_COMPLETE") in bench.events()
    assert "[Second]. Rollback requested by user." in bench.reasons(unique)
    assert 'Resource handler returned message: "Internal Failure"' in bench.reasons("Second")
    assert f"{unique}-a" not in bench.topics()
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        bench.update(two(unique))


def test_what_is_to_be_retained_stays_when_its_creation_is_taken_back(bench: Bench, unique: str) -> None:
    kept = {"First": {**topic(f"{unique}-a"), "DeletionPolicy": "Retain"}}
    gone = {"Third": {**topic(f"{unique}-c"), "DeletionPolicy": "RetainExceptOnCreate"}}
    bench.plant(fail="Second")
    assert bench.create({**kept, **gone, **two(unique), **kept}) == "ROLLBACK_COMPLETE"
    assert ("First", "DELETE_SKIPPED") in bench.events()
    assert f"{unique}-a" in bench.topics()
    assert f"{unique}-c" not in bench.topics()


def test_a_failed_stack_can_be_kept_and_mended(bench: Bench, unique: str) -> None:
    bench.plant(fail="Second")
    assert bench.create(two(unique), DisableRollback=True) == "CREATE_FAILED"
    assert f"{unique}-a" in bench.topics()
    assert bench.update(two(unique), DisableRollback=True) == "UPDATE_COMPLETE"
    assert f"{unique}-b" in bench.topics()


def test_what_exists_already_fails_the_stack_and_stays(bench: Bench, unique: str) -> None:
    bench.sandbox.client("sns").create_topic(Name=f"{unique}-b")
    assert bench.create(two(unique)) == "ROLLBACK_COMPLETE"
    assert "already exists" in bench.reasons("Second")
    assert "HandlerErrorCode: AlreadyExists" in bench.reasons("Second")
    assert f"{unique}-b" in bench.topics()


def test_each_call_needs_the_callers_permission_and_is_in_the_trail(bench: Bench, unique: str) -> None:
    key = make_user(bench.sandbox, unique)
    iam = bench.sandbox.client("iam")
    policy = allow("cloudformation:*", "sns:CreateTopic", "sns:GetTopicAttributes", "sns:DeleteTopic")
    iam.put_user_policy(UserName=unique, PolicyName="stacks", PolicyDocument=policy)
    own = Bench(bench.sandbox, bench.sandbox.client("cloudformation", key), unique)
    policied = {
        "Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Second"}], "PolicyDocument": {"Statement": []}},
        }
    }
    assert own.create({**two(unique), **policied}) == "ROLLBACK_COMPLETE"
    assert "is not authorized to perform: sns:SetTopicAttributes" in own.reasons("Policy")
    mine = [each for each in bench.sandbox.records() if each["userIdentity"].get("userName") == unique]
    made = [each for each in mine if each["eventSource"] == "sns.amazonaws.com"]
    assert {each["userIdentity"]["invokedBy"] for each in made} == {"cloudformation.amazonaws.com"}
    assert {each["sourceIPAddress"] for each in made} == {"cloudformation.amazonaws.com"}
    (denied,) = [each for each in made if each["eventName"] == "SetTopicAttributes"]
    assert denied["errorCode"] == "AuthorizationError" or "AccessDenied" in denied["errorCode"]


def test_a_permission_may_hold_for_calls_of_stacks_alone(bench: Bench, unique: str) -> None:
    key = make_user(bench.sandbox, unique)
    only = {
        "Effect": "Allow",
        "Action": "sns:*",
        "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}},
    }
    stacks = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [only, stacks]}
    bench.sandbox.client("iam").put_user_policy(
        UserName=unique, PolicyName="via", PolicyDocument=json.dumps(policy)
    )
    with pytest.raises(ClientError, match="not authorized to perform: sns:CreateTopic"):
        bench.sandbox.client("sns", key).create_topic(Name=unique)
    own = Bench(bench.sandbox, bench.sandbox.client("cloudformation", key), unique)
    assert own.create({"Thing": topic(unique)}) == "CREATE_COMPLETE"


def test_a_held_stack_is_seen_half_way(bench: Bench, unique: str) -> None:
    bench.plant(hold="Second")
    body = template(two(unique))
    bench.api.create_stack(StackName=unique, TemplateBody=body)
    assert bench.stack()["StackStatus"] == "CREATE_IN_PROGRESS"
    with pytest.raises(ClientError, match="is in CREATE_IN_PROGRESS state and can not be updated"):
        bench.update(two(unique))
    with pytest.raises(ClientError, match="cannot be deleted while in status CREATE_IN_PROGRESS"):
        bench.delete()
    bench.plant(release=True)
    assert bench.end() == "CREATE_COMPLETE"


def test_calls_can_be_throttled(bench: Bench) -> None:
    bench.plant(throttle=1)
    with pytest.raises(ClientError, match=r"\(Throttling\).*Rate exceeded"):
        bench.api.list_stacks()
    bench.api.list_stacks()


def test_a_hidden_parameter_stays_hidden_and_may_be_kept(bench: Bench, unique: str) -> None:
    sections = {"Parameters": {"Name": {"Type": "String"}, "Secret": {"Type": "String", "NoEcho": True}}}
    thing = topic(unique, DisplayName={"Fn::Sub": "${Name}-${Secret}"})
    given = [
        {"ParameterKey": "Name", "ParameterValue": "a"},
        {"ParameterKey": "Secret", "ParameterValue": "s"},
    ]
    bench.create({"Thing": thing}, sections, Parameters=given)
    shown = {each["ParameterKey"]: each["ParameterValue"] for each in bench.stack()["Parameters"]}
    assert shown == {"Name": "a", "Secret": "****"}
    kept = [
        {"ParameterKey": "Name", "ParameterValue": "b"},
        {"ParameterKey": "Secret", "UsePreviousValue": True},
    ]
    bench.api.create_change_set(
        StackName=unique, ChangeSetName="change", UsePreviousTemplate=True, Parameters=kept
    )
    (change,) = bench.api.describe_change_set(StackName=unique, ChangeSetName="change")["Changes"]
    assert change["ResourceChange"]["Details"][0]["CausingEntity"] == "Name"
    assert bench.execute() == "UPDATE_COMPLETE"
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{unique}"
    found = bench.sandbox.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert found["DisplayName"] == "b-s"


def test_a_dynamic_reference_is_read_and_not_remembered(bench: Bench, unique: str) -> None:
    bench.sandbox.client("secretsmanager").create_secret(Name=unique, SecretString='{"token": "hush"}')
    said = f"Bearer {{{{resolve:secretsmanager:{unique}:SecretString:token}}}}"
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": unique, "Type": "String", "Value": said},
    }
    assert bench.create({"Thing": parameter}) == "CREATE_COMPLETE"
    assert bench.sandbox.client("ssm").get_parameter(Name=unique)["Parameter"]["Value"] == "Bearer hush"
    with pytest.raises(ClientError, match="No updates are to be performed"):
        bench.update({"Thing": parameter})


def test_a_role_of_cloudformation_acts_instead_of_its_caller(bench: Bench, unique: str) -> None:
    iam = bench.sandbox.client("iam")
    role = iam.create_role(RoleName=unique, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.put_role_policy(RoleName=unique, PolicyName="sns", PolicyDocument=allow("sns:*"))
    assert bench.create({"Thing": topic(unique)}, RoleARN=role["Arn"]) == "CREATE_COMPLETE"
    (made,) = [
        each
        for each in bench.sandbox.records()
        if each["eventName"] == "CreateTopic" and (each["requestParameters"] or {}).get("name") == unique
    ]
    assert made["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == unique


def test_iam_resources_must_be_acknowledged(bench: Bench, unique: str) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    with pytest.raises(ClientError, match=r"InsufficientCapabilities.*\[CAPABILITY_IAM\]"):
        bench.create({"Role": role})
    named = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": unique, "AssumeRolePolicyDocument": TRUST}}
    with pytest.raises(ClientError, match=r"InsufficientCapabilities.*\[CAPABILITY_NAMED_IAM\]"):
        bench.create({"Role": named}, Capabilities=["CAPABILITY_IAM"])
    assert bench.create({"Role": role}, Capabilities=["CAPABILITY_IAM"]) == "CREATE_COMPLETE"


def test_a_template_may_lie_in_a_bucket(bench: Bench, unique: str) -> None:
    bench.sandbox.put(f"{unique}.json", template({"Thing": topic(unique)}))
    url = f"https://{bench.sandbox.bucket}.s3.{REGION}.amazonaws.com/{unique}.json"
    bench.api.create_stack(StackName=unique, TemplateURL=url)
    assert bench.end() == "CREATE_COMPLETE"


def test_what_the_sandbox_lacks_is_refused_by_name(bench: Bench, unique: str) -> None:
    for asked, said in (
        ({"NotificationARNs": ["arn:aws:sns:x:1:y"]}, "NotificationARNs in CreateStack"),
        ({"StackPolicyBody": "{}"}, "StackPolicyBody in CreateStack"),
    ):
        with pytest.raises(ClientError, match=f"CloudFormation has no {said}"):
            bench.create({"Thing": topic(unique)}, **asked)
    with pytest.raises(ClientError, match="CreateStackSet"):
        bench.api.create_stack_set(StackSetName=unique)
