"""Imports: a new stack takes over what is there already, and changes nothing of it but its tags.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.errors import ResourceError, refused, unserved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.cloudformation.design import Design
    from sandbox.cloudformation.kinds import Making
    from sandbox.cloudformation.store import Store

# type → the property that identifies one, and the call that tells whether it is there
IDENTIFIED: dict[str, tuple[str, Callable[[Making, str], object]]] = {
    "AWS::S3::Bucket": ("BucketName", lambda making, name: making.client("s3").head_bucket(Bucket=name)),
    "AWS::KMS::Key": ("KeyId", lambda making, key: making.client("kms").describe_key(KeyId=key)),
    "AWS::KMS::Alias": ("AliasName", lambda making, name: making.client("kms").describe_key(KeyId=name)),
    "AWS::ECR::Repository": (
        "RepositoryName",
        lambda making, name: making.client("ecr").describe_repositories(repositoryNames=[name]),
    ),
}


def check(params: Mapping[str, Any], design: Design) -> dict[str, str]:
    """What a change set imports: logical → identifier. Refuses what CloudFormation refuses of a new stack."""
    asked = {each["LogicalResourceId"]: each for each in params.get("ResourcesToImport") or ()}
    missing = sorted(set(design.parts) - set(asked))
    if missing or set(asked) - set(design.parts):
        raise refused(
            "As part of the import operation, you cannot modify or add resources: the template and "
            f"ResourcesToImport differ by [{', '.join(missing or sorted(set(asked) - set(design.parts)))}]"
        )
    if design.outputs:
        raise refused("As part of the import operation, you cannot modify or add [Outputs]")
    for name, part in design.parts.items():
        if "DeletionPolicy" not in part.body:
            raise refused(f"Resources [{name}] is missing DeletionPolicy attribute: an import requires it")
    return {name: _identifier(name, each, design) for name, each in asked.items()}


def _identifier(name: str, asked: Mapping[str, Any], design: Design) -> str:
    kind = design.parts[name].kind.name
    if kind not in IDENTIFIED:
        raise unserved(f"the import of {kind}")
    wanted = IDENTIFIED[kind][0]
    if asked["ResourceType"] != kind or list(asked["ResourceIdentifier"]) != [wanted]:
        raise refused(f"Resource {name} is identified by {kind} and {wanted}")
    return str(asked["ResourceIdentifier"][wanted])


def require_free(imported: Mapping[str, str], store: Store) -> None:
    """Refuse what is another stack's already."""
    for stack in store.stacks:
        for each in stack.resources.values() if not stack.is_deleted else ():
            if each.id in imported.values() and each.status != "DELETE_SKIPPED":
                raise ResourceError("AlreadyExists", f"{each.id} already belongs to stack {stack.name}")


def adopt(kind: str, identifier: str, making: Making) -> None:
    """Take one resource over; raises ResourceError or ClientError where it is not there."""
    named_by, look = IDENTIFIED[kind]
    if making.get(named_by) not in (None, identifier):
        raise ResourceError("InvalidRequest", f"{named_by} in the template is not {identifier}")
    look(making, identifier)
    making.id = identifier
