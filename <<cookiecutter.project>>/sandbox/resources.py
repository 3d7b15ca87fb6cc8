"""CloudFormation types whose properties moto would drop, completed by the service's own API."""

from __future__ import annotations

import json
from typing import Any

import boto3
from moto.core.common_models import CloudFormationModel
from moto.iam.access_control import PermissionResult
from moto.iam.models import Role, iam_backends
from moto.s3.models import FakeBucket, s3_backends
from moto.utilities.utils import get_partition

from sandbox.identity import root_key
from sandbox.stack_types import StackType


class BucketPolicy(StackType, CloudFormationModel):
    """AWS::S3::BucketPolicy, which moto lacks."""

    kind = "AWS::S3::BucketPolicy"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> BucketPolicy:
        properties = cloudformation_json["Properties"]
        policy = json.dumps(properties["PolicyDocument"], default=str).encode()
        _backend(account_id, region_name).put_bucket_policy(properties["Bucket"], policy)
        return cls(f"{properties['Bucket']}-policy")

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        backend = _backend(account_id, region_name)
        backend.delete_bucket_policy(cloudformation_json["Properties"]["Bucket"])


class OIDCProvider(StackType, CloudFormationModel):
    """AWS::IAM::OIDCProvider, which moto lacks."""

    kind = "AWS::IAM::OIDCProvider"
    attributes = ("Arn",)

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> OIDCProvider:
        properties = cloudformation_json["Properties"]
        made = iam_backends[account_id][get_partition(region_name)].create_open_id_connect_provider(
            properties["Url"],
            properties.get("ThumbprintList", []),
            properties.get("ClientIdList", []),
            properties.get("Tags", []),
        )
        return cls(made.arn, made.arn)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        iam_backends[account_id][get_partition(region_name)].delete_open_id_connect_provider(resource_name)


def complete_roles() -> None:
    """Keep an inline policy of a template as JSON; moto would keep Python's way to print it."""
    plain = Role.put_policy

    def put(self: Any, policy_name: str, policy_json: Any) -> None:
        plain(self, policy_name, policy_json if isinstance(policy_json, str) else json.dumps(policy_json))

    Role.put_policy = put  # type: ignore[method-assign]


def complete_buckets(endpoint: str) -> None:
    """Make moto's bucket honour the properties that it would drop."""
    plain = FakeBucket.create_from_cloudformation_json

    def create(
        resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> Any:
        properties = cloudformation_json.get("Properties", {})
        bucket = plain(resource_name, cloudformation_json, account_id, region_name, **kwargs)
        _complete(_client(endpoint, account_id, region_name), resource_name, properties)
        return bucket

    FakeBucket.create_from_cloudformation_json = create  # type: ignore[method-assign]
    # decided in front of moto already, which ignores conditions
    FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL  # type: ignore[method-assign]


def _complete(s3: Any, name: str, properties: Any) -> None:
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    if "PublicAccessBlockConfiguration" in properties:
        block = {key: _is_true(value) for key, value in properties["PublicAccessBlockConfiguration"].items()}
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    lock = properties.get("ObjectLockConfiguration")
    if lock:
        retention = lock["Rule"]["DefaultRetention"]
        days = {key: int(retention[key]) for key in ("Days", "Years") if key in retention}
        rule = {"DefaultRetention": {"Mode": retention["Mode"], **days}}
        s3.put_object_lock_configuration(
            Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _client(endpoint: str, account: str, region: str) -> Any:
    create: Any = boto3.session.Session().client
    return create(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=root_key(account),
        aws_secret_access_key="sandbox",  # noqa: S106  # the sandbox checks no signature
    )


def _backend(account: str, region: str) -> Any:
    return s3_backends[account][get_partition(region)]
