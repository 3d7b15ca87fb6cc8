"""The sandbox's imports refuse what CloudFormation refuses: taking over is tried against its rules."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlops.cli import run
from tests.conftest import ACCOUNT
from tests.newcomer import STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.newcomer import Newcomer

KEPT = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}


def import_bucket(new: Newcomer, bucket: str, declared: Any, **more: Any) -> str:
    """Begin to import a bucket into a new stack; why that cannot be planned, or nothing."""
    client = new.place.client("cloudformation")
    asked = {
        "LogicalResourceId": "Bucket",
        "ResourceType": "AWS::S3::Bucket",
        "ResourceIdentifier": {"BucketName": bucket},
    }
    made = client.create_change_set(
        StackName=f"{new.name}-again",
        ChangeSetName="take-over",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": {"Bucket": declared}, **more}),
        ResourcesToImport=[asked],
    )
    found = client.describe_change_set(ChangeSetName=made["Id"])
    if found["Status"] == "CREATE_COMPLETE":
        client.execute_change_set(ChangeSetName=made["Id"])
    return str(found.get("StatusReason", ""))


@pytest.mark.parametrize(
    ("declared", "more", "said"),
    [
        ({"Type": "AWS::S3::Bucket"}, {}, "missing DeletionPolicy"),
        (KEPT, {"Outputs": {"Name": {"Value": "x"}}}, r"cannot modify or add \[Outputs\]"),
        ({**KEPT, "Type": "AWS::SNS::Topic"}, {}, "import of AWS::SNS::Topic"),
    ],
)
def test_an_import_that_is_none_is_refused(
    settle: Callable[..., Newcomer], declared: Any, more: Any, said: str
) -> None:
    new = settle(store=STORE)
    with pytest.raises(new.place.client("cloudformation").exceptions.ClientError, match=said):
        import_bucket(new, "any", declared, **more)


def test_what_a_stack_has_is_not_imported_into_another(settle: Callable[..., Newcomer]) -> None:
    new = settle(store=STORE)
    run(["bootstrap", "--yes"])
    bucket = f"{new.name}-data-{ACCOUNT}-eu-west-1"
    assert f"{bucket} already belongs to stack {new.name}-store" in import_bucket(new, bucket, KEPT)


def test_what_is_not_there_cannot_be_imported(settle: Callable[..., Newcomer]) -> None:
    new = settle(store=STORE)
    assert import_bucket(new, f"{new.name}-nowhere", KEPT) == ""
    while new.stacks()[f"{new.name}-again"].endswith("IN_PROGRESS"):
        time.sleep(0.02)
    assert new.stacks() == {f"{new.name}-again": "IMPORT_ROLLBACK_COMPLETE"}
    (new.root / "infra/store.yml").rename(new.root / "infra/again.yml")
    assert run(["bootstrap", "--yes"]) == 0
    assert new.stacks() == {f"{new.name}-again": "CREATE_COMPLETE"}
