"""CloudFormation that does not pretend: a template with a type that moto would not create is refused."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import yaml

from sandbox.errors import ServiceError

# Each is created and read back through its own service in tests/sandbox/test_stacks.py.
CREATED = frozenset({"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::IAM::Role"})
WITH_TEMPLATE = ("CreateStack", "UpdateStack", "CreateChangeSet", "ValidateTemplate")


class _Loader(yaml.SafeLoader):
    """Reads short forms such as !Sub without resolving them."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def check(form: dict[str, str]) -> None:
    """Refuse a template, by the names of the types that would come to nothing."""
    if form.get("Action") not in WITH_TEMPLATE:
        return
    if "TemplateURL" in form:
        raise ServiceError("ValidationError", "the sandbox does not serve TemplateURL; see docs/sandbox.md")
    pretended = sorted(types_of(form.get("TemplateBody", "")) - CREATED)
    if pretended:
        raise ServiceError(
            "ValidationError",
            f"Template format error: Unrecognized resource types: [{', '.join(pretended)}]. "
            f"The sandbox creates {', '.join(sorted(CREATED))}; see docs/sandbox.md",
        )


def types_of(template: str) -> set[str]:
    """The resource types of a template."""
    try:
        document: Any = yaml.load(template, _Loader)  # noqa: S506  # a SafeLoader that skips tags
        return {str(resource["Type"]) for resource in document["Resources"].values()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise ServiceError("ValidationError", "Template format error: the template cannot be read.") from None


def error_document(error: ServiceError) -> bytes:
    """An error as CloudFormation writes it."""
    return (
        '<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>'
        f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error></ErrorResponse>"
    ).encode()
