"""Stacks that change: updates, what they replace, the way back, exports, deletions."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, REGION, Sandbox
from .stacking import Bench, topic, two


@pytest.fixture
def bench(sandbox: Sandbox, unique: str) -> Bench:
    return Bench(sandbox, sandbox.client("cloudformation"), unique)


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
