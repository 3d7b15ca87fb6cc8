"""CloudFormation that does not pretend: a template with a type that moto would not create is refused."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import yaml

from sandbox.errors import ServiceError

# Each is created and read back through its own service in tests/sandbox/test_stacks.py, property by property.
CREATED = {
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


def check(form: dict[str, str]) -> None:
    """Refuse what would come to nothing: operations, types, and properties of types."""
    action = form.get("Action", "")
    if action in UNTRIED:
        raise ServiceError("ValidationError", f"the sandbox does not serve {action}; see docs/sandbox.md")
    if action != "CreateStack":
        return
    if "TemplateURL" in form:
        raise ServiceError("ValidationError", "the sandbox does not serve TemplateURL; see docs/sandbox.md")
    resources = read_resources(form.get("TemplateBody", ""))
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


def read_resources(template: str) -> list[tuple[str, set[str]]]:
    """The type of each resource of a template, and the properties it sets."""
    try:
        document: Any = yaml.load(template, _Loader)  # noqa: S506  # a SafeLoader that skips tags
        found = document["Resources"].values()
        return [(str(resource["Type"]), set(resource.get("Properties") or {})) for resource in found]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise ServiceError("ValidationError", "Template format error: the template cannot be read.") from None


def error_document(error: ServiceError) -> bytes:
    """An error as CloudFormation writes it."""
    return (
        '<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>'
        f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error></ErrorResponse>"
    ).encode()
