"""Takes over what an earlier stack left behind: buckets, their keys and images outlive theirs.

CloudFormation imports by a change set of its own, whose template holds nothing but what is imported; the
update that follows makes the rest. Imports by name alone want names without functions.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.foundation.expressions import own_name, wanted_resources
from mlops.foundation.templates import compact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlops.foundation.stacks import Stack

# types whose leftovers are found and taken over → the property that identifies one
ADOPTABLE = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::KMS::Key": "KeyId",
    "AWS::ECR::Repository": "RepositoryName",
}
# one of these is enough to say that a value needs a resource
REFERENCES = ("Ref", "Fn::GetAtt", "Fn::Sub")


def names_of(stack: Stack, kind: str) -> dict[str, str]:
    """The resources of a type that a new stack is to have, as far as the template names them."""
    found = {
        resource.name: own_name(stack, resource, ADOPTABLE[kind], {})
        for resource in wanted_resources(stack, {})
        if resource.type == kind
    }
    return {resource: name for resource, name in found.items() if name is not None}


def import_options(stack: Stack, adopted: Mapping[str, str]) -> dict[str, Any]:
    """What the change set is told of the resources to import."""
    resources = stack.template.resources
    return {
        "ResourcesToImport": [
            {
                "LogicalResourceId": resource,
                "ResourceType": resources[resource].type,
                "ResourceIdentifier": {ADOPTABLE[resources[resource].type]: name},
            }
            for resource, name in adopted.items()
        ]
    }


def import_template(stack: Stack, adopted: Collection[str]) -> str:
    """The template with nothing but the adopted resources, and of these nothing that needs another."""
    document = stack.template.document
    others = set(document["Resources"]) - set(adopted)
    kept = {name: trim(document["Resources"][name], others) for name in adopted}
    parts = ("AWSTemplateFormatVersion", "Parameters", "Conditions", "Mappings")
    return compact({**{part: document[part] for part in parts if part in document}, "Resources": kept})


def trim(declared: Mapping[str, Any], others: Collection[str]) -> dict[str, Any]:
    """A resource without the properties that name other resources; an import needs its name only."""
    properties = {
        key: value
        for key, value in (declared.get("Properties") or {}).items()
        if not names_any(value, others)
    }
    attributes = {
        key: declared[key] for key in ("Type", "Condition", "UpdateReplacePolicy") if key in declared
    }
    return {**attributes, "DeletionPolicy": "Retain", "Properties": properties}


def names_any(value: Any, others: Collection[str]) -> bool:
    """Whether an expression refers to one of some resources."""
    if isinstance(value, list):
        return any(names_any(each, others) for each in value)
    if not isinstance(value, dict):
        return False
    for function in REFERENCES:
        if function in value and refers(value[function], others):
            return True
    return any(names_any(each, others) for each in value.values())


def refers(operand: Any, others: Collection[str]) -> bool:
    """Whether the operand of Ref, Fn::GetAtt or Fn::Sub names one of some resources."""
    text = operand if isinstance(operand, str) else str(operand[0])
    return text in others or any(f"${{{name}}}" in text or f"${{{name}." in text for name in others)
