"""CloudFormation that does not pretend: a template with a type that moto would not create is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from sandbox import conditions
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.identity import Caller

# Each is created and read back through its own service in tests/sandbox/test_stacks.py, property by property.
CREATED = {
    "AWS::CloudTrail::Trail": frozenset(
        {
            "AdvancedEventSelectors",
            "EnableLogFileValidation",
            "EventSelectors",
            "IncludeGlobalServiceEvents",
            "IsLogging",
            "IsMultiRegionTrail",
            "KMSKeyId",
            "S3BucketName",
            "S3KeyPrefix",
            "Tags",
            "TrailName",
        }
    ),
    "AWS::Events::Rule": frozenset({"Description", "EventPattern", "Name", "State", "Targets"}),
    "AWS::IAM::OIDCProvider": frozenset({"ClientIdList", "Tags", "ThumbprintList", "Url"}),
    "AWS::IAM::Role": frozenset(
        {
            "AssumeRolePolicyDocument",
            "Description",
            "MaxSessionDuration",
            "Path",
            "Policies",
            "RoleName",
            "Tags",
        }
    ),
    "AWS::KMS::Alias": frozenset({"AliasName", "TargetKeyId"}),
    "AWS::KMS::Key": frozenset({"Description", "EnableKeyRotation", "Enabled", "KeyPolicy", "Tags"}),
    "AWS::S3::Bucket": frozenset(
        {
            "BucketEncryption",
            "BucketName",
            "ObjectLockConfiguration",
            "ObjectLockEnabled",
            "PublicAccessBlockConfiguration",
            "Tags",
            "VersioningConfiguration",
        }
    ),
    "AWS::S3::BucketPolicy": frozenset({"Bucket", "PolicyDocument"}),
    "AWS::SNS::Topic": frozenset({"DisplayName", "TopicName"}),
    "AWS::SNS::TopicPolicy": frozenset({"PolicyDocument", "Topics"}),
}
UNTRIED = ("UpdateStack", "CreateChangeSet", "CreateStackSet")


def check(params: dict[str, Any], action: str, caller: Caller, region: str) -> None:
    """Refuse what would come to nothing: operations, types, and properties of types.

    What a condition of the template leaves out is not created, so it may be of any type.
    """
    if action in ("CreateStack", "DeleteStack") and caller.principal.kind != "root":
        # moto makes a stack's resources itself: no policy would be asked for each of them
        raise ServiceError(
            "AccessDenied",
            f"the sandbox serves {action} to an account's root user alone: python -m sandbox env; "
            "see docs/sandbox.md",
            403,
        )
    if action in UNTRIED:
        raise ServiceError("ValidationError", f"the sandbox does not serve {action}; see docs/sandbox.md")
    if action != "CreateStack":
        return
    if "TemplateURL" in params:
        raise ServiceError("ValidationError", "the sandbox does not serve TemplateURL; see docs/sandbox.md")
    given = {each["ParameterKey"]: each.get("ParameterValue", "") for each in params.get("Parameters", [])}
    known = {**given, "AWS::AccountId": caller.account, "AWS::Region": region, "AWS::Partition": "aws"}
    resources = read_resources(params.get("TemplateBody", ""), known)
    if pretended := sorted({kind for kind, _ in resources} - set(CREATED)):
        raise ServiceError(
            "ValidationError",
            f"Template format error: Unrecognized resource types: [{', '.join(pretended)}]. "
            f"The sandbox creates {', '.join(CREATED)}; see docs/sandbox.md",
        )
    for kind, properties in resources:
        if dropped := sorted(properties - CREATED[kind]):
            raise ServiceError(
                "ValidationError", f"the sandbox's {kind} has no {', '.join(dropped)}; see docs/sandbox.md"
            )


def read_resources(template: str, known: Mapping[str, str]) -> list[tuple[str, set[str]]]:
    """The type of each resource that a stack is to have, and the properties it sets."""
    try:
        document = conditions.load(template)
        return [
            (str(resource["Type"]), set(resource.get("Properties") or {}))
            for resource in document["Resources"].values()
            if not conditions.is_left_out(document, resource, known)
        ]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise ServiceError("ValidationError", "Template format error: the template cannot be read.") from None
