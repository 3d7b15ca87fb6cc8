"""CloudFormation that does not pretend: a template with a type that moto would not create is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from sandbox.identity import Caller

# Each is created and read back through its own service in tests/sandbox/test_stacks.py, property by property.
CREATED = {
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
}
UNTRIED = ("UpdateStack", "CreateChangeSet", "CreateStackSet")


class _Loader(yaml.SafeLoader):
    """Reads short forms such as !Sub without resolving them."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def check(params: dict[str, Any], action: str, caller: Caller) -> None:
    """Refuse what would come to nothing: operations, types, and properties of types."""
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
    resources = read_resources(params.get("TemplateBody", ""))
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


def load(template: str) -> Any:
    """A template with its short forms (!Sub, !Ref) left out; raises yaml.YAMLError."""
    return yaml.load(template, _Loader)  # noqa: S506  # a SafeLoader that skips tags


def read_resources(template: str) -> list[tuple[str, set[str]]]:
    """The type of each resource of a template, and the properties it sets."""
    try:
        found = load(template)["Resources"].values()
        return [(str(resource["Type"]), set(resource.get("Properties") or {})) for resource in found]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise ServiceError("ValidationError", "Template format error: the template cannot be read.") from None
