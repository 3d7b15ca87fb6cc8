"""What an update would do: the changes between a stack as it stands and a design."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import live
from sandbox.cloudformation.errors import refused
from sandbox.cloudformation.functions import VARIABLE, call_of, sources_of
from sandbox.cloudformation.kinds import changed
from sandbox.cloudformation.template import properties_of
from sandbox.cloudformation.work import GONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.cloudformation.design import Design, Part
    from sandbox.cloudformation.records import Resource, Stack
    from sandbox.cloudformation.store import Store

Change = dict[str, Any]


def find(
    stack: Stack, design: Design, store: Store, imported: Mapping[str, str] | None = None
) -> list[Change]:
    """Each resource that would be added, imported, modified or removed."""
    found: list[Change] = []
    open_ones: set[str] = set()
    known = {name: each for name, each in stack.resources.items() if each.status not in GONE}
    for name, part in design.parts.items():
        if name not in known:
            open_ones.add(name)
            found.append(_resource("Import" if name in (imported or ()) else "Add", name, part.kind.name))
        elif change := _modified(part, known[name], stack, design, store, open_ones):
            if change["Replacement"] != "False":
                open_ones.add(name)
            found.append(change)
    for name, each in known.items():
        if name not in design.parts:
            policy = "Delete" if each.deletion == "Delete" else "Retain"
            removed = _resource("Remove", name, each.kind.name)
            found.append({**removed, "PhysicalResourceId": each.id, "PolicyAction": policy})
    return [{"Type": "Resource", "ResourceChange": each} for each in found]


def is_idle(stack: Stack, design: Design, found: list[Change]) -> bool:
    """Whether there is nothing to do: outputs and tags are as they were too."""
    before = stack.design
    if found or before is None:
        return False
    return before.outputs == design.outputs and before.tags == design.tags and _same_outputs(before, design)


def _same_outputs(before: Design, design: Design) -> bool:
    """Whether what outputs say of parameters says the same."""
    names = {name for body in design.outputs.values() for name in mentioned(body)}
    return all(before.values.get(name) == design.values.get(name) for name in names if name in design.chosen)


def check_types(stack: Stack, design: Design) -> None:
    """Refuse a template that makes another type of a resource."""
    moved = [
        name
        for name, part in design.parts.items()
        if name in stack.resources
        and stack.resources[name].status not in GONE
        and stack.resources[name].kind.name != part.kind.name
    ]
    if moved:
        raise refused(
            "Update of resource type is not permitted. The new template modifies resource type of the "
            f"following resources: [{', '.join(moved)}]"
        )


def _resource(action: str, logical: str, kind: str) -> Change:
    return {
        "Action": action,
        "LogicalResourceId": logical,
        "ResourceType": kind,
        "Scope": [],
        "Details": [],
    }


def _modified(
    part: Part, resource: Resource, stack: Stack, design: Design, store: Store, open_ones: set[str]
) -> Change | None:
    after = live.expected(part, design, stack, store, open_ones)
    names = changed(resource.properties, after)
    details = [_detail(name, part, after.get(name), stack.design, design) for name in names]
    scope = ["Tags" if name == part.kind.tags else "Properties" for name in names]
    if part.deletion != resource.deletion:
        scope.append("DeletionPolicy")
    if not scope and resource.attempted is None and resource.status != "CREATE_FAILED":
        return None
    replacement = _replacement(details)
    action = {"True": "ReplaceAnd", "Conditional": "ReplaceAnd"}.get(replacement, "")
    policy = {"PolicyAction": f"{action}{part.replacing}"} if action else {}
    return {
        **_resource("Modify", part.logical, part.kind.name),
        "PhysicalResourceId": resource.id,
        "Replacement": replacement,
        "Scope": list(dict.fromkeys(scope)),
        "Details": details,
        **policy,
    }


def _replacement(details: Iterable[Mapping[str, Any]]) -> str:
    always = [each for each in details if each["Target"]["RequiresRecreation"] == "Always"]
    if any(each["Evaluation"] == "Static" for each in always):
        return "True"
    return "Conditional" if always else "False"


def _detail(name: str, part: Part, after: Any, before: Design | None, design: Design) -> dict[str, Any]:
    """Why one property changes, and whether that makes another resource."""
    tags = name == part.kind.tags
    target = {
        "Attribute": "Tags" if tags else "Properties",
        **({} if tags else {"Name": name}),
        "RequiresRecreation": "Always" if name in part.kind.fixed else "Never",
    }
    waits = sorted(sources_of(after))
    return {
        "Target": target,
        "Evaluation": "Dynamic" if waits else "Static",
        **(_of_resource(*waits[0]) if waits else _of_template(name, part, before, design)),
    }


def _of_resource(logical: str, attribute: str) -> dict[str, str]:
    if attribute:
        return {"ChangeSource": "ResourceAttribute", "CausingEntity": f"{logical}.{attribute}"}
    return {"ChangeSource": "ResourceReference", "CausingEntity": logical}


def _of_template(name: str, part: Part, before: Design | None, design: Design) -> dict[str, str]:
    written = properties_of(part.body).get(name)
    old = before.template.resources.get(part.logical, {}) if before else {}
    if before and properties_of(old).get(name) == written:
        for parameter in mentioned(written):
            if parameter in design.chosen and before.chosen.get(parameter) != design.chosen[parameter]:
                return {"ChangeSource": "ParameterReference", "CausingEntity": parameter}
    return {"ChangeSource": "DirectModification"}


def mentioned(value: Any) -> Iterable[str]:
    """The names that Ref and Fn::Sub mention in a value, evaluated or not."""
    found = call_of(value)
    if found and found[0] == "Ref":
        yield str(found[1])
    elif found and found[0] == "Fn::Sub":
        body = found[1][0] if isinstance(found[1], list) else found[1]
        yield from (name for literal, name in VARIABLE.findall(str(body)) if not literal)
    members: Iterable[Any] = ()
    if isinstance(value, dict):
        members = value.values()
    elif isinstance(value, list):
        members = value
    for member in members:
        yield from mentioned(member)
