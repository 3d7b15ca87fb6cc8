"""Operations that read: stacks, events, resources, exports, templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import kinds, views
from sandbox.cloudformation.errors import malformed, refused
from sandbox.cloudformation.template import properties_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.cloudformation.ground import Ground
    from sandbox.cloudformation.records import Stack
    from sandbox.cloudformation.template import Template
    from sandbox.world import Call

CONSTRAINTS = ("AllowedPattern", "AllowedValues", "MaxLength", "MaxValue", "MinLength", "MinValue")


class Reading:
    """Describes what is, and changes nothing."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "DescribeStacks": self.describe_stacks,
            "DescribeStackEvents": self.describe_events,
            "DescribeStackResource": self.describe_resource,
            "DescribeStackResources": self.describe_resources,
            "ListStackResources": self.list_resources,
            "ListStacks": self.list_stacks,
            "ListExports": self.list_exports,
            "ListImports": self.list_imports,
            "GetTemplate": self.get_template,
            "GetTemplateSummary": self.get_summary,
            "ValidateTemplate": self.validate,
        }

    def describe_stacks(self, call: Call) -> dict[str, Any]:
        name, store = call.params.get("StackName"), self._ground.store(call)
        if not name:
            living = [views.stack(each) for each in store.stacks if not each.is_deleted]
            return views.page("Stacks", living, call.params.get("NextToken"))
        found = store.find(name)
        if found is None:
            raise refused(f"Stack with id {name} does not exist")
        self._ground.wait(lambda: not found.is_busy)
        return {"Stacks": [views.stack(found)]}

    def _stack(self, call: Call) -> Stack:
        return self._ground.store(call).require(call.params["StackName"])

    def describe_events(self, call: Call) -> dict[str, Any]:
        stack = self._stack(call)
        found = [views.event(stack, each) for each in reversed(stack.events)]
        return views.page("StackEvents", found, call.params.get("NextToken"))

    def describe_resource(self, call: Call) -> dict[str, Any]:
        stack, logical = self._stack(call), call.params["LogicalResourceId"]
        if logical not in stack.resources:
            raise refused(f"Resource {logical} does not exist for stack {stack.name}")
        found = stack.resources[logical]
        described = views.resource(stack, found, "LastUpdatedTimestamp")
        if stack.design and logical in stack.design.template.resources:
            metadata = stack.design.template.resources[logical].get("Metadata", {})
            described["Metadata"] = json.dumps(metadata)
        return {"StackResourceDetail": described}

    def describe_resources(self, call: Call) -> dict[str, Any]:
        params, store = call.params, self._ground.store(call)
        if "StackName" not in params and "PhysicalResourceId" not in params:
            raise refused("Either StackName or PhysicalResourceId must be specified")
        stacks = [store.require(params["StackName"])] if "StackName" in params else store.stacks
        found = [
            views.resource(stack, each)
            for stack in stacks
            for each in stack.resources.values()
            if params.get("LogicalResourceId") in (None, each.logical)
            and params.get("PhysicalResourceId") in (None, each.id)
        ]
        if not found and "PhysicalResourceId" in params:
            raise refused(f"Stack for {params['PhysicalResourceId']} does not exist")
        return {"StackResources": found}

    def list_resources(self, call: Call) -> dict[str, Any]:
        stack = self._stack(call)
        found = [views.resource(stack, each, "LastUpdatedTimestamp") for each in stack.resources.values()]
        return views.page("StackResourceSummaries", found, call.params.get("NextToken"))

    def list_stacks(self, call: Call) -> dict[str, Any]:
        asked = call.params.get("StackStatusFilter")
        found = [
            views.summary(each)
            for each in reversed(self._ground.store(call).stacks)
            if not asked or each.status in asked
        ]
        return views.page("StackSummaries", found, call.params.get("NextToken"))

    def list_exports(self, call: Call) -> dict[str, Any]:
        found = [
            {"ExportingStackId": stack.id, "Name": name, "Value": output.value}
            for name, (stack, output) in self._ground.store(call).exports().items()
        ]
        return views.page("Exports", found, call.params.get("NextToken"))

    def list_imports(self, call: Call) -> dict[str, Any]:
        name = call.params["ExportName"]
        found = self._ground.store(call).importers(name)
        if not found:
            raise refused(f"Export '{name}' is not imported by any stack.")
        return views.page("Imports", found, call.params.get("NextToken"))

    def get_template(self, call: Call) -> dict[str, Any]:
        stack, asked = self._stack(call), call.params.get("ChangeSetName")
        design = stack.design
        if asked:
            found = [each for each in stack.change_sets.values() if asked in (each.name, each.id)]
            design = found[0].design if found else None
        body = design.template.text if design else ""
        return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}

    def get_summary(self, call: Call) -> dict[str, Any]:
        template = self._template(call)
        return {
            **_parameters(template),
            **_capabilities(template),
            "Description": template.description,
            "ResourceTypes": sorted({str(each["Type"]) for each in template.resources.values()}),
            "Metadata": json.dumps(template.metadata),
        }

    def _template(self, call: Call) -> Template:
        if "StackName" not in call.params:
            return self._ground.reader(call).template(call.params)
        design = self._stack(call).design
        if design is None:
            raise refused(f"Stack [{call.params['StackName']}] has no template yet")
        return design.template

    def validate(self, call: Call) -> dict[str, Any]:
        template = self._ground.reader(call).template(call.params)
        named = {str(body["Type"]) for body in template.resources.values()}
        if unknown := sorted(name for name in named if kinds.find(name) is None):
            raise malformed(f"Unrecognized resource types: [{', '.join(unknown)}]")
        described = [
            views.given(
                ParameterKey=each["ParameterKey"],
                DefaultValue=each.get("DefaultValue"),
                NoEcho=each["NoEcho"],
                Description=each.get("Description"),
            )
            for each in _parameters(template)["Parameters"]
        ]
        return {**_capabilities(template), "Parameters": described, "Description": template.description}


def _parameters(template: Template) -> dict[str, Any]:
    return {"Parameters": [_parameter(name, each) for name, each in template.parameters.items()]}


def _parameter(name: str, declared: Any) -> dict[str, Any]:
    default = declared.get("Default")
    constraints = {
        key: [str(each) for each in declared[key]] if key == "AllowedValues" else str(declared[key])
        for key in CONSTRAINTS
        if key in declared
    }
    return views.given(
        ParameterKey=name,
        DefaultValue=None if default is None else str(default),
        ParameterType=declared.get("Type"),
        NoEcho=str(declared.get("NoEcho", "")).lower() == "true",
        Description=declared.get("Description"),
        ParameterConstraints=constraints or None,
    )


def _capabilities(template: Template) -> dict[str, Any]:
    """What whoever applies a template must acknowledge, whatever its conditions."""
    asking: dict[str, set[str]] = {}
    for body in template.resources.values():
        kind = kinds.find(str(body["Type"]))
        for each in kind.capabilities(properties_of(body)) if kind else ():
            asking.setdefault(each, set()).add(str(body["Type"]))
    if not asking:
        return {"Capabilities": []}
    asked = kinds.NAMED_IAM if kinds.NAMED_IAM in asking else kinds.IAM
    types = sorted({each for found in asking.values() for each in found})
    reason = f"The following resource(s) require capabilities: [{', '.join(types)}]"
    return {"Capabilities": [asked], "CapabilitiesReason": reason}
