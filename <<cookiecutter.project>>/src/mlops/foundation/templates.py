"""infra/*.yml as data: what each template makes, for whom it is applied, why, and what it costs at rest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_pascal

from mlops.documents import UniqueKeyLoader, describe_problem
from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = "infra"
AppliedTo = Literal["training", "every duty", "every account"]
# keys of Metadata that other tools read
FOREIGN = frozenset({"cfn-lint", "checkov"})
MOST_BYTES = (
    51_200  # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
)
LAST = 1000  # the order of a template that names none


class Idle(BaseModel):
    """What a stack costs when nothing happens: an order of magnitude, and where and when it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal)
    usd_per_month: float
    source: str


class Facts(BaseModel):
    """The part of a template's Metadata that is ours; its keys are written as CloudFormation's are."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal)
    applied_to: AppliedTo
    order: int = LAST
    because: str
    optional: bool = False
    idle: Idle | None = None
    forge: Literal["github", "codecommit"] | None = None
    ci: Literal["github-actions", "codepipeline"] | None = None


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template, with what it allows."""

    name: str
    description: str
    default: str | None
    rules: Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource that a template declares. `because` is empty where its name and type say enough."""

    name: str
    type: str
    because: str
    condition: str | None
    is_kept: bool  # stays when its stack goes


@dataclass(frozen=True)
class Template:
    """One file of infra/."""

    path: Path
    text: str
    document: Mapping[str, Any]
    facts: Facts

    @property
    def stem(self) -> str:
        """The concern, as stacks are named after it."""
        return self.path.stem

    @cached_property
    def body(self) -> str:
        """What CloudFormation is sent: the file, or where that is too long the same without its prose."""
        if len(self.text.encode()) <= MOST_BYTES:
            return self.text
        short = compact(without_prose(self.document))
        if len(short.encode()) > MOST_BYTES:
            raise UsageError(
                f"{FOLDER}/{self.path.name}: {len(short.encode())} bytes without prose and spaces; "
                f"CloudFormation takes {MOST_BYTES}. Split it into two files"
            )
        return short

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """What a stack of it is asked."""
        found = self.document.get("Parameters") or {}
        return {name: _parameter(name, rules) for name, rules in found.items()}

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """What a stack of it may have; conditions leave some out."""
        return {name: _resource(name, declared) for name, declared in self.document["Resources"].items()}


def read_templates(root: Path) -> tuple[Template, ...]:
    """The templates of a project in the order in which they are applied. Raises where one is none."""
    found = [read_template(path) for path in sorted((root / FOLDER).glob("*.yml"))]
    if not found:
        raise UsageError(f"no templates in {str(root / FOLDER)!r}: is this the root of a project?")
    return tuple(sorted(found, key=lambda template: (template.facts.order, template.stem)))


def read_template(path: Path) -> Template:
    """One template; UsageError says what it lacks."""
    where = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        document = parse_template(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{where}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise UsageError(f"{where}: no CloudFormation template: it has no Resources")
    return Template(path, text, document, _facts(document, where))


def parse_template(text: str) -> Any:
    """A template with every function in its long form; raises yaml.YAMLError."""
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader, extended by CloudFormation's tags


def without_prose(document: Mapping[str, Any]) -> dict[str, Any]:
    """A template without reasons of resources and descriptions of parameters: only people read those."""
    short = {part: value for part, value in document.items() if part != "Metadata"}
    for part, said in (("Parameters", "Description"), ("Resources", "Metadata")):
        if part in document:
            short[part] = {
                name: {key: value for key, value in entry.items() if key != said}
                for name, entry in document[part].items()
            }
    return short


def compact(document: Any) -> str:
    """A template in as few bytes as it can be said."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=str)


class _Loader(UniqueKeyLoader):
    """Reads short forms as the long ones: !Ref A is {Ref: A}, !Not [x] is {Fn::Not: [x]}."""


def _construct(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    # in full this function takes a list, in any notation but YAML's short one
    return {name: node.value.split(".", 1) if suffix == "GetAtt" else node.value}


_Loader.add_multi_constructor("!", _construct)


def _facts(document: Mapping[str, Any], where: str) -> Facts:
    """Our part of the Metadata. A template without any is applied as its parameters suggest."""
    metadata = document.get("Metadata") or {}
    ours = {key: value for key, value in metadata.items() if key not in FOREIGN and "::" not in key}
    asks_duty = "Duty" in (document.get("Parameters") or {})
    ours.setdefault("AppliedTo", "every duty" if asks_duty else "training")
    ours.setdefault("Because", str(document.get("Description", "it is in infra/")))
    try:
        return Facts.model_validate(ours)
    except ValidationError as error:
        problems = [describe_problem(problem, Facts) for problem in error.errors()]
        raise UsageError("\n".join(f"{where}: Metadata: {problem}" for problem in problems)) from None


def _parameter(name: str, rules: Mapping[str, Any]) -> Parameter:
    default = rules.get("Default")
    kept = None if default is None else str(default)
    return Parameter(name, str(rules.get("Description", "")), kept, rules)


def _resource(name: str, declared: Mapping[str, Any]) -> Resource:
    metadata, properties = declared.get("Metadata") or {}, declared.get("Properties") or {}
    said = metadata.get("Because") or properties.get("Description") or ""
    kept = declared.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
    because = (
        said if isinstance(said, str) else str(said.get("Fn::Sub", "")) if isinstance(said, dict) else ""
    )
    return Resource(name, str(declared.get("Type")), because, declared.get("Condition"), kept)
