"""Why a stack failed, from its events: the first resource that did, and what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlops.foundation.failures import Event, explain, first_failure
from mlops.foundation.stacks import Stack, plan_stacks
from tests.test_foundation import REPOSITORY, STORE, make_project, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack that may fail."""
    return plan_stacks([write(tmp_path, "store", STORE)], make_project(), REPOSITORY)[0]


DENIED = "User: arn:aws:iam::1:user/u is not authorized to perform: sns:CreateTopic on resource: t"


def event(resource: str, status: str, reason: str, kind: str = "AWS::SNS::Topic") -> Event:
    """One event of a stack."""
    return Event(f"{resource}-{status}", resource, kind, status, reason)


def test_the_first_failure_is_the_one_that_counts() -> None:
    events = [
        event("Logs", "CREATE_FAILED", "Resource creation cancelled"),
        event("Topic", "CREATE_FAILED", DENIED),
        event("acme-store", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed: [Topic]"),
    ]
    first = first_failure(events)
    assert first is not None
    assert first.resource == "Topic"


@pytest.mark.parametrize(
    ("reason", "kind", "said"),
    [
        (DENIED, "AWS::SNS::Topic", r"may not do that \(sns:CreateTopic\)"),
        ("Rate exceeded (Service: Sns; ThrottlingException)", "AWS::SNS::Topic", "too busy"),
        ("acme-data already exists", "AWS::S3::Bucket", "change `project` in project.yml"),
        ("acme-ci already exists (EntityAlreadyExists)", "AWS::IAM::Role", "belongs to no stack"),
        ("Unrecognized resource types: [AWS::X::Y]", "", "eu-west-1 lacks that service"),
        ("The maximum number of trails: LimitExceeded", "AWS::CloudTrail::Trail", "Service Quotas"),
        ("Something else", "AWS::SNS::Topic", "aws cloudformation describe-stack-events --region eu-west-1"),
    ],
)
def test_a_failure_says_what_to_do(stack: Stack, reason: str, kind: str, said: str) -> None:
    text = explain(stack, "ROLLBACK_COMPLETE", [event("It", "CREATE_FAILED", reason, kind)])
    assert text.startswith(f"acme-store-training: It ({kind}): {reason}")
    assert re.search(said, text), text


def test_what_a_rollback_leaves_is_named(stack: Stack) -> None:
    events = [
        event("Topic", "CREATE_FAILED", DENIED),
        event("Bucket", "DELETE_SKIPPED", "", "AWS::S3::Bucket"),
    ]
    assert "Left behind, and taken over by the next run where it can be: Bucket (AWS::S3::Bucket)" in explain(
        stack, "ROLLBACK_COMPLETE", events
    )
