"""Stacks as CloudFormation runs them: states, changes, failures in the middle, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, REGION, Sandbox, allow, make_user
from .stacking import Bench, template, topic

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


def two(unique: str, **second: Any) -> dict[str, Any]:
    """Two topics, of which the second needs the first."""
    return {
        "First": topic(f"{unique}-a"),
        "Second": topic(f"{unique}-b", DisplayName={"Fn::GetAtt": ["First", "TopicName"]}, **second),
    }


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


def test_an_update_changes_adds_and_removes(bench: Bench, unique: str) -> None:
    bench.create(two(unique))
    after = {"First": topic(f"{unique}-a", DisplayName="new"), "Third": topic(f"{unique}-c")}
    plan = bench.plan(after)
    found = {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in plan["Changes"]}
    assert {name: each["Action"] for name, each in found.items()} == {
        "First": "Modify",
        "Second": "Remove",
        "Third": "Add",
    }
    assert found["First"]["Replacement"] == "False"
    assert found["First"]["Details"][0]["Target"]["Name"] == "DisplayName"
    assert found["First"]["Details"][0]["ChangeSource"] == "DirectModification"
    assert bench.execute() == "UPDATE_COMPLETE"
    assert {f"{unique}-a", f"{unique}-c"} <= bench.topics()
    assert f"{unique}-b" not in bench.topics()
    with pytest.raises(ClientError, match="No updates are to be performed"):
        bench.update(after)
    again = bench.plan(after, ChangeSetName="again")
    assert (again["Status"], again["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert again["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_a_changed_name_makes_another_resource_and_tells_what_depends_on_it(
    bench: Bench, unique: str
) -> None:
    bench.create(two(unique))
    after = {**two(unique), "First": topic(f"{unique}-z")}
    found = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]
        for each in bench.plan(after)["Changes"]
    }
    assert found["First"]["Replacement"] == "True"
    assert found["First"]["PolicyAction"] == "ReplaceAndDelete"
    assert found["Second"]["Details"][0]["CausingEntity"] == "First.TopicName"
    assert found["Second"]["Details"][0]["Evaluation"] == "Dynamic"
    assert bench.execute() == "UPDATE_COMPLETE"
    assert f"{unique}-z" in bench.topics()
    assert f"{unique}-a" not in bench.topics()


def test_a_failed_update_goes_back_to_what_was(bench: Bench, unique: str) -> None:
    bench.create({"First": topic(f"{unique}-a", DisplayName="old"), "Last": topic(f"{unique}-l")})
    bench.plant(fail="Last")
    after = {
        "First": topic(f"{unique}-a", DisplayName="new"),
        "New": topic(f"{unique}-n"),
        "Last": topic(f"{unique}-l", DisplayName="x"),
    }
    assert bench.update(after) == "UPDATE_ROLLBACK_COMPLETE"
    assert f"{unique}-n" not in bench.topics()
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{unique}-a"
    found = bench.sandbox.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert found["DisplayName"] == "old"
    assert bench.update(after) == "UPDATE_COMPLETE"


def test_a_way_back_that_fails_can_be_gone_on(bench: Bench, unique: str) -> None:
    bench.create({"First": topic(f"{unique}-a", DisplayName="old")})
    bench.plant(fail="First", times=2)
    assert bench.update({"First": topic(f"{unique}-a", DisplayName="new")}) == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_FAILED state and can not be updated"):
        bench.update({"First": topic(f"{unique}-a")})
    bench.api.continue_update_rollback(StackName=unique)
    assert bench.end() == "UPDATE_ROLLBACK_COMPLETE"


def test_a_change_set_may_be_of_a_stack_that_is_not_there_yet(bench: Bench, unique: str) -> None:
    plan = bench.plan({"Thing": topic(unique)}, "CREATE")
    assert bench.stack()["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert [each["ResourceChange"]["Action"] for each in plan["Changes"]] == ["Add"]
    assert unique not in bench.topics()
    assert bench.execute() == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="already exists and cannot be created again with the changeSet"):
        bench.plan({"Thing": topic(unique)}, "CREATE")
    with pytest.raises(ClientError, match="cannot be executed in its current status"):
        bench.execute()


def test_an_export_in_use_can_be_neither_removed_nor_changed(bench: Bench, unique: str) -> None:
    exported = {"Outputs": {"Name": {"Value": "one", "Export": {"Name": unique}}}}
    bench.create({"Thing": topic(unique)}, exported)
    user = Bench(bench.sandbox, bench.api, f"{unique}-user")
    named = topic(f"{unique}-user", DisplayName={"Fn::ImportValue": unique})
    assert user.create({"Thing": named}) == "CREATE_COMPLETE"
    assert bench.api.list_imports(ExportName=unique)["Imports"] == [f"{unique}-user"]
    assert bench.delete() == "DELETE_FAILED"
    assert (
        f"Export {unique} cannot be deleted as it is in use by {unique}-user"
        in bench.stack()["StackStatusReason"]
    )
    assert user.delete() == "DELETE_COMPLETE"
    assert bench.delete() == "DELETE_COMPLETE"


def test_a_deletion_that_fails_names_what_stays_and_may_retain_it(bench: Bench, unique: str) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": unique}}
    bench.create({"Bucket": bucket, "Topic": topic(unique)})
    bench.sandbox.client("s3").put_object(Bucket=unique, Key="a", Body=b"")
    assert bench.delete() == "DELETE_FAILED"
    assert "The following resource(s) failed to delete: [Bucket]." in bench.stack()["StackStatusReason"]
    assert unique not in bench.topics()
    assert bench.delete(RetainResources=["Bucket"]) == "DELETE_COMPLETE"
    assert bench.sandbox.client("s3").head_bucket(Bucket=unique)


def test_a_protected_stack_is_not_deleted(bench: Bench, unique: str) -> None:
    bench.create({"Thing": topic(unique)}, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        bench.delete()
    bench.api.update_termination_protection(StackName=unique, EnableTerminationProtection=False)
    assert bench.delete() == "DELETE_COMPLETE"


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
