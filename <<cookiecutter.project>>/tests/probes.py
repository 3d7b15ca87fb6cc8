"""What must be refused: recorded calls, on what is another's or under other conditions; and guard rails."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.kinds import Kind
from tests.blueprint import ACCOUNTS, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER_ACCOUNT, OTHER_KEY = "999999999999", "arn:aws:kms:eu-west-1:999999999999:key/0"
OTHERS = {"staging": "prod", "prod": "staging"}
TRAINING = ACCOUNTS["training"]
DATA, RELEASES, TRAIL = (
    f"arn:aws:s3:::shop-{each}-{TRAINING}-{REGION}" for each in ("data", "releases", "trail")
)
PACKAGE = f"arn:aws:sagemaker:{REGION}:{TRAINING}:model-package/shop-x/1"
STAGE, STATUS = "sagemaker:ModelLifeCycle:stage", "sagemaker:ModelApprovalStatus"
ONCE, MADE = "s3:if-none-match", "s3:ObjectCreationOperation"
NAMED_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
WAYS = ("project", "account", "environment", "folder")


def foreign(kind: Kind, ways: tuple[str, ...] = WAYS) -> Iterator[Kind]:
    """The same call on what is another project's, account's, environment's, or lies in another folder."""
    for way in ways:
        moved = move(kind, way)
        if moved != kind.resource:
            yield replace(kind, resource=moved)


def move(kind: Kind, way: str) -> str:
    arn = kind.resource
    if way == "project":
        return re.sub(r"(?<=[:/])shop-", "else-", arn)
    if way == "account":
        return re.sub(r"(?<=[:-])\d{12}(?=[:-])", OTHER_ACCOUNT, arn)
    if way == "environment":
        own = kind.role.rpartition("-")[2]
        return re.sub(rf"\b{own}\b", OTHERS[own], arn) if own in OTHERS else arn
    return re.sub(r"(?<=\w)/.*", "/elsewhere/0", arn) if arn.startswith("arn:aws:s3:::") else arn


def unlike(kind: Kind, key: str) -> Iterator[Kind]:
    """The same call without what a condition asks for, with something else, or by another role."""
    if key == "aws:PrincipalArn":
        any_of = "build-any" if kind.on else f"any-{kind.role.rpartition('-')[2]}"
        yield replace(kind, role=any_of)
        return
    rest = {name: values for name, values in kind.when.items() if name.lower() != key.lower()}
    yield replace(kind, when=rest)
    yield replace(kind, when={**rest, key: ("elsewhere/0",)})
    yield replace(kind, when={**rest, key: ("arn:aws:s3:::elsewhere",)})


def put(role: str, place: str, **when: str) -> Kind:
    facts = {ONCE: "*", MADE: "true", **when}
    return Kind(role, "s3:PutObject", place, False, {key: (value,) for key, value in facts.items() if value})


def judge(role: str, stage: str, status: str = "") -> Kind:
    facts = {STAGE: (stage,)} | ({STATUS: (status,)} if status else {})
    return Kind(role, "sagemaker:UpdateModelPackage", PACKAGE, False, facts)


def register(status: str) -> Kind:
    return Kind("execution", "sagemaker:CreateModelPackage", PACKAGE, False, {STATUS: (status,)})


GUARD_RAILS = {
    "no job registers what is approved": register("Approved"),
    "staging judges its own stage alone": judge("deploy-staging", "prod", "Approved"),
    "prod judges its own stage alone": judge("deploy-prod", "staging"),
    "prod approves nothing": judge("deploy-prod", "prod", "Approved"),
    "staging rejects nothing": judge("deploy-staging", "staging", "Rejected"),
    "training approves nothing": judge("train", "staging", "Approved"),
    "a release is written once": put("execution", f"{RELEASES}/releases/x/0/model.tar.gz", **{ONCE: ""}),
    "a release is under the project's key": put(
        "execution", f"{RELEASES}/releases/x/0/model.tar.gz", **{NAMED_KEY: OTHER_KEY}
    ),
    "data is under the project's key": put("train", f"{DATA}/datasets/x/0/file", **{NAMED_KEY: OTHER_KEY}),
    "nobody reads data without TLS": Kind(
        "train", "s3:GetObject", f"{DATA}/datasets/x/0/file", False, {"aws:SecureTransport": ("false",)}
    ),
    "nobody reads releases without TLS": Kind(
        "execution",
        "s3:GetObject",
        f"{RELEASES}/releases/x/0/file",
        False,
        {"aws:SecureTransport": ("false",)},
    ),
    "nobody reads the trail without TLS": Kind(
        "audit", "s3:GetObject", f"{TRAIL}/AWSLogs/0/file", False, {"aws:SecureTransport": ("false",)}
    ),
    "no role writes the trail": put("audit", f"{TRAIL}/AWSLogs/0/file"),
    "no role lifts the trail's lock": Kind(
        "audit", "s3:BypassGovernanceRetention", f"{TRAIL}/AWSLogs/0/file", False
    ),
}
