"""Applies infra/*.yml through the sandbox's own CloudFormation, as a team does to its accounts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from botocore.exceptions import ClientError

from sandbox.clients import make_client
from sandbox.cloudformation.template import LONGEST, load
from sandbox.errors import SandboxError
from sandbox.project import DUTIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.project import Project

EVERY = "every account"


@dataclass(frozen=True)
class Stack:
    """One template, applied once."""

    name: str
    template: Path
    account: str
    parameters: Mapping[str, str]


def apply(folder: Path, project: Project, endpoint: str, repository: Mapping[str, str]) -> list[str]:
    """Create the stacks of every account; their names. `repository` names the forge's, with its ids."""
    templates = [path for path in sorted(folder.glob("*.yml")) if is_applied(path, project)]
    if not templates:
        raise SandboxError(f"no templates in {str(folder)!r}. Run this from the root of a generated project")
    # trails last: what makes the buckets that they watch is no change of them
    templates.sort(key=lambda path: is_for_every_account(read(path)))
    planned = [stack for path in templates for stack in plan(path, project, repository)]
    clients = {account: _client(endpoint, account, project.region) for account in project.accounts.distinct()}
    for stack in planned:
        _create(clients[stack.account], stack)
    return [stack.name for stack in planned]


def plan(template: Path, project: Project, repository: Mapping[str, str]) -> list[Stack]:
    """The stacks of a template: for each duty where it asks for one, for each account where it says so."""
    document = read(template)
    asked, accounts = set(document.get("Parameters", {})), project.accounts
    every = is_for_every_account(document)
    known = {
        "Project": project.name,
        "Forge": project.forge,
        "Ci": project.ci,
        "TrainingAccount": accounts.training,
        "StagingAccount": accounts.staging,
        "ProdAccount": accounts.prod,
        "Queries": "none",  # the sandbox has no Athena
        **repository,
    }
    planned, provided = [], set[str]()
    for duty in DUTIES if every or "Duty" in asked else ("",):
        account = accounts.of(duty) if duty else accounts.training
        if every and account in provided:
            continue
        # an account has one provider of an issuer, whichever of its duties came first
        known |= {"Duty": duty, "OidcProvider": "exists" if account in provided else "create"}
        provided.add(account)
        name = "-".join(filter(None, [project.name, template.stem, duty]))
        given = {key: value for key, value in known.items() if key in asked}
        planned.append(Stack(name, template, account, given))
    return planned


def is_applied(template: Path, project: Project) -> bool:
    """Whether `up` applies it: not what a team must ask for, nor what is for another forge or engine."""
    facts = read(template).get("Metadata", {})
    fits = facts.get("Forge", project.forge) == project.forge and facts.get("Ci", project.ci) == project.ci
    return fits and not facts.get("Optional", False)


def is_for_every_account(document: Mapping[str, Any]) -> bool:
    return bool(document.get("Metadata", {}).get("AppliedTo") == EVERY)


def read(template: Path) -> dict[str, Any]:
    """A template, parsed."""
    try:
        document = load(template.read_text(encoding="utf-8"))
        return {**document}
    except (yaml.YAMLError, TypeError) as error:
        raise SandboxError(f"{template}: not a template: {' '.join(str(error).split())}") from None


def body(template: Path) -> str:
    """What CloudFormation is sent: the file, or where that is too long the same without its prose."""
    text = template.read_text(encoding="utf-8")
    if len(text.encode()) <= LONGEST:
        return text
    return json.dumps(without_prose(read(template)), separators=(",", ":"), ensure_ascii=False)


def without_prose(document: dict[str, Any]) -> dict[str, Any]:
    """A template without what only people read: reasons of resources, descriptions of parameters."""
    short = {part: value for part, value in document.items() if part != "Metadata"}
    for part, said in (("Parameters", "Description"), ("Resources", "Metadata")):
        if part in document:
            short[part] = {
                name: {key: value for key, value in entry.items() if key != said}
                for name, entry in document[part].items()
            }
    return short


def _client(endpoint: str, account: str, region: str) -> Any:
    from sandbox.identity import root_key

    # the sandbox checks no signature
    keys: dict[str, str | None] = {
        "aws_access_key_id": root_key(account),
        "aws_secret_access_key": "sandbox",
    }
    return make_client("cloudformation", endpoint, region, keys)


def _create(client: Any, stack: Stack) -> None:
    try:
        client.create_stack(
            StackName=stack.name,
            TemplateBody=body(stack.template),
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()
            ],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        _wait(client, stack)
    except ClientError as error:
        raise SandboxError(f"{stack.template}: {error}") from None


def _wait(client: Any, stack: Stack) -> None:
    """Wait for the end of a creation; a waiter would sleep for seconds between two looks."""
    while True:  # each answer comes when the stack is at rest, or two seconds later
        found = client.describe_stacks(StackName=stack.name)["Stacks"][0]
        if found["StackStatus"] == "CREATE_COMPLETE":
            return
        if found["StackStatus"] != "CREATE_IN_PROGRESS":
            break
    failed = [
        f"{each['LogicalResourceId']}: {each['ResourceStatusReason']}"
        for each in reversed(client.describe_stack_events(StackName=stack.name)["StackEvents"])
        if each["ResourceStatus"] == "CREATE_FAILED"
    ]
    raise SandboxError(f"{stack.template}: {'; '.join(failed) or found['StackStatusReason']}")
