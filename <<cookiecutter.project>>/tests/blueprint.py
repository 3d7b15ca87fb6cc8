"""infra/*.yml with their functions resolved as for one project: what AWS would be given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.foundation.templates import Template, read_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
REGION = "eu-west-1"
ACCOUNTS = {"training": "222222222222", "staging": "333333333333", "prod": "444444444444"}
GIVEN = {
    "Project": "shop",
    "TrainingAccount": ACCOUNTS["training"],
    "StagingAccount": ACCOUNTS["staging"],
    "ProdAccount": ACCOUNTS["prod"],
    "Owner": "acme",
    "OwnerId": "71",
    "Repository": "shop",
    "RepositoryId": "72",
    "NotifyEmail": "ml@example.com",
}
# What GetAtt Arn gives, by type; `name` is the resource's own.
ARNS = {
    "AWS::CodeBuild::Project": "arn:aws:codebuild:{place}:project/{name}",
    "AWS::CodeCommit::Repository": "arn:aws:codecommit:{place}:{name}",
    "AWS::ECR::Repository": "arn:aws:ecr:{place}:repository/{name}",
    "AWS::Events::ApiDestination": "arn:aws:events:{place}:api-destination/{name}/0",
    "AWS::Events::Connection": "arn:aws:events:{place}:connection/{name}/0",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{place}:key/{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{place}:{name}",
}
NAMES = ("BucketName", "RoleName", "ManagedPolicyName", "TopicName", "RepositoryName", "Name")


@dataclass(frozen=True)
class Made:
    """A resource as one stack would make it."""

    template: str
    duty: str
    logical: str
    type: str
    properties: Mapping[str, Any]
    variant: str = ""  # the forge, where a template has parts that depend on it

    @property
    def where(self) -> str:
        return f"{self.template}, {', '.join(filter(None, (self.duty, self.variant)))}: {self.logical}"


@cache
def templates() -> tuple[Template, ...]:
    return read_templates(ROOT)


def is_common(template: str) -> bool:
    """Whether projects on GitHub Actions have a template too: tests have an id for each of its parts."""
    (found,) = [each for each in templates() if each.stem == template]
    return found.facts.forge != "codecommit" and found.facts.ci != "codepipeline"


@cache
def made(kind: str = "") -> tuple[Made, ...]:
    """The resources of every stack of every template, optional ones too; those of one type."""
    found = [
        each
        for template in templates()
        for duty in duties(template)
        for forge in forges(template)
        for each in build(template, duty, forge)
    ]
    return tuple(each for each in found if kind in ("", each.type))


def duties(template: Template) -> tuple[str, ...]:
    return ("training",) if template.facts.applied_to == "training" else tuple(ACCOUNTS)


def forges(template: Template) -> tuple[str, ...]:
    """The forges to resolve a template for: both, where it has parts that depend on it."""
    return ("github", "codecommit") if {"Forge", "Ci"} & set(template.parameters) else ("",)


def build(template: Template, duty: str, forge: str = "", ci: str = "", **chosen: str) -> Iterator[Made]:
    """What a stack would make; `chosen` are its parameters that are not as they usually are."""
    stack = Stack(template, duty, forge, ci, chosen)
    for logical, declared in template.document["Resources"].items():
        if "Condition" not in declared or stack.holds(declared["Condition"]):
            properties = stack.resolve(declared.get("Properties", {}))
            yield Made(template.stem, duty, logical, declared["Type"], properties, forge)


class Stack:
    """One template in one account."""

    def __init__(self, template: Template, duty: str, forge: str, ci: str, chosen: Mapping[str, str]) -> None:
        self._document = template.document
        account = ACCOUNTS[duty]
        defaults = {
            name: each.default for name, each in template.parameters.items() if each.default is not None
        }
        pseudo = {"AWS::AccountId": account, "AWS::Region": REGION, "AWS::Partition": "aws"}
        usual = "codepipeline" if forge == "codecommit" else "github-actions"
        choice = {"Forge": forge, "Ci": ci or usual}
        self._known: dict[str, Any] = {**defaults, **GIVEN, **pseudo, **choice, **chosen, "Duty": duty}

    def holds(self, condition: str) -> bool:
        return bool(self.resolve(self._document["Conditions"][condition]))

    def resolve(self, value: Any) -> Any:
        """A value without functions; what an If leaves out is left out of its list or mapping too."""
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            named = name == "Condition" and isinstance(argument, str)
            if named or name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        found = {key: self.resolve(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not None}

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            return self.resolve(argument[1] if self.holds(argument[0]) else argument[2])
        if name == "Fn::Sub":
            return re.sub(r"\$\{([^!][^}]*)\}", lambda found: str(self._name(found[1])), argument)
        if name == "Ref":
            return self._name(argument)
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::GetAtt":
            return self._name(argument if isinstance(argument, str) else ".".join(argument))
        given = self.resolve(argument)
        if name == "Fn::Join":
            return given[0].join(given[1])
        if name == "Fn::Equals":
            return given[0] == given[1]
        if name == "Fn::Not":
            return not given[0]
        return all(given) if name == "Fn::And" else f"{name}({given})"

    def _name(self, name: str) -> Any:
        """What Ref, GetAtt or a name in a Sub stands for."""
        if name == "AWS::NoValue":
            return None
        if name in self._known:
            return self._known[name]
        logical, _, attribute = name.partition(".")
        declared = self._document["Resources"][logical]
        properties = declared.get("Properties", {})
        own = next((self.resolve(properties[key]) for key in NAMES if key in properties), logical)
        account = self._known["AWS::AccountId"]
        if declared["Type"] == "AWS::IAM::ManagedPolicy":
            return f"arn:aws:iam::{account}:policy/{own}"
        if declared["Type"] == "AWS::CodeConnections::Connection":
            return f"arn:aws:codeconnections:{REGION}:{account}:connection/0"
        if attribute == "Arn" or declared["Type"] == "AWS::SNS::Topic":
            place = f"{REGION}:{account}"
            return ARNS[declared["Type"]].format(place=place, account=account, name=own)
        return own
