"""What has to happen to a stack, decided from what CloudFormation says of it. Nothing here calls AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import yaml

from mlops.foundation.expressions import full_parameters
from mlops.foundation.failures import command
from mlops.foundation.templates import parse_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.foundation.stacks import Stack

ABSENT = ""
# nothing stands but the empty shell: it can only be deleted
SHELLS = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
AT_REST = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
HIDDEN = "****"  # how CloudFormation shows a NoEcho parameter


class Act(StrEnum):
    """What bootstrap does with a stack."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    ADOPT = "adopt"  # create, with what an earlier stack left behind
    PROTECT = "protect"
    REPLACE = "delete and create"
    REPAIR = "repair and update"
    WAIT = "wait for"
    REFUSE = "leave"


@dataclass(frozen=True)
class Standing:
    """A stack as CloudFormation has it; all empty where there is none."""

    status: str = ABSENT
    reason: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    is_protected: bool = False
    is_bare: bool = False  # without any resource, although it was created

    @property
    def is_made(self) -> bool:
        """Whether its resources are there, as far as CloudFormation knows."""
        return not self.is_bare and self.status not in {
            ABSENT,
            "REVIEW_IN_PROGRESS",
            "DELETE_COMPLETE",
            *SHELLS,
        }


@dataclass(frozen=True)
class Step:
    """What to do with a stack, and why that."""

    act: Act
    because: str = ""


def decide(stack: Stack, standing: Standing) -> Step:
    """The next thing to do; WAIT means to look again."""
    status = standing.status
    if status in (ABSENT, "DELETE_COMPLETE"):
        return Step(Act.CREATE)
    if status == "REVIEW_IN_PROGRESS":
        return Step(Act.CREATE, "an earlier run ended before it created anything")
    if status in SHELLS or standing.is_bare:
        return Step(
            Act.REPLACE, f"it is {status}, which cannot be updated: {standing.reason or 'no reason given'}"
        )
    if status.endswith("_IN_PROGRESS"):
        return Step(Act.WAIT, f"it is {status}")
    if status == "UPDATE_ROLLBACK_FAILED":
        return Step(Act.REPAIR, f"it is {status}: {standing.reason or 'no reason given'}")
    if status not in AT_REST:
        return Step(Act.REFUSE, f"it is {status}, which this tool does not mend: {remedy(stack, status)}")
    differs = differences(stack, standing)
    if differs:
        return Step(Act.UPDATE, "; ".join(differs))
    if is_stateful(stack) and not standing.is_protected:
        return Step(Act.PROTECT, "it holds data, and anyone may delete it by mistake")
    return Step(Act.KEEP, "as it should be")


def is_stateful(stack: Stack) -> bool:
    """Whether a stack holds what must outlive it: it gets termination protection."""
    return any(resource.is_kept for resource in stack.template.resources.values())


def remedy(stack: Stack, status: str) -> str:
    """The command for a state that is left to people."""
    return command(stack, "rollback-stack" if status == "UPDATE_FAILED" else "describe-stacks")


def differences(stack: Stack, standing: Standing) -> list[str]:
    """What of a stack is not as it should be: the template, parameters, tags."""
    found = []
    if not same_template(stack, standing):
        found.append(f"infra/{stack.template.path.name} has changed")
    wanted = full_parameters(stack, standing.parameters)
    for name, value in wanted.items():
        now = standing.parameters.get(name)
        if now not in (value, HIDDEN):
            found.append(
                f"{name}: {now!r} becomes {value!r}" if now is not None else f"{name}={value!r} is new"
            )
    if any(standing.tags.get(name) != value for name, value in stack.tags.items()):
        found.append("tags")
    return found


def same_template(stack: Stack, standing: Standing) -> bool:
    """Whether a stack's template says the same; comments and what is only for people do not count."""
    if standing.template.strip() == stack.template.body.strip():
        return True
    try:
        return effective(parse_template(standing.template)) == effective(stack.template.document)
    except (yaml.YAMLError, AttributeError):
        return False


def effective(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a template that resources come from."""
    return {key: value for key, value in document.items() if key not in ("Description", "Metadata")}


def find_maker(
    parameter: str, stacks: Sequence[str], standings: Mapping[str, Standing], is_there: bool
) -> str:
    """Which of one account's stacks, given by name in order, makes what the account has once.

    The one that has made it; "" where it is there and none of them did; else the first.
    """
    for name in stacks:
        if standings[name].is_made and standings[name].parameters.get(parameter) == "create":
            return name
    return "" if is_there or not stacks else stacks[0]
