"""What a resource type is: which properties it takes, and how it is made, changed and deleted."""

from __future__ import annotations

import importlib
import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.cloudformation.schema import Schema

Properties = dict[str, Any]
ALPHABET = string.ascii_uppercase + string.digits
IAM, NAMED_IAM = "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"
TAGS: Any = [{"Key": str, "Value": str}]


@dataclass(frozen=True)
class Place:
    """Where a stack is: its account and region, its name and id."""

    account: str
    region: str
    stack: str = ""
    stack_id: str = ""

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


@dataclass
class Making:
    """One resource at work: what it is to be, and the hands to make it with.

    A type sets `id` as soon as the resource exists: what fails later is then deleted in a rollback. `id` is
    what Ref gives, `attributes` what Fn::GetAtt gives.
    """

    logical: str
    properties: Properties
    place: Place
    client: Callable[[str], Any]
    id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    written: Properties = field(default_factory=dict)  # with dynamic references as such, as stacks keep it

    def get(self, name: str, default: Any = None) -> Any:
        return self.properties.get(name, default)

    def named(self, name: str, longest: int = 64, lower: bool = False) -> str:
        """The name that a property gives, or one of the stack's, as CloudFormation makes them."""
        if given := self.properties.get(name):
            return str(given)
        tail = "".join(secrets.choice(ALPHABET) for _ in range(12))
        made = f"{f'{self.place.stack}-{self.logical}'[: longest - 13]}-{tail}"
        return made.lower() if lower else made


class Kind:
    """A resource type. A subclass says what it takes, and makes and deletes; setters do the rest.

    A setter brings what it is named for from `before` (empty when the resource is new) to
    `making.properties`. `born` are properties that `make` has set already; `fixed` ones cannot change:
    another resource takes the place.
    """

    name: ClassVar[str]
    schema: ClassVar[Mapping[str, Schema]]
    required: ClassVar[frozenset[str]] = frozenset()
    fixed: ClassVar[frozenset[str]] = frozenset()
    born: ClassVar[frozenset[str]] = frozenset()
    setters: ClassVar[Mapping[str, Callable[[Making, Properties], None]]] = {}
    attributes: ClassVar[frozenset[str]] = frozenset()
    named_by: ClassVar[str] = ""  # the property of its name: with it no second one can take its place
    tags: ClassVar[str] = ""  # the property that the stack's tags join
    capability: ClassVar[str] = ""
    by_setter: ClassVar[bool] = False  # one call of a setter makes it: where that fails there is nothing

    def make(self, making: Making) -> None:
        raise NotImplementedError

    def delete(self, making: Making) -> None:
        raise NotImplementedError

    def describe(self, making: Making) -> dict[str, Any]:
        """The attributes, once all is set."""
        return making.attributes

    def create(self, making: Making) -> None:
        self.make(making)
        try:
            self._set(making, {}, (name for name in making.properties if name not in self.born))
        except Exception:
            making.id = "" if self.by_setter else making.id
            raise

    def update(self, making: Making, before: Properties) -> None:
        self._set(making, before, changed(before, making.properties))

    def _set(self, making: Making, before: Properties, names: Iterable[str]) -> None:
        chosen = set(names)
        for setter in dict.fromkeys(each for name, each in self.setters.items() if name in chosen):
            setter(making, before)
        making.attributes = self.describe(making)

    def tagged(self, properties: Mapping[str, Any], tags: Mapping[str, str]) -> Properties:
        """Properties with the stack's tags, of which a resource's own go first."""
        if not self.tags or not tags:
            return dict(properties)
        own = properties.get(self.tags)
        if self.schema[self.tags] != TAGS:
            return {**properties, self.tags: {**tags, **(own or {})}}
        given = {each["Key"] for each in own or ()}
        added = [{"Key": key, "Value": value} for key, value in tags.items() if key not in given]
        return {**properties, self.tags: [*(own or ()), *added]}

    def capabilities(self, properties: Mapping[str, Any]) -> set[str]:
        """What a caller must acknowledge; a resource of IAM with a name of its own asks for more."""
        if not self.capability:
            return set()
        return {NAMED_IAM if self.named_by in properties else self.capability}


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of properties that differ."""
    names = dict.fromkeys((*before, *after))
    return [name for name in names if before.get(name) != after.get(name)]


def tag_changes(name: str, before: Properties, making: Making) -> tuple[list[dict[str, str]], list[str]]:
    """Tags to set, and keys to remove."""
    old = {each["Key"]: each["Value"] for each in before.get(name) or ()}
    new = {each["Key"]: each["Value"] for each in making.get(name) or ()}
    put = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
    return put, [key for key in old if key not in new]


# The module that has the types of a service: AWS::S3::Bucket is in types/s3.py.
MODULES = {
    "Budgets": "budgets",
    "CloudTrail": "cloudtrail",
    "CloudWatch": "cloudwatch",
    "CodeBuild": "codebuild",
    "CodeCommit": "codecommit",
    "CodeConnections": "codeconnections",
    "CodePipeline": "codepipeline",
    "CodeStarConnections": "codeconnections",
    "EC2": "ec2",
    "ECR": "ecr",
    "Events": "events",
    "Glue": "glue",
    "IAM": "iam",
    "KMS": "kms",
    "Logs": "logs",
    "S3": "s3",
    "SNS": "sns",
    "SSM": "ssm",
    "SageMaker": "sagemaker",
    "SecretsManager": "secrets",
}


def find(name: str) -> Kind | None:
    """The type of a name; None where the sandbox has none."""
    parts = name.split("::")
    if len(parts) != 3 or parts[0] != "AWS" or parts[1] not in MODULES:
        return None
    return _of_module(MODULES[parts[1]]).get(name)


def every() -> dict[str, Kind]:
    """All types, by name."""
    found = {
        name: kind for module in sorted(set(MODULES.values())) for name, kind in _of_module(module).items()
    }
    return dict(sorted(found.items()))


def _of_module(module: str) -> dict[str, Kind]:
    found: Any = importlib.import_module(f"sandbox.cloudformation.types.{module}")
    return {kind.name: kind for kind in found.KINDS}
