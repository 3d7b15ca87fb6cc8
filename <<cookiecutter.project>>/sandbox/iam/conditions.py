"""Condition blocks: every operator of IAM, with its IfExists, ForAllValues and ForAnyValue forms."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.iam.errors import PolicyError
from sandbox.iam.wildcards import ArnGlob, Glob

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.iam.request import Context

    Match = Callable[[str, Context], bool | None]
    Holds = Callable[[str, Context], bool]
    Test = Callable[[Context], bool]

# Keys that hold several values whatever their number; without a set operator they match nothing.
MULTIVALUED = frozenset(
    {
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:tagkeys",
        "cloudwatch:alarmactions",
        "cloudformation:resourcetypes",
        "events:targetarn",
        "kms:encryptioncontextkeys",
        "s3:requestobjecttagkeys",
        "sagemaker:customermetadatapropertiestoremove",
        "sagemaker:instancetypes",
        "sagemaker:vpcsecuritygroupids",
        "sagemaker:vpcsubnets",
        "sts:transitivetagkeys",
    }
)


def compile_condition(block: Any, variables: bool) -> tuple[Test, ...]:
    """The tests of a Condition element; all must hold."""
    if not isinstance(block, dict):
        raise PolicyError(f"Condition {block!r} is not an object")
    return tuple(
        _compile_test(name, key, values, variables)
        for name, keys in block.items()
        for key, values in _pairs(name, keys)
    )


def _pairs(name: str, keys: Any) -> list[tuple[str, list[str]]]:
    if not isinstance(keys, dict):
        raise PolicyError(f"Condition {name}: {keys!r} is not an object of condition keys")
    return [(key.lower(), _texts(name, key, values)) for key, values in keys.items()]


def _texts(name: str, key: str, values: Any) -> list[str]:
    listed = values if isinstance(values, list) else [values]
    if not all(isinstance(value, str | bool | int | float) for value in listed):
        raise PolicyError(f"Condition {name} {key}: {values!r} is neither a value nor a list of values")
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]


def _compile_test(name: str, key: str, values: list[str], variables: bool) -> Test:
    quantifier, _, bare = name.rpartition(":")
    base = bare.lower()
    if quantifier.lower() not in ("", "forallvalues", "foranyvalue"):
        raise PolicyError(f"Condition operator {name!r}: {quantifier!r} is not ForAllValues or ForAnyValue")
    if base == "null" and not quantifier:
        return _null(key, values)
    if_exists = base.endswith("ifexists")
    base = base.removesuffix("ifexists")
    negated = base in NEGATED
    make = OPERATORS.get(NEGATED.get(base, base))
    if make is None:
        raise PolicyError(f"Condition operator {name!r} is unknown; IAM has {', '.join(sorted(SPELLED))}")
    matches = [make(value, variables) for value in values]

    def holds(value: str, context: Context) -> bool:
        """Values that cannot be compared, None, satisfy neither an operator nor its negation."""
        if negated:
            return all(match(value, context) is False for match in matches)
        return any(match(value, context) for match in matches)

    if quantifier.lower() == "forallvalues":
        return lambda context: all(holds(value, context) for value in context.get(key, ()))
    if quantifier.lower() == "foranyvalue":
        # With IfExists too: a key that is missing has no value that could match
        return lambda context: any(holds(value, context) for value in context.get(key, ()))
    return _single(key, holds, if_exists or negated)


def _single(key: str, holds: Holds, if_missing: bool) -> Test:
    def test(context: Context) -> bool:
        values = context.get(key)
        if not values:
            return if_missing
        return len(values) == 1 and key not in MULTIVALUED and holds(values[0], context)

    return test


def _null(key: str, values: Sequence[str]) -> Test:
    wanted = {value.lower() for value in values}
    return lambda context: ("false" if context.get(key) else "true") in wanted


def _string(*, wild: bool = False, fold: bool = False) -> Callable[[str, bool], Match]:
    return lambda text, variables: Glob(text, variables=variables, wild=wild, fold=fold).matches


def _arn(text: str, variables: bool) -> Match:
    return ArnGlob(text, variables=variables).matches


def _bool(text: str, variables: bool) -> Match:
    wanted = Glob(text, variables=variables, wild=False, fold=True)
    return lambda value, context: (
        wanted.matches(value, context) if value.lower() in ("true", "false") else None
    )


def _binary(text: str, variables: bool) -> Match:
    wanted = _bytes(text)
    return lambda value, context: wanted is not None and _bytes(value) == wanted


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _ordered(
    read: Callable[[str], float | None], compare: Callable[[float, float], bool]
) -> Callable[[str, bool], Match]:
    def make(text: str, variables: bool) -> Match:
        bound = read(text)

        def match(value: str, context: Context) -> bool | None:
            found = read(value)
            return None if bound is None or found is None else compare(found, bound)

        return match

    return make


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(text: str) -> float | None:
    """A date of ISO 8601, or seconds since 1970."""
    seconds = _number(text) if text[4:5] != "-" else None
    if seconds is not None and len(text) > len("2026"):
        return seconds
    try:
        moment = datetime.fromisoformat(text if len(text) != len("2026") else f"{text}-01-01")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _address(text: str, variables: bool) -> Match:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise PolicyError(f"{text!r} is not an address range such as 203.0.113.0/24") from None

    def match(value: str, context: Context) -> bool | None:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return None

    return match


SPELLED: dict[str, Callable[[str, bool], Match]] = {
    "StringEquals": _string(),
    "StringEqualsIgnoreCase": _string(fold=True),
    "StringLike": _string(wild=True),
    "NumericEquals": _ordered(_number, operator.eq),
    "NumericLessThan": _ordered(_number, operator.lt),
    "NumericLessThanEquals": _ordered(_number, operator.le),
    "NumericGreaterThan": _ordered(_number, operator.gt),
    "NumericGreaterThanEquals": _ordered(_number, operator.ge),
    "DateEquals": _ordered(_moment, operator.eq),
    "DateLessThan": _ordered(_moment, operator.lt),
    "DateLessThanEquals": _ordered(_moment, operator.le),
    "DateGreaterThan": _ordered(_moment, operator.gt),
    "DateGreaterThanEquals": _ordered(_moment, operator.ge),
    "Bool": _bool,
    "BinaryEquals": _binary,
    "IpAddress": _address,
    "ArnEquals": _arn,
    "ArnLike": _arn,
}
OPERATORS = {name.lower(): make for name, make in SPELLED.items()}
NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}
