"""Cases for two judges: requests and the policies that bear on them, drawn by a seeded generator.

Every element of the policy language is drawn: exact ARNs, wildcards, variables, all condition operators in
all their forms, the Not… elements, Deny, boundaries, session policies, resource policies, trust policies.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sandbox.iam import Policies, Principal, Request

HOME, AWAY = "111111111111", "222222222222"
PROVIDER = f"arn:aws:iam::{HOME}:oidc-provider/token.actions.githubusercontent.com"
ISSUER = "token.actions.githubusercontent.com"
Statement = dict[str, Any]
Keys = dict[str, list[str]]
Option = TypeVar("Option")

USER = Principal(HOME, f"arn:aws:iam::{HOME}:user/ada", "user", tags={"team": "ml"}, id="AIDAADA")
OTHER_USER = Principal(AWAY, f"arn:aws:iam::{AWAY}:user/eve", "user", id="AIDAEVE")
ROLE = f"arn:aws:iam::{HOME}:role/acme-train"
SESSION = Principal(
    HOME,
    f"arn:aws:sts::{HOME}:assumed-role/acme-train/run.7",
    "session",
    ROLE,
    "run.7",
    {"team": "ml"},
    "AROA:run.7",
)
AWAY_ROLE = f"arn:aws:iam::{AWAY}:role/acme-deploy-prod"
AWAY_SESSION = Principal(
    AWAY,
    f"arn:aws:sts::{AWAY}:assumed-role/acme-deploy-prod/p1.abc",
    "session",
    AWAY_ROLE,
    "p1.abc",
    {"team": "ml"},
)
SERVICE = Principal("", "sagemaker.amazonaws.com", "service")
WEB = Principal(HOME, PROVIDER, "web")


@dataclass(frozen=True)
class Target:
    """An action that AWS knows, a resource that it takes, and keys that such a request has."""

    action: str
    resource: str
    keys: Keys = field(default_factory=dict)
    absent: tuple[str, ...] = ("aws:SourceVpce",)


@dataclass(frozen=True)
class Case:
    """One question for both judges."""

    request: Request
    policies: Policies


PACKAGE = f"arn:aws:sagemaker:eu-west-1:{HOME}:model-package/acme-tumor/3"
MODEL = f"arn:aws:sagemaker:eu-west-1:{HOME}:model/acme-tumor-prod-0a1b"
STREAM = f"arn:aws:logs:eu-west-1:{HOME}:log-group:/aws/sagemaker/Endpoints/e:log-stream:s"
TARGETS = (
    Target("s3:GetObject", "arn:aws:s3:::acme-data/ml/part-1.csv", {"s3:TlsVersion": ["1.3"]}),
    Target("s3:PutObject", "arn:aws:s3:::acme-data/ml/part-1.csv", {"s3:if-none-match": ["*"]}),
    Target("s3:ListBucket", "arn:aws:s3:::acme-data", {"s3:prefix": ["ml/part"], "s3:max-keys": ["100"]}),
    Target("sagemaker:UpdateModelPackage", PACKAGE, {"sagemaker:ModelApprovalStatus": ["Approved"]}),
    Target("sagemaker:CreateModel", MODEL, {"sagemaker:VpcSubnets": ["s-1", "s-2"], "aws:TagKeys": ["team"]}),
    Target("logs:PutLogEvents", STREAM),
    Target("iam:PassRole", ROLE, {"iam:PassedToService": ["sagemaker.amazonaws.com"]}),
    Target("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:eu-west-1:{HOME}:alarm:acme-tumor-errors"),
)
EVERYWHERE = {
    "aws:SourceIp": ["203.0.113.7"],
    "aws:SecureTransport": ["true"],
    "aws:CurrentTime": ["2026-11-22T12:00:00Z"],
    "aws:EpochTime": ["1795348800"],
    "aws:RequestedRegion": ["eu-west-1"],
    "aws:UserAgent": ["aws-cli/2.31 md/awscrt"],
}
# Keys of several values, whatever their number.
LISTED = ("aws:TagKeys", "sagemaker:VpcSubnets")
# What a key holds, where it is not text; the operators of a type are drawn for its keys.
TYPES = {
    "aws:SourceIp": "ip",
    "aws:SecureTransport": "bool",
    "aws:CurrentTime": "date",
    "aws:EpochTime": "numeric",
    "aws:PrincipalArn": "arn",
    "s3:max-keys": "numeric",
    "s3:TlsVersion": "numeric",
}
OPERATORS = {
    "string": (
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ),
    "numeric": (
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ),
    "date": (
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
    ),
    "bool": ("Bool",),
    "ip": ("IpAddress", "NotIpAddress"),
    "arn": ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
}
VALUES = {
    "numeric": ("1", "1.3", "99", "100", "100.0", "101", "1795348800"),
    "date": ("2026-11-22T12:00:00Z", "2026-11-22T13:00:00+01:00", "2026-11-22", "2027-01-01T00:00:00Z"),
    "bool": ("true", "false", "True"),
    "ip": ("203.0.113.7", "203.0.113.0/24", "203.0.113.8/32", "10.0.0.0/8", "128.0.0.0/1", "2001:db8::/32"),
    "arn": (
        ROLE,
        "arn:aws:iam::*:role/acme-*",
        f"arn:aws:iam::{HOME}:*",
        USER.arn,
        "arn:aws:iam::1?1111111111:role/*",
    ),
}


class Draw:
    """One seeded source of choices."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311  # cases, not secrets

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def one(self, options: Sequence[Option]) -> Option:
        return self._random.choice(options)

    def some(self, options: Sequence[Option], most: int) -> list[Option]:
        return self._random.sample(options, self._random.randint(1, min(most, len(options))))

    def number(self, most: int) -> int:
        return self._random.randint(0, most)

    def action(self, action: str) -> str:
        service, _, name = action.partition(":")
        forms = [action, action, f"{service}:*", "*", f"{service}:{name[:4]}*", f"{service}:*{name[-4:]}"]
        forms += [f"{service}:{name[:-1]}?", action.upper(), "ec2:RunInstances", f"{service}:Describe*"]
        return self.one(forms)

    def resource(self, resource: str) -> str:
        if resource == "*":
            return self.one(["*", "*", f"arn:aws:sagemaker:eu-west-1:{HOME}:endpoint/*"])
        head, _, tail = resource.rpartition(":")
        kind, _, name = tail.partition("/")
        forms = [resource, resource, "*", f"{head}:{kind}/*" if name else f"{head}:{tail[:-2]}*"]
        forms += [resource[:-1] + "?", f"{head}:{tail}x", "arn:aws:s3:::other/*"]
        if name:
            forms += [f"{head}:{kind}/{name[:3]}*{name[-1]}"]
        if "ml/" in resource:
            forms += [resource.replace("ml/", variable + "/") for variable in VARIABLES]
        if "eu-west-1" in resource:
            forms += [
                resource.replace("eu-west-1", "*"),
                resource.replace(HOME, "*"),
                resource.replace("eu", "us"),
            ]
        return self.one(forms)

    def condition(self, keys: Keys, absent: tuple[str, ...]) -> dict[str, Any]:
        key = self.one([*keys, *absent]) if self.chance(0.85) else self.one(absent)
        if self.chance(0.12):
            return {"Null": {key: self.one(["true", "false"])}}
        kind = TYPES.get(key, "string")
        operator = self.one(OPERATORS[kind])
        if len(keys.get(key, [])) > 1 or key in LISTED:
            operator = f"{self.one(['ForAllValues', 'ForAnyValue', 'ForAllValues'])}:{operator}"
        elif self.chance(0.25):
            operator += "IfExists"
        return {operator: {key: self.values(kind, keys.get(key, ["x"]))}}

    def values(self, kind: str, held: list[str]) -> str | list[str]:
        if kind != "string":
            found = self.some(VALUES[kind], 2)
        else:
            value = self.one(held)
            forms = [
                value,
                value,
                value.upper(),
                value[:2] + "*",
                "*" + value[-2:],
                value[:-1] + "?",
                "other",
            ]
            found = self.some([*forms, *VARIABLES, "s-*"], 3)
        return found[0] if len(found) == 1 and self.chance(0.5) else found

    def statement(self, target: Target, keys: Keys, effect: str) -> Statement:
        actions = [self.action(target.action) for _ in range(1 + self.number(1))]
        resources = [self.resource(target.resource) for _ in range(1 + self.number(1))]
        if self.chance(0.5):
            actions[0], resources[0] = target.action, target.resource
        found: Statement = {"Effect": effect}
        found["NotAction" if self.chance(0.1) else "Action"] = sorted(set(actions))
        found["NotResource" if self.chance(0.1) else "Resource"] = sorted(set(resources))
        if self.chance(0.6):
            condition: dict[str, Any] = {}
            for _ in range(1 + self.number(1)):
                for operator, tests in self.condition(keys, target.absent).items():
                    condition.setdefault(operator, {}).update(tests)
            found["Condition"] = condition
        return found

    def document(self, target: Target, keys: Keys, deny: float = 0.2) -> dict[str, Any]:
        statements = [
            self.statement(target, keys, "Deny" if self.chance(deny) else "Allow")
            for _ in range(1 + self.number(2))
        ]
        return {"Version": "2012-10-17", "Statement": statements}

    def attached(self, target: Target, keys: Keys, caller: Principal, deny: float = 0.2) -> dict[str, Any]:
        """A resource's policy: its statements name principals."""
        document = self.document(target, keys, deny)
        for statement in document["Statement"]:
            statement.pop("NotResource", None)
            statement.setdefault("Resource", [target.resource])
            excluded = statement["Effect"] == "Deny" and self.chance(0.3)
            statement["NotPrincipal" if excluded else "Principal"] = self.principal(caller)
        return document

    def principal(self, caller: Principal) -> str | dict[str, Any]:
        forms: list[str | dict[str, Any]] = [
            "*",
            {"AWS": "*"},
            {"AWS": AWAY},
            {"AWS": ROLE},
            {"AWS": f"arn:aws:iam::{AWAY}:root"},
        ]
        if caller.kind != "web":  # of a token's account the judges think apart: test_iam_decisions.py
            forms.append({"AWS": f"arn:aws:iam::{HOME}:root"})
        forms += [
            {"AWS": [f"arn:aws:iam::{AWAY}:root", USER.arn]},
            {"Service": SERVICE.arn},
            {"AWS": OTHER_USER.arn},
        ]
        if caller.kind == "service":
            forms += [{"Service": caller.arn}] * 4
        elif caller.kind == "web":
            forms += [{"Federated": caller.arn}] * 6
        elif caller.kind != "anonymous":
            forms += [{"AWS": caller.arn}, {"AWS": [caller.source_arn]}, {"AWS": caller.account}] * 3
        return self.one(forms)


VARIABLES = (
    "${aws:PrincipalTag/team}",
    "${aws:username}",
    "${aws:PrincipalTag/none, 'ml'}",
    "${aws:PrincipalTag/none}",
    "m${?}",
)
