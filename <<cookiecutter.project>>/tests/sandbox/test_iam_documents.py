"""Policies that IAM would not take are refused by name; how ARNs and actions are spelt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.iam import Policies, PolicyError, Principal, Request, evaluate
from sandbox.iam.document import compile_policy

HOME = "111111111111"
USER = Principal(HOME, f"arn:aws:iam::{HOME}:user/ada", "user", tags={"team": "ml"})


def document(**more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": {key: value for key, value in statement.items() if value}}


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{", "the policy is not JSON"),
        ("[]", "the policy is not a JSON object"),
        (json.dumps({"Version": "2012-10-18"}), "Version '2012-10-18' is not one of 2012-10-17, 2008-10-17"),
        (json.dumps({"Statement": "x"}), "Statement 'x' is neither a dict nor a list of them"),
        (document(Effect="allow"), "Effect 'allow' is neither 'Allow' nor 'Deny'"),
        (document(Action=None), "Statement '' has neither Action nor NotAction"),
        (document(NotAction="s3:Put*"), "Statement '' has both Action and NotAction; take one"),
        (document(Actions="s3:Put*"), "Statement has unknown elements ['Actions']"),
        (document(Action=["s3:Get*", 1]), "Action ['s3:Get*', 1] is neither a str nor a list of them"),
        (document(Resource="acme-data"), "Resource 'acme-data' must be in ARN format or '*'"),
        (document(Condition=["x"]), "Condition ['x'] is not an object"),
        (document(Condition={"StringEquals": "x"}), "'x' is not an object of condition keys"),
        (document(Condition={"StringEqual": {"a": "b"}}), "Condition operator 'StringEqual' is unknown"),
        (
            document(Condition={"ForSome:StringEquals": {"a": "b"}}),
            "'ForSome' is not ForAllValues or ForAnyV",
        ),
        (document(Condition={"Null": {"a": {"b": 1}}}), "is neither a value nor a list of values"),
        (document(Condition={"IpAddress": {"a": "300.1.1.1"}}), "'300.1.1.1' is not an address range"),
        (document(Principal="arn:aws:iam::1:root"), "is neither '*' nor an object"),
        (document(Principal={"Aws": "*"}), "Principal has unknown kinds ['Aws']"),
        (document(Principal={"AWS": "arn:aws:iam::1:role/*"}), "a wildcard stands alone or not at all"),
        (document(Principal={"AWS": [1]}), "is neither a text nor a list of texts"),
    ],
)
def test_a_policy_that_iam_would_not_take_is_refused(policy: Any, said: str) -> None:
    with pytest.raises(PolicyError) as refusal:
        compile_policy(policy)
    assert said in str(refusal.value)


def test_a_policy_is_compiled_once() -> None:
    assert compile_policy(document()) is compile_policy(json.dumps(document()))


def allows(action: str, resource: str, **more: Any) -> bool:
    return evaluate(Request(USER, action, resource, HOME), Policies([document(**more)])).allowed


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("s3:GetObject", True),
        ("S3:getobject", True),
        ("s3:Get*", True),
        ("s3:GetObjec?", True),
        ("*", True),
        ("s3:Get", False),
        ("s3:GetObjectTagging", False),
    ],
)
def test_actions_match_in_any_case(pattern: str, matches: bool) -> None:
    assert allows("s3:GetObject", "arn:aws:s3:::acme/x", Action=pattern) is matches


PACKAGE = f"arn:aws:sagemaker:eu-west-1:{HOME}:model-package/acme-tumor/3"


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (PACKAGE, True),
        (PACKAGE.replace("tumor/3", "*"), True),
        (PACKAGE.replace("eu-west-1", "*").replace(HOME, "*"), True),
        (PACKAGE.replace("acme", "Acme"), False),
        (PACKAGE.replace("/3", "/?3"), False),
        ("arn:aws:sagemaker", True),
        ("arn:aws:sagemaker:us-east-1", False),
        ("arn:aws:sagemaker:*:model-package/acme-tumor/3", False),
        (PACKAGE.replace("tumor", "${aws:PrincipalTag/team, 'x'}"), False),
        (PACKAGE.replace("tumor", "${aws:PrincipalTag/none, 'tumor'}"), True),
        (PACKAGE.replace(HOME, "${aws:PrincipalAccount}"), False),
    ],
)
def test_an_arn_matches_part_by_part(pattern: str, matches: bool) -> None:
    assert allows("sagemaker:DescribeModelPackage", PACKAGE, Action="*", Resource=pattern) is matches


def test_an_action_without_resources_needs_a_statement_on_all() -> None:
    assert allows("sagemaker:ListEndpoints", "*", Action="sagemaker:*")
    assert not allows("sagemaker:ListEndpoints", "*", Action="*", Resource="arn:aws:sagemaker:*:*:endpoint/*")


def test_a_not_resource_whose_variable_has_no_value_allows_nothing() -> None:
    pattern = "arn:aws:s3:::acme/${aws:PrincipalTag/none}/*"
    assert not allows("s3:GetObject", "arn:aws:s3:::acme/x/y", Resource=None, NotResource=pattern)
