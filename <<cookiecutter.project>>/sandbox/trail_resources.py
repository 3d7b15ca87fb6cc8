"""CloudFormation types of a trail and its notifications: those that moto lacks, or drops members of."""

from __future__ import annotations

import functools
import json
from typing import Any

import boto3
from moto.core.common_models import CloudFormationModel
from moto.kms.models import Key, kms_backends
from moto.sns.models import sns_backends

from sandbox.identity import root_key
from sandbox.stack_types import StackType

DELETED_AFTER = 30  # days, as where a template says nothing
# A property of AWS::CloudTrail::Trail, and what CreateTrail calls it.
TRAIL = {
    "S3BucketName": "S3BucketName",
    "S3KeyPrefix": "S3KeyPrefix",
    "KMSKeyId": "KmsKeyId",
    "IncludeGlobalServiceEvents": "IncludeGlobalServiceEvents",
    "IsMultiRegionTrail": "IsMultiRegionTrail",
    "EnableLogFileValidation": "EnableLogFileValidation",
    "Tags": "TagsList",
}
SWITCHES = frozenset(
    {
        "EnableKeyRotation",
        "EnableLogFileValidation",
        "Enabled",
        "IncludeGlobalServiceEvents",
        "IncludeManagementEvents",
        "IsLogging",
        "IsMultiRegionTrail",
    }
)
SELECTORS = ("EventSelectors", "AdvancedEventSelectors")


class Trail(StackType, CloudFormationModel):
    """AWS::CloudTrail::Trail, made through the sandbox's own CloudTrail."""

    kind = "AWS::CloudTrail::Trail"
    name_property = "TrailName"
    attributes = ("Arn",)
    endpoint = ""

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> Trail:
        properties = plain(cloudformation_json["Properties"])
        client = _client(cls.endpoint, account_id, region_name)
        given = {name: properties[key] for key, name in TRAIL.items() if key in properties}
        made = client.create_trail(Name=resource_name, **given)
        selectors = {key: properties[key] for key in SELECTORS if key in properties}
        if selectors:
            client.put_event_selectors(TrailName=resource_name, **selectors)
        if properties["IsLogging"]:
            client.start_logging(Name=resource_name)
        return cls(resource_name, made["TrailARN"])

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        _client(cls.endpoint, account_id, region_name).delete_trail(Name=resource_name)


class TopicPolicy(StackType, CloudFormationModel):
    """AWS::SNS::TopicPolicy, which moto lacks."""

    kind = "AWS::SNS::TopicPolicy"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> TopicPolicy:
        properties = cloudformation_json["Properties"]
        for arn in properties["Topics"]:
            topic = sns_backends[account_id][region_name].get_topic(arn)
            topic.policy = json.dumps(properties["PolicyDocument"], default=str)
        return cls(resource_name)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        for arn in cloudformation_json["Properties"]["Topics"]:
            topics = sns_backends[account_id][region_name].topics
            if arn in topics:
                topics[arn].policy = json.dumps({"Version": "2012-10-17", "Statement": []})


def complete_keys() -> None:
    """Make moto's key keep its policy as JSON and its switches as such, and end with its stack."""
    made = Key.create_from_cloudformation_json

    def create(
        resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> Key:
        properties = plain(cloudformation_json["Properties"])
        policy = json.dumps(properties["KeyPolicy"], default=str)
        whole = {"Properties": {**properties, "KeyPolicy": policy}}
        return made(resource_name, whole, account_id, region_name, **kwargs)

    def delete(resource_name: str, cloudformation_json: Any, account_id: str, region_name: str) -> None:
        kms_backends[account_id][region_name].schedule_key_deletion(resource_name, DELETED_AFTER)

    Key.create_from_cloudformation_json = create  # type: ignore[method-assign]
    Key.delete_from_cloudformation_json = delete  # type: ignore[method-assign]


def plain(value: Any, name: str = "") -> Any:
    """Properties with their switches as booleans: moto hands on what a template writes, text or not."""
    if isinstance(value, dict):
        return {key: plain(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return str(value).lower() == "true" if name in SWITCHES else value


@functools.cache
def _session() -> boto3.session.Session:
    """One session: it keeps the model of CloudTrail, which takes long to load."""
    return boto3.session.Session()


def _client(endpoint: str, account: str, region: str) -> Any:
    create: Any = _session().client
    return create(
        "cloudtrail",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=root_key(account),
        aws_secret_access_key="sandbox",  # noqa: S106  # the sandbox checks no signature
    )
