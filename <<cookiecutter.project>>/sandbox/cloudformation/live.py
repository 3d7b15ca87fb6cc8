"""The values of a stack as it stands: its resources' ids and attributes, and what other stacks export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import schema
from sandbox.cloudformation.acts import translated
from sandbox.cloudformation.design import zones_of
from sandbox.cloudformation.errors import ResourceError
from sandbox.cloudformation.functions import Later, resolve, text
from sandbox.cloudformation.records import Output
from sandbox.cloudformation.template import properties_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from sandbox.cloudformation.design import Design, Part
    from sandbox.cloudformation.functions import Scope
    from sandbox.cloudformation.records import Stack
    from sandbox.cloudformation.store import Store


def scope_of(
    design: Design, stack: Stack, store: Store, imports: set[str], open_ones: Collection[str] = ()
) -> Scope:
    """What names mean now; of resources in `open_ones` nothing is known yet. Notes what is imported."""

    def attribute(name: str, of: str) -> Any:
        if name in open_ones or name not in stack.resources:
            return Later(frozenset({(name, of)}))
        found = stack.resources[name]
        if not of:
            return found.id
        if of not in found.attributes:
            raise ResourceError("InvalidRequest", f"Resource {name} has no attribute {of}")
        return found.attributes[of]

    def exported(name: str) -> str:
        imports.add(name)
        return store.exported(name)

    return design.scope(
        reference=lambda name: attribute(name, ""), attribute=attribute, exported=exported, zones=zones_of
    )


def properties(part: Part, design: Design, stack: Stack, store: Store) -> dict[str, Any]:
    """The properties of a resource, all known; raises ResourceError."""
    with translated():
        return _properties(part, design, scope_of(design, stack, store, stack.imports))


def expected(
    part: Part, design: Design, stack: Stack, store: Store, open_ones: Collection[str]
) -> dict[str, Any]:
    """The same before anything is made: what resources to come decide is a Later."""
    return _properties(part, design, scope_of(design, stack, store, set(), open_ones))


def _properties(part: Part, design: Design, scope: Scope) -> dict[str, Any]:
    found = resolve(properties_of(part.body), scope)
    return part.kind.tagged(schema.fit(part.kind.schema, found, part.kind.name), design.tags)


def outputs(design: Design, stack: Stack, store: Store) -> dict[str, Output]:
    """The outputs of a stack whose resources stand; refused where another stack would be harmed."""
    scope = scope_of(design, stack, store, stack.imports)
    with translated():
        found = {
            name: Output(
                name,
                text(resolve(body["Value"], scope)),
                str(body.get("Description", "")),
                text(resolve(body["Export"]["Name"], scope)) if "Export" in body else "",
            )
            for name, body in design.outputs.items()
        }
    _check_exports(found, stack, store)
    return found


def _check_exports(found: dict[str, Output], stack: Stack, store: Store) -> None:
    mine = {output.export: output.value for output in found.values() if output.export}
    for name, (owner, output) in store.exports().items():
        if owner is not stack and name in mine:
            raise ResourceError(
                "AlreadyExists", f"Export with name {name} is already exported by stack {owner.name}"
            )
        if owner is stack and mine.get(name) != output.value and (users := store.importers(name)):
            verb = "updated" if name in mine else "deleted"
            raise ResourceError(
                "ResourceConflict",
                f"Export {name} cannot be {verb} as it is in use by {' and '.join(users)}",
            )
