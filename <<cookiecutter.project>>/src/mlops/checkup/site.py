"""What is looked at: a project, the duties that the account signed in to has, and the stacks they want."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import UnreadError
from mlops.foundation import DUTIES, plan_stacks, stacks_of
from mlops.foundation.stacks import fits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from mlops.checkup.reads import Reads
    from mlops.foundation import Stack, Template
    from mlops.project import Project

UNKNOWN = {"OwnerId": "0", "RepositoryId": "0"}  # stands where the forge does not say


@dataclass(frozen=True)
class Site:
    """All that a check is given."""

    root: Path
    project: Project
    asked: str | None  # the duty of the command line
    today: date
    templates: tuple[Template, ...]
    reads: Reads

    @cached_property
    def account(self) -> str:
        """The account that is signed in to, which must be one of the project's."""
        found = str(self.reads.aws("sts", "get_caller_identity")["Account"])
        if found not in expected_accounts(self.project, self.asked):
            raise UnreadError(f"signed in to account {found}, which is not asked about")
        return found

    @property
    def duties(self) -> tuple[str, ...]:
        """The duties of this account that are asked about."""
        return tuple(
            duty
            for duty in DUTIES
            if getattr(self.project.accounts, duty) == self.account and self.asked in (None, duty)
        )

    @cached_property
    def repository(self) -> Mapping[str, str]:
        """Owner, OwnerId, Repository, RepositoryId, as the forge says."""
        if self.project.forge == "codecommit":  # whose repositories have neither owner nor number
            return {**UNKNOWN, "Owner": "", "Repository": self.project.repository}
        found = self.reads.forge("")
        if found is None:
            raise UnreadError(f"the forge knows no repository {self.project.repository!r}, or hides it")
        owner = found["owner"]
        names = {"Owner": owner["login"], "Repository": found["name"]}
        return {**names, "OwnerId": str(owner["id"]), "RepositoryId": str(found["id"])}

    @cached_property
    def stacks(self) -> tuple[Stack, ...]:
        """The stacks that are wanted here, optional ones where they are there; their names need no forge."""
        owner, _, name = self.project.repository.rpartition("/")
        named = {"Owner": owner, "Repository": name, **UNKNOWN}
        optional = [each.stem for each in self.templates if each.facts.optional and fits(each, self.project)]
        planned = plan_stacks(self.templates, self.project, named, optional)
        mine = {stack.name for duty in self.duties for stack in stacks_of(planned, duty, self.account)}
        return tuple(stack for stack in planned if stack.name in mine and self.wants(stack))

    def wants(self, stack: Stack) -> bool:
        """Whether a stack is to be there: an optional one only once somebody has made it."""
        there = self.reads.aws("cloudformation", "describe_stacks", StackName=stack.name)
        return there is not None or not stack.template.facts.optional

    def made(self, kind: str) -> Iterator[tuple[Stack, str, str]]:
        """(stack, logical id, physical id) of each resource of a CloudFormation type that the stacks made."""
        for stack in self.stacks:
            answer = self.reads.aws("cloudformation", "list_stack_resources", StackName=stack.name)
            for resource in (answer or {}).get("StackResourceSummaries", []):
                if resource["ResourceType"] == kind:
                    yield stack, resource["LogicalResourceId"], resource.get("PhysicalResourceId", "")

    def declares(self, kind: str) -> bool:
        """Whether any of the wanted templates has a resource of a type."""
        return any(each.type == kind for stack in self.stacks for each in stack.template.resources.values())

    def properties(self, stack: Stack, logical_id: str) -> Mapping[str, Any]:
        """What a template says of a resource, functions unresolved."""
        declared: Mapping[str, Any] = stack.template.document["Resources"].get(logical_id, {})
        found: Mapping[str, Any] = declared.get("Properties") or {}
        return found


def expected_accounts(project: Project, asked: str | None) -> dict[str, str]:
    """Account → the duty that it has, of those asked about."""
    duties = [asked] if asked else reversed(DUTIES)
    return {getattr(project.accounts, duty): duty for duty in duties}
