"""Conditions: each operator, its forms, variables, and keys that a request lacks."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.iam import Policies, Principal, Request, evaluate

HOME = "111111111111"
USER = Principal(HOME, f"arn:aws:iam::{HOME}:user/team/ada", "user", tags={"team": "ml"}, id="AIDAADA")
CONTEXT = {
    "aws:SourceIp": ["203.0.113.7"],
    "aws:SecureTransport": ["true"],
    "aws:CurrentTime": ["2026-11-22T12:00:00Z"],
    "aws:TagKeys": ["owner", "team"],
    "s3:max-keys": ["100"],
    "s3:prefix": ["runs/*"],
    "app:blob": ["aGVsbG8="],
    "app:word": ["ten"],
}


def holds(
    condition: dict[str, Any], context: dict[str, list[str]] | None = None, version: str = "2012-10-17"
) -> bool:
    """Whether a statement with this condition applies to the request."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    request = Request(USER, "s3:ListBucket", "arn:aws:s3:::acme", HOME, {**CONTEXT, **(context or {})})
    return evaluate(request, Policies([{"Version": version, "Statement": statement}])).allowed


@pytest.mark.parametrize(
    ("operator", "key", "matching", "other"),
    [
        ("StringEquals", "s3:prefix", "runs/*", "runs/1"),
        ("StringEqualsIgnoreCase", "s3:prefix", "RUNS/*", "RUNS/1"),
        ("StringLike", "s3:prefix", "ru?s*", "RUNS/*"),
        ("NumericEquals", "s3:max-keys", "100.0", "101"),
        ("DateEquals", "aws:CurrentTime", "2026-11-22T13:00:00+01:00", "2026-11-22"),
        ("IpAddress", "aws:SourceIp", "203.0.113.0/24", "203.0.114.0/24"),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/team/*", "arn:aws:iam::*:role/*"),
        ("ArnEquals", "aws:PrincipalArn", USER.arn, f"arn:aws:iam::{HOME}:user/ada"),
    ],
)
def test_an_operator_and_its_negation(operator: str, key: str, matching: str, other: str) -> None:
    negation = {"IpAddress": "NotIpAddress"}.get(
        operator, operator.replace("Like", "NotLike").replace("Equals", "NotEquals")
    )
    assert [holds({operator: {key: value}}) for value in (matching, other)] == [True, False]
    assert [holds({negation: {key: value}}) for value in (matching, other)] == [False, True]
    assert holds({operator: {key: [other, matching]}})
    assert not holds({negation: {key: [other, matching]}})


@pytest.mark.parametrize(
    ("operator", "bounds"),
    [
        ("LessThan", [False, False, True]),
        ("LessThanEquals", [False, True, True]),
        ("GreaterThan", [True, False, False]),
        ("GreaterThanEquals", [True, True, False]),
    ],
)
def test_numbers_and_dates_are_ordered(operator: str, bounds: list[bool]) -> None:
    assert [holds({f"Numeric{operator}": {"s3:max-keys": value}}) for value in (99, 100, 101)] == bounds
    times = ["2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z", "2027"]
    assert [holds({f"Date{operator}": {"aws:CurrentTime": value}}) for value in times] == bounds


def test_seconds_since_1970_are_a_date() -> None:
    assert holds({"DateEquals": {"aws:CurrentTime": "1795348800"}})


@pytest.mark.parametrize("value", [True, "true", "True"])
def test_bool_takes_either_spelling(value: Any) -> None:
    assert holds({"Bool": {"aws:SecureTransport": value}})
    assert not holds({"Bool": {"aws:SecureTransport": "false"}})
    assert not holds({"Bool": {"app:word": "ten"}})


def test_binary_values_are_compared_as_bytes() -> None:
    assert holds({"BinaryEquals": {"app:blob": "aGVsbG8="}})
    assert not holds({"BinaryEquals": {"app:blob": "aGVsbA=="}})


def test_a_key_that_is_missing_matches_negations_and_if_exists_alone() -> None:
    assert not holds({"StringEquals": {"app:none": "x"}})
    assert holds({"StringNotEquals": {"app:none": "x"}})
    assert holds({"StringEqualsIfExists": {"app:none": "x"}})
    assert not holds({"StringEqualsIfExists": {"s3:prefix": "x"}})


def test_null_asks_whether_a_key_is_there() -> None:
    assert holds({"Null": {"app:none": "true", "s3:prefix": "false"}})
    assert not holds({"Null": {"app:none": "false"}})
    assert not holds({"Null": {"s3:prefix": True}})


def test_every_test_of_a_block_must_hold() -> None:
    assert holds({"StringLike": {"s3:prefix": "runs/*"}, "NumericLessThan": {"s3:max-keys": "200"}})
    assert not holds({"StringLike": {"s3:prefix": "runs/*"}, "NumericLessThan": {"s3:max-keys": "2"}})


@pytest.mark.parametrize(
    ("values", "every", "some"),
    [
        (["owner", "team", "cost"], True, True),
        (["team"], False, True),
        (["cost"], False, False),
    ],
)
def test_sets_are_compared_value_by_value(values: list[str], every: bool, some: bool) -> None:
    assert holds({"ForAllValues:StringEquals": {"aws:TagKeys": values}}) is every
    assert holds({"ForAnyValue:StringEquals": {"aws:TagKeys": values}}) is some
    assert holds({"ForAllValues:StringNotEquals": {"aws:TagKeys": values}}) is not some


def test_sets_of_a_missing_key() -> None:
    assert holds({"ForAllValues:StringEquals": {"app:none": "x"}})
    assert not holds({"ForAnyValue:StringEquals": {"app:none": "x"}})
    assert not holds({"ForAnyValue:StringEqualsIfExists": {"app:none": "x"}})


def test_a_key_of_several_values_needs_a_set_operator() -> None:
    assert not holds({"StringLike": {"aws:TagKeys": "*"}})
    assert not holds({"StringLike": {"aws:TagKeys": "team"}}, {"aws:TagKeys": ["team"]})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${aws:username}", "ada"),
        ("${AWS:UserName}/x", "ada/x"),
        ("${aws:PrincipalTag/team}", "ml"),
        ("${aws:PrincipalTag/none, 'nobody'}", "nobody"),
        ("${*}${?}${$}", "*?$"),
        ("${aws:userid}", "AIDAADA"),
        ("${aws:PrincipalAccount}", HOME),
    ],
)
def test_variables_stand_for_the_requests_values(text: str, value: str) -> None:
    assert holds({"StringEquals": {"app:word": text}}, {"app:word": [value]})
    assert not holds({"StringEquals": {"app:word": text}}, {"app:word": [f"{value}x"]})


def test_a_wildcard_in_a_value_is_only_itself() -> None:
    assert holds({"StringLike": {"app:word": "${s3:prefix}"}}, {"app:word": ["runs/*"]})
    assert not holds({"StringLike": {"app:word": "${s3:prefix}"}}, {"app:word": ["runs/1"]})


@pytest.mark.parametrize("operator", ["StringEquals", "StringNotEquals", "StringLike", "ArnNotLike"])
def test_a_variable_without_value_makes_its_statement_void(operator: str) -> None:
    assert not holds({operator: {"app:word": "arn:aws:s3:::${aws:PrincipalTag/none}"}})


def test_before_2012_variables_are_plain_text() -> None:
    condition = {"StringEquals": {"app:word": "${aws:username}"}}
    assert holds(condition, {"app:word": ["${aws:username}"]}, "2008-10-17")
    assert not holds(condition, {"app:word": ["ada"]}, "2008-10-17")


def test_keys_are_known_in_any_case() -> None:
    assert holds({"StringEquals": {"S3:Prefix": "runs/*"}})


@pytest.mark.parametrize("operator", ["NumericEquals", "NumericNotEquals", "NotIpAddress", "ArnNotLike"])
def test_what_cannot_be_compared_matches_nothing(operator: str) -> None:
    value = {"NotIpAddress": "10.0.0.0/8", "ArnNotLike": "arn:aws:s3:::x"}.get(operator, "10")
    assert not holds({operator: {"app:word": value}})
