"""Each type of CloudFormation keeps every property that it takes: read back by the service's own API."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloudformation import kinds, schema
from sandbox.cloudformation.errors import ResourceError
from sandbox.cloudformation.kinds import Kind, Making, Place

from . import type_cases_data, type_cases_guards, type_cases_networks, type_cases_watching
from .conftest import ACCOUNT, REGION, Sandbox
from .read_back import READERS
from .type_documents import LOGGED, MINE, TRUST

STACK = Place(ACCOUNT, REGION, "stack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/1")

CASES = dict(
    sorted(
        (
            type_cases_data.CASES
            | type_cases_guards.CASES
            | type_cases_networks.CASES
            | type_cases_watching.CASES
        ).items()
    )
)


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Any:
    return functools.cache(sandbox.client)


@pytest.fixture(scope="module")
def prepared(client: Any) -> dict[str, str]:
    """What resources refer to."""
    name = "prepared-for-types"
    ec2, key = client("ec2"), client("kms").create_key()["KeyMetadata"]
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.9.0/24")["Subnet"]["SubnetId"]
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    policy = client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(MINE))["Policy"]
    where = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    client("s3").create_bucket(Bucket=f"{name}-logs", CreateBucketConfiguration=where)
    client("s3").put_bucket_policy(Bucket=f"{name}-logs", Policy=json.dumps(LOGGED))
    client("logs").create_log_group(logGroupName=name)
    client("glue").create_database(DatabaseInput={"Name": name})
    auth = {"ApiKeyAuthParameters": {"ApiKeyName": "a", "ApiKeyValue": "b"}}
    connection = client("events").create_connection(
        Name=name, AuthorizationType="API_KEY", AuthParameters=auth
    )
    return {
        "bucket": name,
        "connection": connection["ConnectionArn"],
        "database": name,
        "group": ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc)["GroupId"],
        "key": key["KeyId"],
        "key_arn": key["Arn"],
        "log_group": name,
        "other_key": client("kms").create_key()["KeyMetadata"]["KeyId"],
        "policy": policy["Arn"],
        "role": role["Arn"],
        "role_name": name,
        "routes": ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"],
        "subnet": subnet,
        "topic": client("sns").create_topic(Name=name)["TopicArn"],
        "vpc": vpc,
    }


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(member, names) for key, member in value.items()}
    if isinstance(value, list):
        return [filled(member, names) for member in value]
    for name, found in names.items():
        value = value.replace(f"{{{name}}}", found) if isinstance(value, str) else value
    return value


def require(name: str) -> Kind:
    kind = kinds.find(name)
    assert kind is not None
    return kind


def is_kept(asked: Any, found: Any) -> bool:
    """Whether all that was asked for is found; a service may add members of its own."""
    if isinstance(asked, dict):
        return isinstance(found, dict) and all(is_kept(each, found.get(key)) for key, each in asked.items())
    if isinstance(asked, list):
        return isinstance(found, list) and len(asked) == len(found) and all(map(is_kept, asked, found))
    return bool(asked == found)


@pytest.mark.parametrize("name", CASES)
def test_a_type_keeps_takes_back_and_deletes_all_its_properties(
    client: Any, prepared: dict[str, str], unique: str, name: str
) -> None:
    kind, names = require(name), {**prepared, "unique": unique}
    first, second = (schema.fit(kind.schema, filled(each, names), name) for each in CASES[name])
    making = Making("Thing", first, STACK, client)
    kind.create(making)
    found = READERS[name](client, making)
    for key, asked in first.items():
        assert is_kept(asked, found[key]), f"{key}: asked for {asked!r}, found {found[key]!r}"
    assert kind.attributes == set(making.attributes)
    after = {**{key: first[key] for key in kind.fixed if key in first}, **second}
    changed = Making("Thing", after, STACK, client, making.id, making.attributes)
    kind.update(changed, first)
    found = READERS[name](client, changed)
    for key in {*first, *after}:
        asked = after.get(key)
        kept = (
            is_kept(asked, found[key])
            if key in after
            else found[key] in (None, "", [], {}, False, "Suspended")
        )
        assert kept or key in UNSEEN, f"{key}: asked for {asked!r}, found {found[key]!r}"
    kind.delete(changed)
    with pytest.raises((ClientError, KeyError, IndexError)):
        READERS[name](client, changed)


# What a service shows as something else once it is taken back.
UNSEEN = {
    "ActionsEnabled",
    "MaxSessionDuration",
    "BucketEncryption",
    "AllowedPattern",
    "DataType",
    "Tier",
}


def leaves(found: Any, path: str = "") -> set[str]:
    """The names of all members of a schema or of properties."""
    if isinstance(found, dict) and schema.EVERY not in found:
        return {each for key, member in found.items() for each in leaves(member, f"{path}.{key}")}
    if isinstance(found, list) and found:
        return {each for member in found for each in leaves(member, path)}
    return {path}


@pytest.mark.parametrize("name", CASES)
def test_every_property_is_either_fixed_or_can_be_changed(name: str) -> None:
    kind = require(name)
    assert set(kind.schema) == kind.fixed | set(kind.setters)
    assert not kind.fixed & set(kind.setters)
    assert kind.required | kind.born | {kind.named_by or "", kind.tags or ""} <= {*kind.schema, ""}


def test_each_type_has_a_case() -> None:
    # trails are tested by the foundation's own; builds and pipelines beside their services
    own = {"CloudTrail", "CodeBuild", "CodeConnections", "CodePipeline", "CodeStarConnections"}
    assert {name for name in kinds.every() if name.split("::")[1] not in own} == set(CASES)


def test_what_exists_is_not_taken_quietly(client: Any, prepared: dict[str, str]) -> None:
    making = Making("Thing", {"TopicName": "prepared-for-types"}, STACK, client)
    with pytest.raises(ResourceError, match=r":prepared-for-types already exists"):
        require("AWS::SNS::Topic").create(making)
    assert making.id == ""
