"""CloudFormation by change sets: prepare, look, execute, follow. One account, one region."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.aws import error_code, pauses
from mlops.errors import AwsError
from mlops.foundation.failures import UNTOUCHED, Event, command, explain
from mlops.foundation.steps import Standing
from mlops.foundation.templates import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_cloudformation import CloudFormationClient

    from mlops.foundation.stacks import Stack

PREFIX = "mlops-"
STACK = "AWS::CloudFormation::Stack"
LONGEST_PAUSE = 5.0
# what CloudFormation says of a change set that changes nothing
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Change:
    """One resource that a change set adds, modifies, removes or imports."""

    action: str
    resource: str
    type: str
    is_replaced: bool


@dataclass(frozen=True)
class ChangeSet:
    """Changes that CloudFormation has worked out and is ready to make."""

    arn: str
    stack: Stack
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Cloud:
    """The stacks of one account and region. `tell` hears of each event while a stack is worked on."""

    client: CloudFormationClient
    tell: Callable[[Event], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep

    def standing(self, name: str) -> Standing:
        """A stack as it is now."""
        try:
            found = self.client.describe_stacks(StackName=name)["Stacks"][0]
        except self.client.exceptions.ClientError as error:
            if is_absent(error):
                return Standing()
            raise
        status = str(found["StackStatus"])
        return Standing(
            status=status,
            reason=found.get("StackStatusReason", ""),
            parameters={each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
            template="" if status == "REVIEW_IN_PROGRESS" else self._template(name),
            is_protected=found.get("EnableTerminationProtection", False),
            is_bare=status == "IMPORT_ROLLBACK_COMPLETE" and not self._has_resources(name),
        )

    def _has_resources(self, name: str) -> bool:
        """Whether a stack has any: an import that failed may leave a new one without."""
        return bool(self.client.list_stack_resources(StackName=name)["StackResourceSummaries"])

    def _template(self, name: str) -> str:
        """The template as it was given."""
        answer: Any = self.client.get_template(StackName=name, TemplateStage="Original")
        body = answer.get("TemplateBody", "")
        # botocore parses a body that is JSON
        return body if isinstance(body, str) else compact(body)

    def prepare(
        self, stack: Stack, kind: str, earlier: Mapping[str, str], body: str = "", **options: Any
    ) -> ChangeSet | None:
        """Have the changes worked out; None where there are none. `kind` is CREATE, UPDATE or IMPORT."""
        try:
            arn = self.client.create_change_set(
                StackName=stack.name,
                ChangeSetName=f"{PREFIX}{uuid.uuid4().hex}",
                ChangeSetType=kind,  # type: ignore[arg-type]
                TemplateBody=body or stack.template.body,
                Parameters=list(parameters_of(stack, earlier)),
                Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Description="mlops bootstrap",
                **options,
            )["Id"]
        except self.client.exceptions.ClientError as error:
            if error_code(error) != "ValidationError":
                raise
            raise refuse(stack, error.response["Error"]["Message"]) from None
        found = self._await_change_set(arn)
        if found["Status"] != "FAILED":
            return ChangeSet(arn, stack, tuple(self._changes(found)))
        self.discard(arn)
        reason = str(found.get("StatusReason", ""))
        if any(text in reason for text in NO_CHANGES):
            return None
        raise refuse(stack, reason)

    def _await_change_set(self, arn: str) -> Any:
        for pause in pauses(LONGEST_PAUSE):
            found = self.client.describe_change_set(ChangeSetName=arn)
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                return found
            self.sleep(pause)
        raise AssertionError  # pauses never end

    def _changes(self, page: Any) -> Iterator[Change]:
        """The changes of a change set, all pages."""
        while True:
            for change in page.get("Changes", []):
                if "ResourceChange" in change:
                    yield read_change(change["ResourceChange"])
            if not page.get("NextToken"):
                return
            page = self.client.describe_change_set(
                ChangeSetName=page["ChangeSetId"], NextToken=page["NextToken"]
            )

    def discard(self, arn: str) -> None:
        """Forget a change set; whether it is still there does not matter."""
        try:
            self.client.delete_change_set(ChangeSetName=arn)
        except self.client.exceptions.ClientError as error:
            if error_code(error) != "ChangeSetNotFound" and not is_absent(error):
                raise

    def execute(self, prepared: ChangeSet, is_first: bool) -> None:
        """Make the changes and follow them to their end; raises with the reason when they fail."""
        name = prepared.stack.name
        before = self._newest(name)
        # what a first attempt makes and then fails goes again, retained or not: else it would be in the way
        options: dict[str, Any] = {"RetainExceptOnCreate": True} if is_first else {}
        self.client.execute_change_set(ChangeSetName=prepared.arn, **options)
        self.follow(prepared.stack, before)

    def follow(self, stack: Stack, before: str) -> None:
        """Tell of a stack's events since `before` until it rests; raises when it did not succeed."""
        status, events = self.settle(stack, before)
        if "ROLLBACK" in status or status.endswith("_FAILED"):
            raise AwsError(explain(stack, status, events))

    def settle(self, stack: Stack, before: str = "") -> tuple[str, list[Event]]:
        """Tell of a stack's events since `before` until it rests; how it ended, and the events."""
        before = before or self._newest(stack.name)
        events: list[Event] = []
        for pause in pauses(LONGEST_PAUSE):
            status = self._status(stack.name)
            fresh = self._events_since(stack.name, events[-1].id if events else before)
            for event in fresh:
                self.tell(event)
            events += fresh
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                break
            self.sleep(pause)
        return status, events

    def _status(self, name: str) -> str:
        try:
            return str(self.client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        except self.client.exceptions.ClientError as error:
            if is_absent(error):
                return "DELETE_COMPLETE"
            raise

    def _newest(self, name: str) -> str:
        """The id of a stack's newest event; empty where it has none."""
        events = self._events_since(name, "", pages=1)
        return events[-1].id if events else ""

    def _events_since(self, name: str, before: str, pages: int = 50) -> list[Event]:
        """A stack's events after one of them, oldest first."""
        found: list[Event] = []
        try:
            paginator = self.client.get_paginator("describe_stack_events")
            for number, page in enumerate(paginator.paginate(StackName=name), start=1):
                for event in map(read_event, page["StackEvents"]):
                    if event.id == before:
                        return found[::-1]
                    found.append(event)
                if number == pages:
                    break
        except self.client.exceptions.ClientError as error:
            if not is_absent(error):
                raise
        return found[::-1]

    def delete(self, stack: Stack) -> None:
        """Delete a stack that has nothing worth keeping, and follow it."""
        answer = self.client.describe_stacks(StackName=stack.name)["Stacks"][0]
        before = self._newest(stack.name)
        self.client.delete_stack(StackName=stack.name)
        # once deleted a stack answers by its id alone
        self._follow_deletion(stack, str(answer["StackId"]), before)

    def _follow_deletion(self, stack: Stack, arn: str, before: str) -> None:
        for pause in pauses(LONGEST_PAUSE):
            status = self._status(arn)
            if not status.endswith("_IN_PROGRESS"):
                break
            self.sleep(pause)
        if status != "DELETE_COMPLETE":
            raise AwsError(explain(stack, status, self._events_since(arn, before)))

    def repair(self, stack: Stack) -> None:
        """Let a rollback that failed go on; raises with the command that skips what cannot be mended."""
        before = self._newest(stack.name)
        self.client.continue_update_rollback(StackName=stack.name)
        status, events = self.settle(stack, before)
        if status != "UPDATE_ROLLBACK_COMPLETE":
            stuck = sorted({event.resource for event in events if event.is_failure and event.type != STACK})
            raise AwsError(f"{explain(stack, status, events)}. {skip_command(stack, stuck)}")

    def protect(self, stack: Stack) -> None:
        """Refuse deletion of a stack until somebody takes the protection off."""
        self.client.update_termination_protection(StackName=stack.name, EnableTerminationProtection=True)


def refuse(stack: Stack, reason: str) -> AwsError:
    """What to raise when CloudFormation would not even plan a change."""
    failed = Event("", f"infra/{stack.template.path.name}", "the change set", "CREATE_FAILED", reason)
    return AwsError(explain(stack, UNTOUCHED, [failed]))


def skip_command(stack: Stack, stuck: list[str]) -> str:
    """How to leave resources out of a rollback."""
    skipped = f" --resources-to-skip {' '.join(stuck)}" if stuck else ""
    return f"To go on without mending them: {command(stack, 'continue-update-rollback')}{skipped}"


def parameters_of(stack: Stack, earlier: Mapping[str, str]) -> Iterator[Any]:
    """What a change set is told of each parameter: given, as before, or nothing for its default."""
    for name in stack.template.parameters:
        if name in stack.parameters:
            yield {"ParameterKey": name, "ParameterValue": stack.parameters[name]}
        elif name in earlier:
            yield {"ParameterKey": name, "UsePreviousValue": True}


def read_change(found: Any) -> Change:
    """A change as CloudFormation describes it; "Conditional" may replace."""
    replaced = found.get("Replacement", "False") != "False"
    return Change(found["Action"], found["LogicalResourceId"], found["ResourceType"], replaced)


def read_event(found: Any) -> Event:
    """An event as CloudFormation lists it."""
    return Event(
        found["EventId"],
        found.get("LogicalResourceId", ""),
        found.get("ResourceType", ""),
        found.get("ResourceStatus", ""),
        found.get("ResourceStatusReason", ""),
    )


def is_absent(error: Exception) -> bool:
    """Whether CloudFormation says that there is no such stack."""
    return error_code(error) == "ValidationError" and "does not exist" in str(error)
