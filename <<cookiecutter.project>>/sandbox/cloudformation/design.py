"""What a stack is to be: a template with its parameters, checked before anything is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import conditions, kinds, parameters, schema
from sandbox.cloudformation.errors import malformed, refused
from sandbox.cloudformation.functions import Later, Scope, resolve
from sandbox.cloudformation.template import properties_of
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sandbox.cloudformation.kinds import Kind, Place
    from sandbox.cloudformation.template import Template


@dataclass(frozen=True)
class Part:
    """One resource that a stack is to have; `properties` as far as they are known without the others."""

    logical: str
    kind: Kind
    body: Mapping[str, Any]
    properties: Mapping[str, Any]
    needs: frozenset[str]

    @property
    def deletion(self) -> str:
        return str(self.body.get("DeletionPolicy", "Delete"))

    @property
    def replacing(self) -> str:
        """What becomes of the resource when another takes its place."""
        return str(self.body.get("UpdateReplacePolicy", "Delete"))


@dataclass(frozen=True)
class Design:
    """A template, its parameters and tags; `parts` in an order in which they can be made."""

    template: Template
    chosen: Mapping[str, str]
    values: Mapping[str, Any]
    conditions: Mapping[str, bool]
    tags: Mapping[str, str]
    parts: Mapping[str, Part] = field(default_factory=dict)

    def scope(self, **meanings: Any) -> Scope:
        """What names mean in this template, with the given meanings of resources and exports."""
        return Scope(
            values=self.values, mappings=self.template.mappings, conditions=self.conditions, **meanings
        )

    @property
    def outputs(self) -> dict[str, Mapping[str, Any]]:
        """The outputs whose condition holds."""
        return {name: body for name, body in self.template.outputs.items() if self.has(body)}

    def has(self, body: Mapping[str, Any]) -> bool:
        return "Condition" not in body or self.conditions[body["Condition"]]


def draw(
    template: Template,
    given: Sequence[Mapping[str, Any]],
    before: Mapping[str, str] | None,
    tags: Mapping[str, str],
    place: Place,
) -> Design:
    """Check a template with its parameters; refuses what could not be made."""
    chosen = parameters.choose(template, given, before)
    values = {**parameters.typed(template, chosen), **_pseudo(place)}
    conditions.check_rules(template, values)
    plain = Design(template, chosen, values, conditions.evaluate(template, values), tags)
    _check_conditions(plain)
    wanted = {name: body for name, body in template.resources.items() if plain.has(body)}
    found = {name: _find_kind(body) for name, body in wanted.items()}
    if pretended := sorted({str(wanted[name]["Type"]) for name, kind in found.items() if kind is None}):
        raise malformed(
            f"Unrecognized resource types: [{', '.join(pretended)}]. "
            f"The sandbox creates {', '.join(kinds.every())}; see docs/sandbox.md"
        )
    parts = {name: _part(name, plain, wanted, kind) for name, kind in found.items() if kind is not None}
    _check_outputs(plain, parts)
    return Design(template, chosen, values, plain.conditions, tags, _ordered(parts))


def _pseudo(place: Place) -> dict[str, Any]:
    return {
        "AWS::AccountId": place.account,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": place.region,
        "AWS::StackId": place.stack_id,
        "AWS::StackName": place.stack,
        "AWS::URLSuffix": "amazonaws.com",
    }


def _check_conditions(design: Design) -> None:
    for section in (design.template.resources, design.template.outputs):
        for name, body in section.items():
            if "Condition" in body and body["Condition"] not in design.conditions:
                raise malformed(f"Unresolved condition {body['Condition']!r} of {name}")


def _find_kind(body: Mapping[str, Any]) -> Kind | None:
    return kinds.find(str(body["Type"]))


class References:
    """Meanings of names before anything is made: each resource a Later, noted; others are refused."""

    def __init__(self, block: str, known: Mapping[str, Kind | None]) -> None:
        self.found: set[str] = set()
        self._block = block
        self._known = known

    def scope(self, design: Design) -> Scope:
        return design.scope(
            reference=self._reference, attribute=self._attribute, exported=self._exported, zones=zones_of
        )

    def _reference(self, name: str) -> Later:
        if name not in self._known:
            raise malformed(
                f"Unresolved resource dependencies [{name}] in the {self._block} block of the template"
            )
        self.found.add(name)
        return Later(frozenset({(name, "")}))

    def _attribute(self, name: str, attribute: str) -> Later:
        if name not in self._known:
            raise refused(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        kind = self._known[name]
        if kind is not None and attribute not in kind.attributes:
            raise refused(
                f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
            )
        self.found.add(name)
        return Later(frozenset({(name, attribute)}))

    @staticmethod
    def _exported(name: str) -> Later:
        return Later(frozenset({("", name)}))


def zones_of(region: str) -> list[str]:
    """The first three availability zones of a region."""
    return [f"{region}{letter}" for letter in "abc"]


def _part(logical: str, design: Design, wanted: Mapping[str, Any], kind: Kind) -> Part:
    body = wanted[logical]
    references = References("Resources", {name: _find_kind(each) for name, each in wanted.items()})
    found = resolve(properties_of(body), references.scope(design))
    fitted = schema.fit(kind.schema, found, kind.name)
    if missing := sorted(kind.required - set(fitted)):
        raise refused(
            f"Properties validation failed for resource {logical} with message: "
            f"#: required key [{', '.join(missing)}] not found"
        )
    asked = body.get("DependsOn") or []
    depends = {asked} if isinstance(asked, str) else set(asked)
    if unknown := sorted(depends - set(design.template.resources)):
        raise malformed(
            f"Unresolved resource dependencies [{', '.join(unknown)}] in the Resources block of the template"
        )
    needs = (references.found | depends) & set(wanted)
    return Part(logical, kind, body, kind.tagged(fitted, design.tags), frozenset(needs))


def _check_outputs(design: Design, parts: Mapping[str, Part]) -> None:
    known = {name: part.kind for name, part in parts.items()}
    for name, body in design.outputs.items():
        scope = References("Outputs", known).scope(design)
        resolve(body["Value"], scope)
        export = body.get("Export")
        if export is not None and set(export) != {"Name"}:
            raise malformed(f"Output {name} is malformed: an Export has a Name and nothing else")


def _ordered(parts: Mapping[str, Part]) -> dict[str, Part]:
    """Each after what it needs, else as the template has them."""
    done: dict[str, Part] = {}
    waiting = dict(parts)
    while waiting:
        ready = [name for name, part in waiting.items() if part.needs <= set(done)]
        if not ready:
            raise refused(f"Circular dependency between resources: [{', '.join(waiting)}]")
        for name in ready:
            done[name] = waiting.pop(name)
    return done


def require_capabilities(design: Design, given: Collection[str]) -> None:
    """Refuse a stack of IAM resources that its caller has not acknowledged."""
    asked = {each for part in design.parts.values() for each in part.kind.capabilities(part.properties)}
    enough = {kinds.IAM: {kinds.IAM, kinds.NAMED_IAM}, kinds.NAMED_IAM: {kinds.NAMED_IAM}}
    needed = kinds.NAMED_IAM if kinds.NAMED_IAM in asked else kinds.IAM
    if asked and not enough[needed] & set(given):
        raise ServiceError("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")
