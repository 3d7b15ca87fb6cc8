"""Stacks, resources, events and change sets as the API describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.cloudformation.records import ChangeSet, Event, Output, Resource, Stack

Described = dict[str, Any]
LONGEST_PAGE = 100


def page(name: str, found: Sequence[Any], token: str | None, longest: int = LONGEST_PAGE) -> Described:
    """One page of a list, with the token of the next."""
    start = int(token) if token and token.isdecimal() else 0
    rest = {"NextToken": str(start + longest)} if len(found) > start + longest else {}
    return {name: list(found[start : start + longest]), **rest}


def given(**members: Any) -> Described:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value not in (None, "")}


def tags(found: Mapping[str, str]) -> list[Described]:
    return [{"Key": key, "Value": value} for key, value in found.items()]


def stack(found: Stack) -> Described:
    design = found.design
    return given(
        StackId=found.id,
        StackName=found.name,
        ChangeSetId=found.change_set,
        Description=design.template.description if design else found.description,
        Parameters=parameters.shown(design.template, design.chosen) if design else [],
        CreationTime=found.created,
        LastUpdatedTime=found.updated,
        DeletionTime=found.deleted,
        RollbackConfiguration={},
        StackStatus=found.status,
        StackStatusReason=found.reason,
        DisableRollback=found.disable_rollback,
        NotificationARNs=[],
        Capabilities=list(found.capabilities),
        Outputs=[output(each) for each in found.outputs.values()],
        RoleARN=found.role,
        Tags=tags(found.tags),
        EnableTerminationProtection=found.protected,
        DriftInformation={"StackDriftStatus": "NOT_CHECKED"},
    )


def output(found: Output) -> Described:
    return given(
        OutputKey=found.name,
        OutputValue=found.value,
        Description=found.description,
        ExportName=found.export,
    )


def summary(found: Stack) -> Described:
    return given(
        StackId=found.id,
        StackName=found.name,
        TemplateDescription=found.design.template.description if found.design else "",
        CreationTime=found.created,
        LastUpdatedTime=found.updated,
        DeletionTime=found.deleted,
        StackStatus=found.status,
        StackStatusReason=found.reason,
        DriftInformation={"StackDriftStatus": "NOT_CHECKED"},
    )


def resource(owner: Stack, found: Resource, moment: str = "Timestamp") -> Described:
    return given(
        StackName=owner.name,
        StackId=owner.id,
        LogicalResourceId=found.logical,
        PhysicalResourceId=found.id,
        ResourceType=found.kind.name,
        ResourceStatus=found.status,
        ResourceStatusReason=found.reason,
        DriftInformation={"StackResourceDriftStatus": "NOT_CHECKED"},
        **{moment: found.moment},
    )


def event(owner: Stack, found: Event) -> Described:
    return given(
        StackId=owner.id,
        EventId=found.id,
        StackName=owner.name,
        LogicalResourceId=found.logical,
        PhysicalResourceId=found.physical,
        ResourceType=found.kind,
        Timestamp=found.moment,
        ResourceStatus=found.status,
        ResourceStatusReason=found.reason,
        ClientRequestToken=found.token,
    )


def change_set(owner: Stack, found: ChangeSet) -> Described:
    """What a list of change sets and the description of one have in common."""
    return given(
        StackId=owner.id,
        StackName=owner.name,
        ChangeSetId=found.id,
        ChangeSetName=found.name,
        ExecutionStatus=found.execution,
        Status=found.status,
        StatusReason=found.reason,
        CreationTime=found.created,
        Description=found.description,
        IncludeNestedStacks=False,
    )
