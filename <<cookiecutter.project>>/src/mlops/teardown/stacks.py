"""CloudFormation's stacks, and what those that are gone have left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.aws import error_code, pauses
from mlops.errors import AwsError
from mlops.teardown.item import Clients, Item, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 30 * 60  # seconds that the deletion of a stack may take


def find_stacks(clients: Clients) -> Iterator[Item]:
    """Stacks that are there, the newest first: it may stand on older ones."""
    listed = [
        each
        for each in clients.pages("cloudformation", "list_stacks", "StackSummaries")
        if each["StackStatus"] != "DELETE_COMPLETE" and "ParentId" not in each
    ]
    for each in sorted(listed, key=lambda stack: stack["CreationTime"], reverse=True):
        yield Item("stack", each["StackName"], each["StackName"], each["StackId"])


def remove_stack(clients: Clients, item: Item) -> None:
    """Take protection off, delete, and wait. What it cannot delete is left to its own kind."""
    cloudformation = clients.of("cloudformation")
    cloudformation.update_termination_protection(StackName=item.id, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=item.id)
    stuck = await_deletion(clients, item)
    if stuck:
        cloudformation.delete_stack(StackName=item.id, RetainResources=stuck)
        stuck = await_deletion(clients, item)
    if stuck:
        raise AwsError(f"stack {item.id!r} cannot delete {', '.join(stuck)}: see its events")


def await_deletion(clients: Clients, item: Item) -> list[str]:
    """Wait until a stack is gone; the logical ids that it could not delete."""
    import time

    cloudformation = clients.of("cloudformation")
    deadline, pause = time.monotonic() + PATIENCE, pauses(5.0)
    while time.monotonic() < deadline:
        # by its id, under which a stack that is gone is still described
        status = cloudformation.describe_stacks(StackName=item.arn)["Stacks"][0]["StackStatus"]
        if status == "DELETE_COMPLETE":
            return []
        if status == "DELETE_FAILED":
            listed = clients.pages(
                "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=item.arn
            )
            return [each["LogicalResourceId"] for each in listed if each["ResourceStatus"] == "DELETE_FAILED"]
        time.sleep(next(pause))
    raise AwsError(
        f"stack {item.id!r} is still being deleted after {PATIENCE // 60} minutes; run the same command again"
    )


def recall(clients: Clients, is_wanted: Callable[[str], bool]) -> frozenset[str]:
    """The physical ids of all that some stacks have, or had: one that is gone is listed for 90 days."""
    found = set()
    for stack in clients.pages("cloudformation", "list_stacks", "StackSummaries"):
        if is_wanted(stack["StackName"]):
            found |= resource_ids(clients, stack["StackId"])
    return frozenset(found)


def resource_ids(clients: Clients, stack: str) -> set[str]:
    """The physical ids of one stack's resources; none of a stack that CloudFormation has forgotten."""
    try:
        listed = clients.pages(
            "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack
        )
    except Exception as error:
        if error_code(error) == "ValidationError":
            return set()
        raise
    return {each["PhysicalResourceId"] for each in listed if each.get("PhysicalResourceId")}


KINDS = (Kind("stack", find_stacks, remove_stack, ("AWS::CloudFormation::Stack",), ("create_change_set",)),)
